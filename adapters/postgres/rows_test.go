package postgres

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm/schema"

	"github.com/docuvault/docuvault/internal/testenv"
)

// column is what both sides say about a column.
type column struct {
	Type     string
	NotNull  bool
	Default  string // as PostgreSQL writes it, without casts and quotes; "identity"
	PrimaryK bool
}

// TestRowsMatchTables compares every row type with its table, both ways.
func TestRowsMatchTables(t *testing.T) {
	t.Parallel()
	store := open(t, Config{DSN: testenv.Schema(t).AppDSN})
	tables := tableColumns(t, store.DB())
	seen := map[string]bool{}
	for _, row := range allRows() {
		name, columns := rowColumns(t, row)
		seen[name] = true
		for _, difference := range differences(columns, tables[name]) {
			t.Errorf("%s: %s", name, difference)
		}
	}
	for name := range tables {
		if !seen[name] {
			t.Errorf("table %s has no row type", name)
		}
	}
}

// TestRowMismatchesAreSeen makes sure that the comparison sees what it is for.
func TestRowMismatchesAreSeen(t *testing.T) {
	t.Parallel()
	store := open(t, Config{DSN: testenv.Schema(t).AppDSN})
	tables := tableColumns(t, store.DB())
	for what, row := range map[string]any{
		"misses color":      &lackingRow{},
		"extra has no":      &extraRow{},
		"has type":          &typeRow{},
		"has null":          &nullRow{},
		"has default":       &defaultRow{},
		"has no default":    &noDefaultRow{},
		"is not in the key": &keyRow{},
	} {
		_, columns := rowColumns(t, row)
		if found := differences(columns, tables["topics"]); len(found) != 1 {
			t.Errorf("a row that %s: found %q", what, found)
		}
	}
}

type (
	lackingRow struct {
		ID          uuid.UUID  `gorm:"type:uuid;primaryKey;not null;default:gen_random_uuid()"`
		UserID      *uuid.UUID `gorm:"type:uuid"`
		Name        string     `gorm:"type:text;not null"`
		Description string     `gorm:"type:text;not null;default:''"`
	}
	extraRow struct {
		Row   topicRow `gorm:"embedded"`
		Shade *string  `gorm:"type:text"`
	}
	typeRow struct {
		Row   lackingRow `gorm:"embedded"`
		Color string     `gorm:"type:text;not null;default:'#6366f1'"`
	}
	nullRow struct {
		Row   lackingRow `gorm:"embedded"`
		Color *string    `gorm:"type:character varying(7);default:'#6366f1'"`
	}
	defaultRow struct {
		Row   lackingRow `gorm:"embedded"`
		Color string     `gorm:"type:character varying(7);not null;default:'#000000'"`
	}
	noDefaultRow struct {
		Row   lackingRow `gorm:"embedded"`
		Color string     `gorm:"type:character varying(7);not null"`
	}
	keyRow struct {
		Row   lackingRow `gorm:"embedded"`
		Color string     `gorm:"type:character varying(7);primaryKey;not null;default:'#6366f1'"`
	}
)

func differences(row, table map[string]column) []string {
	var found []string
	for name, want := range table {
		if got, ok := row[name]; !ok {
			found = append(found, name+" has no field")
		} else if got != want {
			found = append(found, fmt.Sprintf("%s is %+v in the row, %+v in the table", name, got, want))
		}
	}
	for name := range row {
		if _, ok := table[name]; !ok {
			found = append(found, name+" has no column")
		}
	}
	slices.Sort(found)
	return found
}

func rowColumns(t *testing.T, row any) (string, map[string]column) {
	t.Helper()
	parsed, err := schema.Parse(row, &sync.Map{}, schema.NamingStrategy{})
	if err != nil {
		t.Fatal(err)
	}
	columns := map[string]column{}
	for _, field := range parsed.Fields {
		if field.DBName == "" {
			continue
		}
		c := column{Type: string(field.DataType), NotNull: field.NotNull, Default: strings.Trim(field.DefaultValue, "'"), PrimaryK: field.PrimaryKey}
		if field.AutoIncrement {
			c.Default = "identity"
		}
		if field.AutoCreateTime != 0 || field.AutoUpdateTime != 0 {
			t.Errorf("%s.%s: GORM would set the time by itself", parsed.Table, field.DBName)
		}
		// A field that cannot say NULL must not stand for a column that can be.
		kind := field.FieldType.Kind()
		if nullable := kind == reflect.Pointer || kind == reflect.Slice; nullable == c.NotNull && c.Default != "true" {
			t.Errorf("%s.%s is of type %s but NOT NULL is %v", parsed.Table, field.DBName, field.FieldType, c.NotNull)
		}
		columns[field.DBName] = c
	}
	return parsed.Table, columns
}

var cast = regexp.MustCompile(`::(character varying|text)$`)

func tableColumns(t *testing.T, db *sql.DB) map[string]map[string]column {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `
		SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
		       CASE WHEN a.attidentity <> '' THEN 'identity' ELSE coalesce(pg_get_expr(d.adbin, d.adrelid), '') END,
		       EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND a.attnum = ANY (i.indkey))
		FROM pg_class c
		JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close() // rows.Err tells
	tables := map[string]map[string]column{}
	for rows.Next() {
		var table, name string
		var c column
		if err := rows.Scan(&table, &name, &c.Type, &c.NotNull, &c.Default, &c.PrimaryK); err != nil {
			t.Fatal(err)
		}
		c.Default = strings.Trim(cast.ReplaceAllString(c.Default, ""), "'")
		if tables[table] == nil {
			tables[table] = map[string]column{}
		}
		tables[table][name] = c
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if len(tables) == 0 {
		t.Fatal("there are no tables")
	}
	return tables
}

// TestHeadListIsTheHead: the columns written out by hand are those of documentHead.
func TestHeadListIsTheHead(t *testing.T) {
	t.Parallel()
	_, columns := rowColumns(t, &documentHead{})
	var names []string
	for name := range columns {
		names = append(names, name)
	}
	listed := strings.Split(headList, ", ")
	slices.Sort(names)
	slices.Sort(listed)
	if !slices.Equal(names, listed) {
		t.Errorf("listed %v, fields %v", listed, names)
	}
}

// TestEveryRowGoesInAndOut writes and reads one row of every table, with everything set.
func TestEveryRowGoesInAndOut(t *testing.T) {
	t.Parallel()
	store := open(t, Config{DSN: testenv.Schema(t).AppDSN})
	id, at := uuid.New, time.Date(2026, 1, 2, 3, 4, 5, 678_901_000, time.UTC)
	user, user2, folder, document, topic := id(), id(), id(), id(), id()
	text, number, share, yes := "ünïcode", 7, 0.5, false
	head := documentHead{ID: document, UserID: &user, FolderID: &folder, Filename: "a", ObjectKey: "k", ContentType: "t", SizeBytes: 1,
		StorageBackend: "b", Status: "s", CreatedAt: at, UpdatedAt: at, SHA256: []byte{1}, FailureCode: &text, FailureMessage: &text,
		Attempts: 1, Requeues: 2, TaskID: &text, EnqueuedAt: &at, ReconcileAt: at, PageCount: &number, TextTruncated: true,
		Title: &text, Author: &text, Language: &text, AuthoredAt: &at, ModifiedAt: &at, Warning: &text, ThumbnailKey: &text}
	network := inet{netip.MustParsePrefix("10.0.0.0/8")}
	address := inet{netip.MustParsePrefix("2001:db8::1/128")}
	for _, row := range []any{
		&userRow{ID: user, Handle: "h", Email: "e", PasswordHash: "p", TotpSecret: &text, TotpEnabled: true, Role: "r", IsActive: &yes,
			AIProvider: &text, AIModel: &text, DefaultStorageBackend: "d", CreatedAt: at},
		&userRow{ID: user2, Handle: "h2", Email: "e2", PasswordHash: "p", Role: "r", IsActive: &yes, DefaultStorageBackend: "d", CreatedAt: at},
		&quotaRow{UserID: user, LimitBytes: 1, UsedBytes: 2},
		&refreshTokenRow{ID: id(), UserID: user, TokenHash: "t", ExpiresAt: at, Revoked: true, CreatedAt: at},
		&folderRow{ID: folder, UserID: &user, Name: "f", CreatedAt: at},
		&documentRow{Head: head, ExtractedText: &text, PageStarts: integers{0, 7}},
		&topicRow{ID: topic, UserID: &user, Name: "t", Description: "d", Color: "#000000"},
		&filingRow{DocumentID: document, TopicID: topic, Confirmed: true, Confidence: &share},
		&shareRow{ID: id(), DocumentID: document, OwnerID: user, RecipientID: user2, Permission: "edit", CreatedAt: at},
		&auditRow{UserID: &user, ActorID: &user2, EventType: "e", ResourceID: &document, IPAddress: &network, Metadata: json.RawMessage(`{"a": 1}`), CreatedAt: at},
		&auditRow{EventType: "e", IPAddress: &address, CreatedAt: at},
		&cloudConnectionRow{ID: id(), UserID: user, Provider: "p", DisplayName: "d", CredentialsEnc: "c", Status: "s", ConnectedAt: at},
		&groupRow{ID: id(), Name: "g", CreatedAt: at},
	} {
		if err := store.db.WithContext(t.Context()).Create(row).Error; err != nil {
			t.Errorf("%T in: %v", row, err)
			continue
		}
		back := reflect.New(reflect.TypeOf(row).Elem()).Interface()
		parsed, err := schema.Parse(row, &sync.Map{}, schema.NamingStrategy{})
		if err != nil {
			t.Fatal(err)
		}
		query := store.db.WithContext(t.Context())
		for _, key := range parsed.PrimaryFields {
			value, _ := key.ValueOf(context.Background(), reflect.ValueOf(row).Elem())
			query = query.Where(key.DBName+" = ?", value)
		}
		if err := query.Take(back).Error; err != nil {
			t.Errorf("%T out: %v", row, err)
			continue
		}
		if in, out := dump(t, row), dump(t, back); in != out {
			t.Errorf("%T\n in %s\nout %s", row, in, out)
		}
	}
}

// dump writes a row with times in UTC.
func dump(t *testing.T, row any) string {
	t.Helper()
	text, err := json.Marshal(row)
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`(\d)(\+00:00)"`).ReplaceAllString(string(text), `${1}Z"`)
}

package schema_test

import (
	"database/sql"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/docuvault/docuvault/adapters/schema"
	"github.com/docuvault/docuvault/internal/testenv"
)

// pythonDDL is what SQLAlchemy makes of the Python side's models: see testdata/python.py.
//
//go:embed testdata/python.sql
var pythonDDL string

//go:embed testdata/python_rows.sql
var pythonRows string

// python is a database as the Python side leaves it, with rows in every table, and its DSNs.
func python(t *testing.T) testenv.Database {
	t.Helper()
	d := testenv.Postgres(t)
	exec(t, open(t, d.MigrateDSN), pythonDDL, pythonRows)
	return d
}

// rows reads a table whole, each row as sorted JSON without the columns Python does not know.
func rows(t *testing.T, db *sql.DB, table string, columns []string) []string {
	t.Helper()
	list, err := db.QueryContext(t.Context(), "SELECT row_to_json(t)::text FROM "+table+" t")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = list.Close() }()
	var all []string
	for list.Next() {
		var text string
		if err := list.Scan(&text); err != nil {
			t.Fatal(err)
		}
		var row map[string]any
		if err := json.Unmarshal([]byte(text), &row); err != nil {
			t.Fatal(err)
		}
		kept := map[string]any{}
		for _, c := range columns {
			v, ok := row[c]
			if !ok {
				t.Errorf("column %s.%s is gone", table, c)
			}
			kept[c] = v
		}
		b, err := json.Marshal(kept)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(b))
	}
	if err := list.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

func columnsOf(t *testing.T, db *sql.DB, table string) []string {
	t.Helper()
	list := one(t, db, "SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped AND attrelid = '"+table+"'::regclass")
	return strings.Split(list, ",")
}

func TestAdoptsPythonDatabase(t *testing.T) {
	t.Parallel()
	d := python(t)
	db := open(t, d.MigrateDSN)
	s := read(t, "")

	tables := strings.Split(one(t, db, "SELECT string_agg(relname, ',') FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"), ",")
	if len(tables) != 12 {
		t.Fatalf("the Python database has %d tables: %q", len(tables), tables)
	}
	columns := map[string][]string{}
	before := map[string][]string{}
	for _, table := range tables {
		columns[table] = columnsOf(t, db, table)
		before[table] = rows(t, db, table, columns[table])
		if len(before[table]) == 0 && table != "groups" {
			t.Errorf("no rows in %s: the test would show nothing", table)
		}
	}

	plan, err := s.Plan(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	if losses := plan.Losses(); len(losses) > 0 {
		t.Errorf("adoption counts as destructive: %q", losses)
	}
	applied := apply(t, s, db)
	if len(applied.Statements) != len(plan.Statements) {
		t.Errorf("planned %d statements, applied %d", len(plan.Statements), len(applied.Statements))
	}
	if len(applied.Remaining) > 0 {
		t.Errorf("differences remain: %q", applied.Remaining)
	}
	if !slices.Equal(applied.Unknown, []string{"alembic_version"}) {
		t.Errorf("unknown tables: %q", applied.Unknown)
	}
	for _, table := range tables {
		if after := rows(t, db, table, columns[table]); !slices.Equal(before[table], after) {
			t.Errorf("%s: before\n%s\nafter\n%s", table, strings.Join(before[table], "\n"), strings.Join(after, "\n"))
		}
	}
	if again := apply(t, s, db); !again.Empty() {
		t.Errorf("a second apply: %s", again.String())
	}
	drift, err := s.Drift(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	if drift.Err() != nil || !slices.Equal(drift.Unknown, []string{"alembic_version"}) {
		t.Errorf("drift: %s", drift)
	}

	t.Run("the numbers of the audit log go on", func(t *testing.T) {
		// Row 7 was deleted: its number was given and is not given again.
		exec(t, db, "INSERT INTO audit_log (event_type) VALUES ('next')")
		if got := one(t, db, "SELECT id FROM audit_log WHERE event_type = 'next'"); got != "8" {
			t.Errorf("the next row is number %s", got)
		}
		exec(t, db, "INSERT INTO audit_log (id, event_type) VALUES (5000000000, 'wide')")
		if got := one(t, db, "SELECT count(*) FROM pg_sequences WHERE schemaname = 'public'"); got != "1" {
			t.Errorf("%s sequences", got)
		}
	})
	t.Run("one name space for nobody", func(t *testing.T) {
		_, err := db.ExecContext(t.Context(), "INSERT INTO topics (name) VALUES ('Taxes')")
		if err == nil {
			t.Error("a second topic Taxes without owner was taken")
		}
	})
	t.Run("alembic_version is left alone", func(t *testing.T) {
		got := one(t, db, "SELECT has_table_privilege('docuvault_app', 'alembic_version', 'SELECT')")
		if got != "false" {
			t.Error("the app role got rights on a table that is not ours")
		}
	})
}

// A database whose constraints were named by a naming_convention, made with unique indexes for unique columns, by the app role.
func TestAdoptsOddPythonDatabase(t *testing.T) {
	t.Parallel()
	d := python(t)
	exec(t, open(t, d.MigrateDSN),
		"ALTER TABLE users RENAME CONSTRAINT users_pkey TO pk_users",
		"ALTER TABLE users DROP CONSTRAINT users_email_key", "CREATE UNIQUE INDEX ix_users_email ON users (email)",
		"ALTER TABLE users DROP CONSTRAINT users_handle_key", "CREATE UNIQUE INDEX users_handle_key ON users (handle)",
		"ALTER TABLE shares RENAME CONSTRAINT shares_owner_id_fkey TO fk_shares_owner_id_users",
		"ALTER TABLE documents DROP CONSTRAINT documents_folder_id_fkey, ADD FOREIGN KEY (folder_id) REFERENCES folders",
		"ALTER TABLE quotas DROP CONSTRAINT quotas_user_id_fkey, ADD CONSTRAINT quotas_user_id_fkey FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE DEFERRABLE",
		"ALTER TABLE topics ALTER color TYPE varchar(5) USING left(color, 5), ALTER name TYPE varchar(100)",
		"ALTER TABLE documents ALTER size_bytes TYPE integer, ALTER status SET DEFAULT 'new', ALTER created_at SET DEFAULT CURRENT_TIMESTAMP",
		// A name longer than an entry of an index can be, and too varied to be compressed into one.
		`INSERT INTO documents (id, filename, object_key, content_type, size_bytes, storage_backend, status, created_at, updated_at)
		SELECT gen_random_uuid(), string_agg(md5(i::text), ''), 'k', 'text/plain', 1, 'minio', 'ready', now(), now() FROM generate_series(1, 200) i`,
	)
	exec(t, open(t, d.SuperDSN), "ALTER TABLE folders OWNER TO docuvault_app")
	db := open(t, d.MigrateDSN)
	s := read(t, "")
	_, err := s.Apply(t.Context(), db, schema.ApplyOptions{})
	if !errors.Is(err, schema.ErrRoles) || !strings.Contains(err.Error(), "init-roles") || !strings.Contains(err.Error(), "folders") {
		t.Fatalf("with a table of the app role: %v", err)
	}
	exec(t, open(t, d.SuperDSN), "ALTER TABLE folders OWNER TO docuvault_migrate")

	applied := apply(t, s, db)
	if len(applied.Remaining) > 0 {
		t.Errorf("differences remain: %q", applied.Remaining)
	}
	if again := apply(t, s, db); !again.Empty() {
		t.Errorf("a second apply: %s", again.String())
	}
}

func TestDuplicatesStandInTheWay(t *testing.T) {
	t.Parallel()
	d := python(t)
	db := open(t, d.MigrateDSN)
	exec(t, db,
		"INSERT INTO topics (id, name, description, color) VALUES ('00000000-0000-4000-8000-0000000000a1', 'Taxes', '', ''), ('00000000-0000-4000-8000-0000000000a2', 'Taxes', '', '')",
		"INSERT INTO folders (id, name) VALUES ('00000000-0000-4000-8000-0000000000b1', E'it''s\n\\here'), ('00000000-0000-4000-8000-0000000000b2', E'it''s\n\\here')",
	)
	before := one(t, db, "SELECT count(*) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = 'public'::regnamespace")
	s := read(t, "")

	plan, err := s.Plan(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Duplicates) != 2 {
		t.Errorf("plan: %v", plan.Duplicates)
	}
	_, err = s.Apply(t.Context(), db, schema.ApplyOptions{})
	var dup *schema.DuplicatesError
	if !errors.As(err, &dup) || !errors.Is(err, schema.ErrDuplicates) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"topics", "NULL, 'Taxes'", "00000000-0000-4000-8000-0000000000a1", "…a2", "folders", "nothing was applied", "Rename or delete"} {
		want = strings.Replace(want, "…", "00000000-0000-4000-8000-0000000000", 1)
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
	if got := fmt.Sprint(dup.Duplicates[len(dup.Duplicates)-1].Rows); got != "3" {
		t.Errorf("%s rows share the topic's name", got)
	}
	if after := one(t, db, "SELECT count(*) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = 'public'::regnamespace"); after != before {
		t.Errorf("%s columns before, %s after", before, after)
	}
	exec(t, db, "UPDATE topics SET name = name || ' ' || id WHERE id::text LIKE '%a_'", "DELETE FROM folders WHERE id::text LIKE '%b2'")
	apply(t, s, db)
}

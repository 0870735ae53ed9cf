package schema_test

import (
	"context"
	"database/sql"
	"log/slog"
	"strings"
	"testing"

	"github.com/docuvault/docuvault"
	"github.com/docuvault/docuvault/adapters/schema"
	"github.com/docuvault/docuvault/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

var discard = slog.New(slog.DiscardHandler)

// read makes a Schema of a text, the shipped one if it is empty.
func read(t testing.TB, hcl string) *schema.Schema {
	t.Helper()
	if hcl == "" {
		hcl = string(docuvault.SchemaHCL)
	}
	s, err := schema.New([]byte(hcl), schema.Config{}, discard)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func open(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	db, err := schema.Open(dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func apply(t testing.TB, s *schema.Schema, db *sql.DB) *schema.Applied {
	t.Helper()
	applied, err := s.Apply(context.Background(), db, schema.ApplyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return applied
}

func exec(t testing.TB, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.ExecContext(context.Background(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// one reads a single value as text.
func one(t testing.TB, db *sql.DB, query string) string {
	t.Helper()
	var v sql.NullString
	if err := db.QueryRowContext(context.Background(), query).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v.String
}

// edit replaces text in the shipped schema.hcl, once.
func edit(t testing.TB, pairs ...string) string {
	t.Helper()
	text := string(docuvault.SchemaHCL)
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("schema.hcl has no %q", pairs[i])
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	return text
}

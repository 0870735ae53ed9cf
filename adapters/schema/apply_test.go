package schema_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/schema"
	"github.com/docuvault/docuvault/internal/testenv"
)

func TestApplyTwice(t *testing.T) {
	t.Parallel()
	db := open(t, testenv.Postgres(t).MigrateDSN)
	s := read(t, "")

	plan, err := s.Plan(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	if !errors.Is(plan.Err(), schema.ErrDifferences) {
		t.Error("a plan for an empty database is empty")
	}
	if got := one(t, db, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"); got != "0" {
		t.Errorf("planning left %s relations behind", got)
	}
	first := apply(t, s, db)
	if len(first.Statements) != len(plan.Statements) {
		t.Errorf("planned %d statements, applied %d", len(plan.Statements), len(first.Statements))
	}
	if len(first.Remaining) > 0 {
		t.Errorf("what was applied differs from schema.hcl: %q", first.Remaining)
	}
	second := apply(t, s, db)
	if !second.Empty() || second.Err() != nil || len(second.Remaining) > 0 {
		t.Errorf("the second time: %s %q", second.String(), second.Remaining)
	}
	drift, err := s.Drift(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	if drift.Err() != nil {
		t.Error(drift)
	}
	if got := one(t, db, "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'docuvault%'"); got != "0" {
		t.Error("a scratch schema is left behind")
	}
}

// Replicas start together on an empty database: one makes the tables, the others find them.
func TestEightAppliesAtOnce(t *testing.T) {
	t.Parallel()
	d := testenv.Postgres(t)
	s := read(t, "")
	statements := make([]int, 8)
	var wg sync.WaitGroup
	for i := range statements {
		db := open(t, d.MigrateDSN)
		wg.Go(func() {
			applied, err := s.Apply(t.Context(), db, schema.ApplyOptions{})
			if err != nil {
				t.Error(err)
				return
			}
			statements[i] = len(applied.Statements)
		})
	}
	wg.Wait()
	busy := 0
	for _, n := range statements {
		if n > 0 {
			busy++
		}
	}
	if busy != 1 {
		t.Errorf("statements applied: %v, one replica should have done all", statements)
	}
}

func TestDestructiveIsRefusedThenAllowed(t *testing.T) {
	t.Parallel()
	db := open(t, testenv.Postgres(t).MigrateDSN)
	apply(t, read(t, ""), db)
	exec(t, db, "INSERT INTO users (handle, email, password_hash) VALUES ('ann', 'a long address', 'x')")

	// Drops two columns, shortens a third, and adds one, which must not happen by itself.
	s := read(t, edit(t,
		"  column \"totp_secret\" {\n    null = true\n    type = text\n  }\n", "",
		"  column \"ai_model\" {\n    null = true\n    type = text\n  }\n", "  column \"ai_mode\" {\n    null = true\n    type = text\n  }\n",
		"  column \"email\" {\n    null = false\n    type = character_varying\n", "  column \"email\" {\n    null = false\n    type = character_varying(200)\n"))
	plan, err := s.Plan(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	losses := strings.Join(plan.Losses(), "\n")
	for _, want := range []string{"drops column users.totp_secret", "drops column users.ai_model", "users.email from character varying to character varying(200)"} {
		if !strings.Contains(losses, want) {
			t.Errorf("the plan does not say that it %q: %s", want, losses)
		}
	}
	if text := plan.String(); strings.Count(text, "-- DESTRUCTIVE: ") != 3 {
		t.Errorf("plan:\n%s", text)
	}

	_, err = s.Apply(t.Context(), db, schema.ApplyOptions{})
	var destructive *schema.DestructiveError
	if !errors.As(err, &destructive) || !errors.Is(err, schema.ErrDestructive) || len(destructive.Losses) != 3 {
		t.Fatalf("got %v", err)
	}
	if !strings.Contains(err.Error(), "users.totp_secret") {
		t.Errorf("the error does not name the columns: %v", err)
	}
	if got := strings.Join(columnsOf(t, db, "users"), " "); !strings.Contains(got, "totp_secret") || strings.Contains(got, "ai_mode ") {
		t.Errorf("after a refusal users has the columns %s", got)
	}

	if _, err := s.Apply(t.Context(), db, schema.ApplyOptions{AllowDestructive: true}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(columnsOf(t, db, "users"), " "); strings.Contains(got, "totp_secret") || !strings.Contains(got, "ai_mode") {
		t.Errorf("users has the columns %s", got)
	}
	if again, err := s.Apply(t.Context(), db, schema.ApplyOptions{}); err != nil || !again.Empty() {
		t.Errorf("again: %v %v", again, err)
	}
}

func TestWideningLosesNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		alter string
		loses bool
	}{
		{"ALTER TABLE documents ALTER attempts TYPE smallint", false},
		{"ALTER TABLE documents ALTER attempts TYPE bigint", true},
		{"ALTER TABLE topics ALTER color TYPE varchar(3) USING ''", false},
		{"ALTER TABLE topics ALTER color TYPE varchar(9)", true},
		{"ALTER TABLE topics ALTER color TYPE text", true},
		{"ALTER TABLE topics ALTER name TYPE varchar", false},
		{"ALTER TABLE documents ALTER status TYPE text", false},
		{"ALTER TABLE document_topics ALTER confidence TYPE real", false},
		{"ALTER TABLE documents ALTER page_count TYPE numeric", true},
		{"ALTER TABLE documents DROP attempts", false},
		{"ALTER TABLE documents ADD extra text", true},
		{"ALTER TABLE documents ALTER sha256 SET NOT NULL", false},
		{"CREATE INDEX extra ON documents (status)", false},
		{"ALTER TABLE documents ADD CHECK (size_bytes >= 0)", false},
	} {
		t.Run(c.alter, func(t *testing.T) {
			t.Parallel()
			db := open(t, testenv.Schema(t).MigrateDSN)
			s := read(t, "")
			exec(t, db, c.alter)
			_, err := s.Apply(t.Context(), db, schema.ApplyOptions{})
			if loses := errors.Is(err, schema.ErrDestructive); loses != c.loses || err != nil && !loses {
				t.Fatalf("way back: %v", err)
			}
			if c.loses {
				if _, err := s.Apply(t.Context(), db, schema.ApplyOptions{AllowDestructive: true}); err != nil {
					t.Fatal(err)
				}
			}
			if drift, err := s.Drift(t.Context(), db); err != nil || drift.Err() != nil {
				t.Errorf("afterwards: %v %v", drift, err)
			}
		})
	}
}

// The last statement fails; the ones before it are undone with it.
func TestFailingStatementUndoesAll(t *testing.T) {
	t.Parallel()
	db := open(t, testenv.Schema(t).MigrateDSN)
	exec(t, db,
		"INSERT INTO documents (filename, object_key, content_type) VALUES ('a', 'k', 't')",
		"REVOKE SELECT ON quotas FROM docuvault_app")
	s := read(t, edit(t,
		"table \"groups\" {", "table \"added\" {\n  schema = schema.public\n  column \"id\" {\n    null = false\n    type = integer\n  }\n}\ntable \"groups\" {",
		"  column \"sha256\" {\n    null = true\n", "  column \"sha256\" {\n    null = false\n"))
	_, err := s.Apply(t.Context(), db, schema.ApplyOptions{})
	var stmt *schema.StatementError
	if !errors.As(err, &stmt) {
		t.Fatalf("got %v", err)
	}
	if !strings.Contains(err.Error(), "sha256") || !strings.Contains(stmt.SQL, "SET NOT NULL") {
		t.Errorf("the error does not name the statement: %v", err)
	}
	if got := one(t, db, "SELECT to_regclass('public.added')"); got != "" {
		t.Error("a table of the failed run is there")
	}
	if got := one(t, db, "SELECT has_table_privilege('docuvault_app', 'quotas', 'SELECT')"); got != "false" {
		t.Error("a grant of the failed run is there")
	}
	// The connection is usable and the lock is free.
	apply(t, read(t, ""), db)
}

func TestApplyWaitsForTablesOnlySoLong(t *testing.T) {
	t.Parallel()
	d := testenv.Schema(t)
	db, other := open(t, d.MigrateDSN), open(t, d.MigrateDSN)
	tx, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(t.Context(), "SELECT * FROM documents"); err != nil {
		t.Fatal(err)
	}
	hcl := edit(t, "  column \"page_count\" {\n    null = true\n    type = integer\n", "  column \"page_count\" {\n    null = true\n    type = bigint\n")
	s, err := schema.New([]byte(hcl), schema.Config{LockTimeout: 50 * time.Millisecond}, discard)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := s.Apply(ctx, db, schema.ApplyOptions{}); err == nil || !strings.Contains(err.Error(), "55P03") {
		t.Errorf("with a reader in the way: %v", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	apply(t, s, db)
}

func TestApplyStopsWithItsContext(t *testing.T) {
	t.Parallel()
	d := testenv.Postgres(t)
	db, other := open(t, d.MigrateDSN), open(t, d.MigrateDSN)
	tx, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(t.Context(), "SELECT pg_advisory_xact_lock(x'646f637576617574'::bigint)"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := read(t, "").Apply(ctx, db, schema.ApplyOptions{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestApplyByTheAppRoleIsRefused(t *testing.T) {
	t.Parallel()
	_, err := read(t, "").Apply(t.Context(), open(t, testenv.Postgres(t).AppDSN), schema.ApplyOptions{})
	if !errors.Is(err, schema.ErrRoles) || !strings.Contains(err.Error(), "DATABASE_MIGRATE_URL") {
		t.Errorf("got %v", err)
	}
}

func TestOpenKeepsPasswordsToItself(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{"mysql://u:hunter2@h/d", "postgres://u:hunter2@h:x/d", "postgresql+psycopg://u:hunter2@h/d?sslmode=odd"} {
		if _, err := schema.Open(dsn); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", dsn, err)
		}
	}
	d := testenv.Postgres(t)
	db := open(t, strings.Replace(d.MigrateDSN, "postgres://", "postgresql+psycopg://", 1))
	apply(t, read(t, ""), db)
}

// Somebody keeps extensions in a schema of their own, and the table index that needs one is found there.
func TestExtensionInAnotherSchema(t *testing.T) {
	t.Parallel()
	d := testenv.Postgres(t)
	db := open(t, d.MigrateDSN)
	exec(t, db, "CREATE SCHEMA extensions", "CREATE EXTENSION pg_trgm WITH SCHEMA extensions")
	s := read(t, "")
	if first := apply(t, s, db); len(first.Remaining) > 0 {
		t.Errorf("remaining: %q", first.Remaining)
	}
	if again := apply(t, s, db); !again.Empty() {
		t.Errorf("again: %s", again.String())
	}
	exec(t, db, "DROP INDEX ix_documents_filename_trgm")
	apply(t, s, db)
	if drift, err := s.Drift(t.Context(), db); err != nil || drift.Err() != nil {
		t.Errorf("drift: %v %v", drift, err)
	}
}

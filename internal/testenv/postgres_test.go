//go:build unix

package testenv_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/docuvault/docuvault/internal/testenv"
)

func exec1(t *testing.T, dsn, sql string) error {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql)
	return err
}

func query1(t *testing.T, dsn, sql string) string {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	var s string
	if err := conn.QueryRow(ctx, sql).Scan(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func code(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

func TestPostgresRolesAndIsolation(t *testing.T) {
	t.Parallel()
	a, b := testenv.Postgres(t), testenv.Postgres(t)
	must(t, exec1(t, a.MigrateDSN, "CREATE EXTENSION pg_trgm; CREATE TABLE x (id int)"))
	if err := exec1(t, b.SuperDSN, "SELECT * FROM x"); code(err) != pgerrcode.UndefinedTable {
		t.Errorf("a table shows in another test's database: %v", err)
	}
	if err := exec1(t, a.AppDSN, "CREATE TABLE y (id int)"); code(err) != pgerrcode.InsufficientPrivilege {
		t.Errorf("the app role creates tables: %v", err)
	}
	if err := exec1(t, a.AppDSN, "CREATE TEMP TABLE y (id int)"); code(err) != pgerrcode.InsufficientPrivilege {
		t.Errorf("the app role creates temporary tables: %v", err)
	}
}

func TestOwnPostgresSurvivesKill(t *testing.T) {
	t.Parallel()
	s := testenv.OwnPostgres(t)
	db := s.Database(t)
	if got := query1(t, db.SuperDSN, "SHOW fsync"); got != "on" {
		t.Fatalf("fsync is %s", got)
	}
	must(t, exec1(t, db.MigrateDSN, "CREATE TABLE x AS SELECT 1 AS id"))
	s.Kill(t)
	if err := exec1(t, db.MigrateDSN, "SELECT 1"); err == nil {
		t.Fatal("a killed server answers")
	}
	s.Start(t)
	if got := query1(t, db.MigrateDSN, "SELECT count(*)::text FROM x"); got != "1" {
		t.Fatalf("%s rows after the kill", got)
	}
	s.Stop(t)
	s.Start(t)
	if got := query1(t, db.MigrateDSN, "SELECT count(*)::text FROM x"); got != "1" {
		t.Fatalf("%s rows after the restart", got)
	}
}

func TestSchemaIsApplied(t *testing.T) {
	t.Parallel()
	a, b := testenv.Schema(t), testenv.Schema(t)
	must(t, exec1(t, a.AppDSN, "INSERT INTO topics (name) VALUES ('x')"))
	if got := query1(t, b.AppDSN, "SELECT count(*)::text FROM topics"); got != "0" {
		t.Errorf("%s rows show in another test's database", got)
	}
	if err := exec1(t, a.AppDSN, "DELETE FROM audit_log"); code(err) != pgerrcode.InsufficientPrivilege {
		t.Errorf("the app role deletes from the audit log: %v", err)
	}
}

func BenchmarkIsDurable(b *testing.B) {
	db := testenv.Schema(b)
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, db.AppDSN)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(ctx)
	var fsync, commit string
	if err := conn.QueryRow(ctx, "SELECT current_setting('fsync'), current_setting('synchronous_commit')").Scan(&fsync, &commit); err != nil || fsync+commit != "onon" {
		b.Fatalf("fsync %s, synchronous_commit %s: %v", fsync, commit, err)
	}
	for b.Loop() {
		if _, err := conn.Exec(ctx, "SELECT 1"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSchema(b *testing.B) {
	testenv.Schema(b)
	for b.Loop() {
		testenv.Schema(b)
	}
}

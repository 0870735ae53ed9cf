package schema_test

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/docuvault/docuvault/internal/testenv"
)

// TestMigrateRoleMayNot: the role that owns the tables owns nothing beyond its database (D-13).
func TestMigrateRoleMayNot(t *testing.T) {
	t.Parallel()
	d := testenv.Schema(t)
	migrate := open(t, d.MigrateDSN)
	for _, stmt := range []string{
		"CREATE ROLE mine",
		"CREATE DATABASE mine",
		"CREATE TABLESPACE mine LOCATION '/nowhere'",
		"ALTER ROLE docuvault_migrate SUPERUSER",
		"ALTER ROLE docuvault_app PASSWORD 'x'",
		"ALTER SYSTEM SET fsync = off",
		"SET ROLE docuvault_app",
		"SET SESSION AUTHORIZATION postgres",
		"SET session_replication_role = replica",
		"CREATE EXTENSION dblink",
		"CREATE EXTENSION file_fdw",
		"CREATE FUNCTION mine() RETURNS integer LANGUAGE c AS 'libc', 'getpid'",
		"COPY (SELECT 1) TO PROGRAM 'true'",
		"COPY documents FROM PROGRAM 'true'",
		"COPY (SELECT 1) TO '/nowhere'",
		"SELECT pg_read_file('PG_VERSION')",
		"SELECT pg_ls_dir('.')",
		"SELECT rolpassword FROM pg_authid",
		"SELECT pg_reload_conf()",
	} {
		_, err := migrate.ExecContext(t.Context(), stmt)
		var pg *pgconn.PgError
		if !errors.As(err, &pg) || pg.Code != "42501" { // insufficient_privilege
			t.Errorf("%s: %v", stmt, err)
		}
	}
	for _, name := range []string{"postgres", "template1"} {
		if err := open(t, as(t, d.MigrateDSN, "", "", name)).PingContext(t.Context()); err == nil {
			t.Errorf("the migrate role may connect to the database %s", name)
		}
	}
}

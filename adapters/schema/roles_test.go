package schema_test

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/docuvault/docuvault/adapters/schema"
	"github.com/docuvault/docuvault/internal/testenv"
)

// as is a DSN for another login, database or both.
func as(t *testing.T, dsn, user, password, database string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	if user != "" {
		u.User = url.UserPassword(user, password)
	}
	if database != "" {
		u.Path = "/" + database
	}
	return u.String()
}

var hostile = []string{
	`it's`, `back\slash`, `\'; DROP ROLE docuvault_app; --`, `$$`, `$roles$`, `"double"`, "new\nline", "tab\tand\rreturn", "\x01", `:'app_password'`,
	`:'migrate_password'`, `%s%I%L`, ` blanks `, `pässwörd`, `密码`, `ü\'; DROP ROLE docuvault_app; --`, `ü\\`, `ü'$roles$"`, "ü\n\\n:'app_password'", "no\u00a0break", "-", strings.Repeat("x", 900), `SCRAM-SHA-256$looks:like`, `md5`, `p@ss/w#rd?&=%zz`,
}

func TestInitRolesWithHostilePasswords(t *testing.T) {
	t.Parallel()
	server := testenv.PostgresServer(t, testenv.PostgresOptions{})
	super := open(t, server.SuperDSN())
	exec(t, super, "CREATE DATABASE vault")
	vault := open(t, as(t, server.SuperDSN(), "", "", "vault"))
	for i, password := range hostile {
		other := hostile[(i+1)%len(hostile)]
		if err := schema.InitRoles(t.Context(), vault, schema.Passwords{App: password, Migrate: other}); err != nil {
			t.Fatalf("%q: %v", password, err)
		}
		for role, password := range map[string]string{"docuvault_app": password, "docuvault_migrate": other} {
			db := open(t, as(t, server.SuperDSN(), role, password, "vault"))
			if err := db.PingContext(t.Context()); err != nil {
				t.Errorf("%s does not log in with %q: %v", role, password, err)
			}
		}
		wrong := open(t, as(t, server.SuperDSN(), "docuvault_app", password+"x", "vault"))
		if err := wrong.PingContext(t.Context()); err == nil {
			t.Errorf("a wrong password logs in after %q: the test would show nothing", password)
		}
	}
	if got := one(t, super, "SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_roles WHERE rolcanlogin AND NOT rolsuper"); got != "docuvault_app docuvault_migrate" {
		t.Errorf("roles: %s", got)
	}
}

// The script that --print prints and the container runs does the same through psql, with the passwords in the environment.
func TestRolesScriptThroughPsql(t *testing.T) {
	t.Parallel()
	server := testenv.PostgresServer(t, testenv.PostgresOptions{})
	exec(t, open(t, server.SuperDSN()), "CREATE DATABASE vault")
	vault := as(t, server.SuperDSN(), "", "", "vault")
	for _, password := range hostile {
		out, err := psqlRoles(t, vault, password, "other")
		if err != nil {
			t.Fatalf("%q: %v\n%s", password, err, out)
		}
		if len(password) > 8 && strings.Contains(out, password) {
			t.Errorf("psql prints the password %q", password)
		}
		if err := open(t, as(t, server.SuperDSN(), "docuvault_app", password, "vault")).PingContext(t.Context()); err != nil {
			t.Errorf("docuvault_app does not log in with %q: %v", password, err)
		}
	}
	if out, err := psqlRoles(t, vault, "", "other"); err == nil || !strings.Contains(out, "DOCUVAULT_APP_PASSWORD is not set") {
		t.Errorf("an empty password: %v\n%s", err, out)
	}
	if strings.Contains(schema.RolesSQL(), "CHANGEME") || strings.Contains(schema.RolesSQL(), "PASSWORD '") {
		t.Error("the script holds a password")
	}
}

// psqlRoles runs the script as the container does.
func psqlRoles(t *testing.T, dsn, app, migrate string) (string, error) {
	t.Helper()
	script := filepath.Join(t.TempDir(), "roles.sql")
	if err := os.WriteFile(script, []byte(schema.RolesSQL()), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := osexec.CommandContext(t.Context(), psql(t), "-X", "-d", dsn, "-f", script)
	cmd.Env = append(os.Environ(), "DOCUVAULT_APP_PASSWORD="+app, "DOCUVAULT_MIGRATE_PASSWORD="+migrate)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func psql(t *testing.T) string {
	t.Helper()
	if path, err := osexec.LookPath("psql"); err == nil {
		return path
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/psql")
	if err != nil || len(found) == 0 {
		t.Fatal("psql is missing: apt-get install postgresql-client")
	}
	return found[len(found)-1]
}

func TestInitRolesRefusesWithoutRepeatingPasswords(t *testing.T) {
	t.Parallel()
	d := testenv.Postgres(t)
	for _, c := range []struct {
		name, dsn string
		p         schema.Passwords
		says      string
	}{
		{"none", d.SuperDSN, schema.Passwords{}, "DOCUVAULT_APP_PASSWORD is not set; DOCUVAULT_MIGRATE_PASSWORD is not set"},
		{"one", d.SuperDSN, schema.Passwords{App: "hunter2"}, "DOCUVAULT_MIGRATE_PASSWORD is not set"},
		{"NUL", d.SuperDSN, schema.Passwords{App: "hunter2\x00", Migrate: "hunter2"}, "NUL"},
		{"no superuser", d.MigrateDSN, schema.Passwords{App: "hunter2", Migrate: "hünter2hunter2"}, "42501"},
	} {
		err := schema.InitRoles(t.Context(), open(t, c.dsn), c.p)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error repeats a password: %v", c.name, err)
		}
	}
}

// The server's log is not where a password belongs, even if every statement is logged, by the program and by psql.
func TestRoleSetUpKeepsPasswordsOutOfTheServersLog(t *testing.T) {
	t.Parallel()
	settings := map[string]string{"log_statement": "all", "log_min_duration_statement": "0", "log_min_error_statement": "debug5", "log_duration": "on"}
	server := testenv.PostgresServer(t, testenv.PostgresOptions{Settings: settings})
	db := open(t, server.SuperDSN())
	looks := 0
	clean := func(t *testing.T) {
		t.Helper()
		looks++
		marker := fmt.Sprintf("all is logged up to look %d", looks)
		exec(t, db, "SELECT '"+marker+"'")
		log := server.Log() // the server answers before what it logged has come through the pipe
		for deadline := time.Now().Add(20 * time.Second); !strings.Contains(log, marker); log = server.Log() {
			if time.Now().After(deadline) {
				t.Fatalf("the log does not show statements: the test would show nothing\n%s", log)
			}
			<-time.After(2 * time.Millisecond)
		}
		for _, secret := range []string{"hunter2", "swordfish"} {
			if strings.Contains(log, secret) {
				t.Errorf("the server's log holds a password:\n%s", log)
			}
		}
	}
	for _, p := range []schema.Passwords{{App: "hunter2hunter2", Migrate: "swordfish99"}, {App: "hunter2 pässwörd", Migrate: "swordfish 密码"}} {
		if err := schema.InitRoles(t.Context(), db, p); err != nil {
			t.Fatal(err)
		}
		clean(t)
	}
	if out, err := psqlRoles(t, server.SuperDSN(), "hunter2hunter2", "swordfish 密码"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	clean(t)
	if out, err := psqlRoles(t, server.SuperDSN(), "hunter2hunter2", ""); err == nil {
		t.Fatalf("without a password: %s", out)
	}
	clean(t)
}

// What the server gets is what it would store, whatever it is set to make of passwords.
func TestInitRolesSendsNoPassword(t *testing.T) {
	t.Parallel()
	server := testenv.PostgresServer(t, testenv.PostgresOptions{})
	db := open(t, server.SuperDSN()) // one connection: what is set stays set
	exec(t, db, "SET password_encryption = 'md5'")
	if err := schema.InitRoles(t.Context(), db, schema.Passwords{App: "hunter2", Migrate: "swordfish"}); err != nil {
		t.Fatal(err)
	}
	if got := one(t, db, "SELECT count(*) FROM pg_authid WHERE rolname LIKE 'docuvault%' AND rolpassword LIKE 'SCRAM-SHA-256$4096:%'"); got != "2" {
		t.Errorf("%s of 2 passwords came as verifiers", got)
	}
	if err := open(t, as(t, server.SuperDSN(), "docuvault_app", "hunter2", "")).PingContext(t.Context()); err != nil {
		t.Error(err)
	}
}

// A database that grew up without the roles: tables of the superuser and of the app role, an app role with too many rights.
func TestInitRolesTakesOverAndTidiesUp(t *testing.T) {
	t.Parallel()
	server := testenv.PostgresServer(t, testenv.PostgresOptions{})
	super := open(t, server.SuperDSN())
	for _, stmt := range []string{
		"CREATE DATABASE vault", "CREATE ROLE docuvault_app", "CREATE ROLE docuvault_migrate",
		"ALTER ROLE docuvault_app SUPERUSER CREATEDB CREATEROLE BYPASSRLS REPLICATION",
		"GRANT docuvault_migrate TO docuvault_app", "GRANT pg_read_all_data TO docuvault_app",
		"GRANT ALL ON DATABASE vault TO docuvault_app",
	} {
		exec(t, super, stmt)
	}
	vault := open(t, as(t, server.SuperDSN(), "", "", "vault"))
	exec(t, vault, "CREATE EXTENSION pg_trgm")
	exec(t, vault, pythonDDL)
	exec(t, vault, pythonRows)
	exec(t, vault, "ALTER TABLE documents OWNER TO docuvault_app; GRANT ALL ON ALL TABLES IN SCHEMA public TO docuvault_app; GRANT ALL ON SCHEMA public TO PUBLIC")
	exec(t, vault, "CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1'; CREATE VIEW v AS SELECT 1")
	for range 2 {
		if err := schema.InitRoles(t.Context(), vault, schema.Passwords{App: "a", Migrate: "m"}); err != nil {
			t.Fatal(err)
		}
	}
	migrate := open(t, as(t, server.SuperDSN(), "docuvault_migrate", "m", "vault"))
	s := read(t, "")
	apply(t, s, migrate)
	drift, err := s.Drift(t.Context(), migrate)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(drift.String()); got != "function f() is not in schema.hcl\nview v is not in schema.hcl\n(left alone: table alembic_version is not in schema.hcl)" {
		t.Errorf("drift:\n%s", got)
	}
	if got := one(t, vault, "SELECT count(*) FROM documents"); got != "2" {
		t.Errorf("%s documents", got)
	}
}

// The app role works with rows and can do nothing else, tried one by one.
func TestAppRoleMayNot(t *testing.T) {
	t.Parallel()
	d := testenv.Schema(t)
	app := open(t, d.AppDSN)
	exec(t, open(t, d.SuperDSN), "INSERT INTO audit_log (event_type) VALUES ('x')")
	const denied = "42501" // insufficient_privilege
	for _, stmt := range []string{
		"CREATE TABLE mine (id integer)",
		"CREATE TEMP TABLE mine (id integer)",
		"CREATE TABLE pg_temp.mine (id integer)",
		"SELECT * INTO mine FROM documents",
		"CREATE SCHEMA mine",
		"CREATE VIEW mine AS SELECT 1",
		"CREATE MATERIALIZED VIEW mine AS SELECT 1",
		"CREATE SEQUENCE mine",
		"CREATE TYPE mine AS ENUM ('a')",
		"CREATE DOMAIN mine AS text",
		"CREATE INDEX mine ON documents (status)",
		"CREATE FUNCTION mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
		"CREATE TRIGGER mine BEFORE UPDATE ON documents FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
		"CREATE RULE mine AS ON DELETE TO documents DO INSTEAD NOTHING",
		"CREATE POLICY mine ON documents USING (true)",
		"CREATE EXTENSION citext",
		"CREATE EXTENSION dblink",
		"CREATE ROLE mine",
		"CREATE DATABASE mine",
		"CREATE PUBLICATION mine FOR TABLE documents",
		"CREATE STATISTICS mine ON status, user_id FROM documents",
		"ALTER TABLE documents ADD mine text",
		"ALTER TABLE documents DROP COLUMN status",
		"ALTER TABLE documents DISABLE TRIGGER ALL",
		"ALTER TABLE documents RENAME TO mine",
		"ALTER TABLE documents OWNER TO docuvault_app",
		"ALTER SCHEMA public RENAME TO mine",
		"ALTER ROLE docuvault_app SUPERUSER",
		"ALTER ROLE docuvault_migrate PASSWORD 'x'",
		"ALTER DEFAULT PRIVILEGES FOR ROLE docuvault_migrate GRANT ALL ON TABLES TO PUBLIC",
		"ALTER SYSTEM SET fsync = off",
		"DROP TABLE documents",
		"DROP INDEX ix_documents_reconcile",
		"DROP EXTENSION pg_trgm",
		"DROP SCHEMA public CASCADE",
		"TRUNCATE documents",
		"TRUNCATE audit_log",
		"UPDATE audit_log SET event_type = 'y'",
		"UPDATE audit_log SET metadata = NULL WHERE id = 1",
		"DELETE FROM audit_log",
		"SELECT * FROM audit_log FOR UPDATE",
		"INSERT INTO audit_log (id, event_type) VALUES (1, 'y') ON CONFLICT (id) DO UPDATE SET event_type = 'y'",
		"MERGE INTO audit_log USING (VALUES (1)) v (id) ON audit_log.id = v.id WHEN MATCHED THEN DELETE",
		"DO $$ BEGIN LOCK TABLE audit_log IN ACCESS EXCLUSIVE MODE; END $$",
		"SELECT setval('audit_log_id_seq', 1)",
		"GRANT docuvault_migrate TO docuvault_app",
		"SET ROLE docuvault_migrate",
		"SET SESSION AUTHORIZATION docuvault_migrate",
		"SET session_replication_role = replica",
		"COPY (SELECT 1) TO PROGRAM 'true'",
		"COPY documents FROM PROGRAM 'true'",
		"COPY (SELECT 1) TO '/tmp/docuvault-must-not-exist'",
		"SELECT pg_read_file('PG_VERSION')",
		"SELECT pg_ls_dir('.')",
		"SELECT lo_import('/etc/passwd')",
		"SELECT rolpassword FROM pg_authid",
		"SELECT pg_reload_conf()",
		"DO $$ BEGIN EXECUTE 'CREATE TABLE mine (id integer)'; END $$",
	} {
		_, err := app.ExecContext(t.Context(), stmt)
		var pg *pgconn.PgError
		if !errors.As(err, &pg) || pg.Code != denied {
			t.Errorf("%s: %v", stmt, err)
		}
	}
	for _, name := range []string{"postgres", "template1"} {
		if err := open(t, as(t, d.AppDSN, "", "", name)).PingContext(t.Context()); err == nil {
			t.Errorf("the app role may connect to the database %s", name)
		}
	}
	for _, stmt := range []string{
		"INSERT INTO users (handle, email, password_hash) VALUES ('a', 'b', 'c')",
		"INSERT INTO documents (filename, object_key, content_type) VALUES ('a', 'b', 'c')",
		"SELECT * FROM documents FOR UPDATE SKIP LOCKED", "UPDATE documents SET status = 'ready'", "DELETE FROM documents",
		"INSERT INTO audit_log (user_id, event_type) SELECT id, 'x' FROM users", "SELECT * FROM audit_log",
		"DELETE FROM users", // ON DELETE SET NULL reaches into audit_log
	} {
		if _, err := app.ExecContext(t.Context(), stmt); err != nil {
			t.Errorf("the app role has to be allowed %s: %v", stmt, err)
		}
	}
	if got := one(t, app, "SELECT count(*) FROM audit_log WHERE user_id IS NULL"); got != "2" {
		t.Errorf("%s audit rows", got)
	}
}

// GRANT … ON ALL TABLES covers what exists; what the migrate role makes later is covered by default privileges.
func TestTablesMadeLaterAreTheAppsToo(t *testing.T) {
	t.Parallel()
	d := testenv.Schema(t)
	migrate, app := open(t, d.MigrateDSN), open(t, d.AppDSN)
	exec(t, migrate, "CREATE TABLE later (id serial PRIMARY KEY, t text)")
	for _, stmt := range []string{"INSERT INTO later (t) VALUES ('x')", "SELECT * FROM later", "UPDATE later SET t = 'y'", "DELETE FROM later"} {
		if _, err := app.ExecContext(t.Context(), stmt); err != nil {
			t.Errorf("%s: %v", stmt, err)
		}
	}
	for _, stmt := range []string{"TRUNCATE later", "DROP TABLE later", "ALTER TABLE later ADD x text"} {
		if _, err := app.ExecContext(t.Context(), stmt); err == nil {
			t.Errorf("%s is allowed", stmt)
		}
	}
}

func TestApplyWithoutTheAppRole(t *testing.T) {
	t.Parallel()
	server := testenv.PostgresServer(t, testenv.PostgresOptions{})
	super := open(t, server.SuperDSN())
	exec(t, super, "CREATE ROLE lone LOGIN PASSWORD 'x'")
	exec(t, super, "CREATE DATABASE vault OWNER lone")
	lone := open(t, as(t, server.SuperDSN(), "lone", "x", "vault"))
	_, err := read(t, "").Apply(t.Context(), lone, schema.ApplyOptions{})
	if !errors.Is(err, schema.ErrRoles) || !strings.Contains(err.Error(), "init-roles") {
		t.Errorf("got %v", err)
	}
	if got := one(t, lone, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"); got != "0" {
		t.Errorf("%s relations are left", got)
	}
}

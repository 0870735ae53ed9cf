package schema_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/docuvault/docuvault/adapters/schema"
	"github.com/docuvault/docuvault/internal/testenv"
)

// Every change somebody makes by hand is named; where apply can mend it, it does, without being told that it may destroy.
func TestDriftNamesEveryChange(t *testing.T) {
	t.Parallel()
	const mends, keeps, destroys = "mends", "keeps", "destroys" // what apply does about it
	for _, c := range []struct{ name, change, says, apply string }{
		{"column gone", "ALTER TABLE documents DROP page_count", "column documents.page_count is missing", mends},
		{"column added", "ALTER TABLE documents ADD extra text", "column documents.extra is not in schema.hcl", destroys},
		{"type", "ALTER TABLE documents ALTER page_count TYPE smallint", "column documents.page_count: type is smallint, should be integer", mends},
		{"length", "ALTER TABLE topics ALTER color TYPE varchar(20)", "column topics.color: type is character varying(20), should be character varying(7)", destroys},
		{"default", "ALTER TABLE documents ALTER status SET DEFAULT 'new'", "column documents.status: default is 'new'::character varying, should be 'pending'::character varying", mends},
		{"default gone", "ALTER TABLE documents ALTER id DROP DEFAULT", "column documents.id: default is none, should be gen_random_uuid()", mends},
		{"default of another kind", "ALTER TABLE users ALTER created_at SET DEFAULT clock_timestamp()", "default is clock_timestamp()", mends},
		{"NOT NULL gone", "ALTER TABLE documents ALTER filename DROP NOT NULL", "column documents.filename: null is NULL, should be NOT NULL", mends},
		{"NOT NULL added", "ALTER TABLE documents ALTER sha256 SET NOT NULL", "column documents.sha256: null is NOT NULL, should be NULL", mends},
		{"identity", "ALTER TABLE audit_log ALTER id SET GENERATED ALWAYS", "column audit_log.id: identity is always, should be by default", mends},
		{"collation", "ALTER TABLE topics ALTER name TYPE text COLLATE \"C\"", `column topics.name: collation is "C", should be none`, keeps},
		{"table gone", "DROP TABLE groups", "table groups is missing", mends},
		{"index gone", "DROP INDEX ix_documents_reconcile", "index ix_documents_reconcile on documents is missing", mends},
		{"index added", "CREATE INDEX extra ON documents (status)", "index extra on documents is not in schema.hcl", mends},
		{"index changed", "DROP INDEX ix_shares_recipient; CREATE INDEX ix_shares_recipient ON shares (owner_id)", "index ix_shares_recipient on shares: definition is", mends},
		{"partial index changed", "DROP INDEX ix_documents_reconcile; CREATE INDEX ix_documents_reconcile ON documents (reconcile_at) WHERE status = 'pending'", "index ix_documents_reconcile on documents: definition is", mends},
		{"index of another kind", "DROP INDEX ix_documents_filename_trgm; CREATE INDEX ix_documents_filename_trgm ON documents (filename)", "index ix_documents_filename_trgm on documents: definition is", mends},
		{"unique gone", "ALTER TABLE users DROP CONSTRAINT users_email_key", "constraint users_email_key on users is missing", mends},
		{"unique with nulls", "ALTER TABLE topics DROP CONSTRAINT topics_user_id_name_key, ADD UNIQUE (user_id, name)", "constraint topics_user_id_name_key on topics: definition is UNIQUE (user_id, name), should be UNIQUE NULLS NOT DISTINCT (user_id, name)", mends},
		{"index for a constraint", "ALTER TABLE groups DROP CONSTRAINT groups_name_key; CREATE UNIQUE INDEX groups_name_key ON groups (name)", "constraint groups_name_key on groups is missing", mends},
		{"deferrable", "ALTER TABLE users DROP CONSTRAINT users_email_key, ADD UNIQUE (email) DEFERRABLE", "constraint users_email_key on users: definition is UNIQUE (email) DEFERRABLE", mends},
		{"foreign key gone", "ALTER TABLE documents DROP CONSTRAINT documents_folder_id_fkey", "constraint documents_folder_id_fkey on documents is missing", mends},
		{"foreign key changed", "ALTER TABLE documents DROP CONSTRAINT documents_folder_id_fkey, ADD FOREIGN KEY (folder_id) REFERENCES folders ON DELETE CASCADE", "ON DELETE CASCADE, should be", mends},
		{"foreign key not valid", "ALTER TABLE documents DROP CONSTRAINT documents_folder_id_fkey, ADD FOREIGN KEY (folder_id) REFERENCES folders ON DELETE SET NULL NOT VALID", "NOT VALID, should be", mends},
		{"check added", "ALTER TABLE documents ADD CONSTRAINT positive CHECK (size_bytes >= 0)", "constraint positive on documents is not in schema.hcl", mends},
		{"primary key named", "ALTER TABLE groups RENAME CONSTRAINT groups_pkey TO pk_groups", "constraint groups_pkey on groups is missing", mends},
		{"comment", "COMMENT ON COLUMN documents.status IS 'hello'", "column documents.status: comment is hello, should be none", mends},
		{"table comment", "COMMENT ON TABLE documents IS 'hello'", "table documents: comment is hello, should be none", mends},
		{"unlogged", "ALTER TABLE groups SET UNLOGGED", "table groups: persistence is unlogged, should be logged", keeps},
		{"row security", "ALTER TABLE documents ENABLE ROW LEVEL SECURITY", "table documents: row security is on, should be off", keeps},
		{"policy", "CREATE POLICY mine ON documents USING (true)", "policy mine on documents is not in schema.hcl", keeps},
		{"view", "CREATE VIEW v AS SELECT id FROM documents", "view v is not in schema.hcl", keeps},
		{"materialized view", "CREATE MATERIALIZED VIEW mv AS SELECT id FROM documents", "materialized view mv is not in schema.hcl", keeps},
		{"function", "CREATE FUNCTION f(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1'", "function f(integer) is not in schema.hcl", keeps},
		{"procedure", "CREATE PROCEDURE p() LANGUAGE sql AS 'SELECT 1'", "procedure p() is not in schema.hcl", keeps},
		{"trigger", "CREATE TRIGGER tr BEFORE UPDATE ON documents FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()", "trigger tr on documents is not in schema.hcl", keeps},
		{"rule", "CREATE RULE r AS ON DELETE TO groups DO INSTEAD NOTHING", "rule r on groups is not in schema.hcl", keeps},
		{"sequence", "CREATE SEQUENCE s", "sequence s is not in schema.hcl", keeps},
		{"type", "CREATE TYPE mood AS ENUM ('a')", "type mood is not in schema.hcl", keeps},
		{"domain", "CREATE DOMAIN d AS text", "domain d is not in schema.hcl", keeps},
		{"child table", "CREATE TABLE kid () INHERITS (groups)", "inheritance: kid is a child of groups", keeps},
		{"grant gone", "REVOKE INSERT ON shares FROM docuvault_app", "docuvault_app may not INSERT on shares", mends},
		{"grant added", "GRANT UPDATE ON audit_log TO docuvault_app", "docuvault_app, or everyone, may UPDATE on audit_log", mends},
		{"grant to everyone", "GRANT TRUNCATE ON documents TO PUBLIC", "docuvault_app, or everyone, may TRUNCATE on documents", mends},
		{"grant on a column", "GRANT UPDATE (event_type) ON audit_log TO docuvault_app", "rights on single columns of audit_log", mends},
		{"default privileges gone", "ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE INSERT ON TABLES FROM docuvault_app", "gets no rights on tables made later", mends},
		{"right to create", "GRANT CREATE ON SCHEMA public TO docuvault_app", "docuvault_app may create in schema public", keeps},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			db := open(t, testenv.Schema(t).MigrateDSN)
			s := read(t, "")
			exec(t, db, c.change)
			drift, err := s.Drift(t.Context(), db)
			if err != nil {
				t.Fatal(err)
			}
			if !errors.Is(drift.Err(), schema.ErrDifferences) || !strings.Contains(drift.String(), c.says) {
				t.Errorf("drift does not say %q:\n%s", c.says, drift)
			}
			_, err = s.Apply(t.Context(), db, schema.ApplyOptions{})
			if destroys := errors.Is(err, schema.ErrDestructive); destroys != (c.apply == "destroys") || err != nil && !destroys {
				t.Fatalf("apply: %v", err)
			}
			after, err := s.Drift(t.Context(), db)
			if err != nil {
				t.Fatal(err)
			}
			if mended := after.Err() == nil; mended != (c.apply == mends) {
				t.Errorf("after apply:\n%s", after)
			}
		})
	}
}

func TestDriftLeavesUnknownTablesOut(t *testing.T) {
	t.Parallel()
	db := open(t, testenv.Schema(t).MigrateDSN)
	exec(t, db, "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)",
		"CREATE TRIGGER theirs BEFORE UPDATE ON alembic_version FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()")
	drift, err := read(t, "").Drift(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	if drift.Err() != nil || strings.Join(drift.Unknown, " ") != "alembic_version" || !strings.Contains(drift.String(), "alembic_version") {
		t.Errorf("drift: %s", drift)
	}
}

func TestDriftOfForeignKeyTriggers(t *testing.T) {
	t.Parallel()
	d := testenv.Schema(t)
	exec(t, open(t, d.SuperDSN), "ALTER TABLE documents DISABLE TRIGGER ALL")
	drift, err := read(t, "").Drift(t.Context(), open(t, d.MigrateDSN))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(drift.String(), "switched off: foreign-key triggers of documents") {
		t.Errorf("drift: %s", drift)
	}
}

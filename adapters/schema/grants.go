package schema

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// AppRole is the role of api and worker. roles.sql creates it.
const AppRole = "docuvault_app"

// MigrateRole is the role that owns the tables. roles.sql creates it.
const MigrateRole = "docuvault_migrate"

// rights are what AppRole may do with a table: rows, but nothing about the table itself; what was audited stays (D-13).
func rights(table string) []string {
	if table == "audit_log" {
		return []string{"SELECT", "INSERT"}
	}
	return []string{"SELECT", "INSERT", "UPDATE", "DELETE"}
}

// grant gives AppRole its rights, and takes all others, on the declared tables and on tables and sequences that the migrate
// role makes later: GRANT … ON ALL TABLES alone would cover only what exists now. Tables that schema.hcl does not name stay
// as they are.
func (w *session) grant(ctx context.Context) error {
	if err := w.requireAppRole(ctx); err != nil {
		return err
	}
	app := ident(AppRole)
	stmts := []string{"GRANT USAGE ON SCHEMA public TO " + app}
	for _, t := range w.tables {
		name := qualified(t.name)
		stmts = append(stmts,
			"REVOKE ALL ON TABLE "+name+" FROM PUBLIC, "+app,
			"GRANT "+strings.Join(rights(t.name), ", ")+" ON TABLE "+name+" TO "+app)
	}
	sequences, err := w.names(ctx, `
		SELECT s.relname
		FROM pg_catalog.pg_depend d
		JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
		JOIN pg_catalog.pg_class t ON t.oid = d.refobjid
		WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
		  AND t.relnamespace = 'public'::regnamespace AND s.relnamespace = t.relnamespace AND t.relname = ANY ($1)
		ORDER BY 1`)
	if err != nil {
		return err
	}
	for _, s := range sequences {
		stmts = append(stmts,
			"REVOKE ALL ON SEQUENCE "+qualified(s)+" FROM PUBLIC, "+app,
			"GRANT USAGE, SELECT ON SEQUENCE "+qualified(s)+" TO "+app)
	}
	stmts = append(stmts,
		"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "+app,
		"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO "+app)
	return w.exec(ctx, stmts...)
}

func (w *session) requireAppRole(ctx context.Context) error {
	var there bool
	if err := w.tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = $1)", AppRole).Scan(&there); err != nil {
		return fmt.Errorf("look for the role %s: %w", AppRole, err)
	}
	if !there {
		return fmt.Errorf("%w: there is no role %s; run `docuvault schema init-roles` first", ErrRoles, AppRole)
	}
	return nil
}

// grantsQuery yields the rights on each declared table ($1) that exists, held by AppRole ($2) or by everyone, as JSON.
const grantsQuery = `
SELECT c.relname, coalesce(json_agg(DISTINCT a.privilege_type) FILTER (WHERE a.grantee IS NOT NULL), '[]')::text,
       EXISTS (SELECT FROM pg_catalog.pg_attribute x, aclexplode(x.attacl) y
               WHERE x.attrelid = c.oid AND (y.grantee = 0 OR y.grantee::regrole::text = quote_ident($2)))
FROM pg_catalog.pg_class c
LEFT JOIN LATERAL (
	SELECT e.grantee, e.privilege_type
	FROM aclexplode(c.relacl) e WHERE e.grantee = 0 OR e.grantee::regrole::text = quote_ident($2)
) a ON true
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname = ANY ($1)
GROUP BY c.oid, c.relname
ORDER BY c.relname`

// wrongGrants says in words what grant would put right on the tables that exist.
func (w *session) wrongGrants(ctx context.Context) (_ []string, err error) {
	rows, err := w.tx.QueryContext(ctx, grantsQuery, w.tableNames(), AppRole)
	if err != nil {
		return nil, fmt.Errorf("read the grants: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var wrong []string
	for rows.Next() {
		var table, held string
		var columns bool
		if err := rows.Scan(&table, &held, &columns); err != nil {
			return nil, fmt.Errorf("read the grants: %w", err)
		}
		has, err := textArray(held)
		if err != nil {
			return nil, err
		}
		for _, r := range rights(table) {
			if !slices.Contains(has, r) {
				wrong = append(wrong, fmt.Sprintf("%s may not %s on %s", AppRole, r, table))
			}
		}
		for _, r := range has {
			if !slices.Contains(rights(table), r) {
				wrong = append(wrong, fmt.Sprintf("%s, or everyone, may %s on %s", AppRole, r, table))
			}
		}
		if columns {
			wrong = append(wrong, fmt.Sprintf("%s, or everyone, has rights on single columns of %s", AppRole, table))
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the grants: %w", err)
	}
	var later bool
	err = w.tx.QueryRowContext(ctx, `
		SELECT (SELECT count(*) FROM pg_catalog.pg_default_acl d, aclexplode(d.defaclacl) e
		        WHERE d.defaclrole = current_user::regrole AND d.defaclnamespace = 'public'::regnamespace
		          AND e.grantee::regrole::text = quote_ident($1)
		          AND (d.defaclobjtype = 'r' AND e.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
		            OR d.defaclobjtype = 'S' AND e.privilege_type IN ('USAGE', 'SELECT'))) = 6`, AppRole).Scan(&later)
	if err != nil {
		return nil, fmt.Errorf("read the default privileges: %w", err)
	}
	if !later {
		wrong = append(wrong, AppRole+" gets no rights on tables made later (default privileges)")
	}
	return wrong, nil
}

// wrongRole says in words what roles.sql would put right.
func (w *session) wrongRole(ctx context.Context) ([]string, error) {
	rows, err := w.tx.QueryContext(ctx, `
		WITH app AS (SELECT * FROM pg_catalog.pg_roles WHERE rolname = $1)
		SELECT p.text
		FROM app CROSS JOIN LATERAL (VALUES
			('is superuser', app.rolsuper),
			('may create databases', app.rolcreatedb),
			('may create roles', app.rolcreaterole),
			('may replicate', app.rolreplication),
			('bypasses row security', app.rolbypassrls),
			('may create in schema public', has_schema_privilege(app.oid, 'public', 'CREATE')),
			('may create schemas', has_database_privilege(app.oid, current_database(), 'CREATE')),
			('may make temporary tables', has_database_privilege(app.oid, current_database(), 'TEMP')),
			('is a member of another role', EXISTS (SELECT FROM pg_catalog.pg_auth_members m WHERE m.member = app.oid)),
			('owns tables', EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relowner = app.oid))
		) p (text, holds)
		WHERE p.holds`, AppRole)
	if err != nil {
		return nil, fmt.Errorf("read the role %s: %w", AppRole, err)
	}
	defer func() { _ = rows.Close() }()
	var wrong []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, fmt.Errorf("read the role %s: %w", AppRole, err)
		}
		wrong = append(wrong, AppRole+" "+text+" (`docuvault schema init-roles` mends it)")
	}
	return wrong, rows.Err()
}

// textArray reads a JSON array of strings, the one form of array that database/sql scans anywhere.
func textArray(text string) ([]string, error) {
	var values []string
	if err := json.Unmarshal([]byte(text), &values); err != nil {
		return nil, fmt.Errorf("read an array: %w", err)
	}
	return values, nil
}

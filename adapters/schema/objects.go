package schema

import (
	"context"
	"fmt"
)

// unknownTablesQuery lists the tables of public that schema.hcl ($1) does not name.
const unknownTablesQuery = `
SELECT c.relname
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'f') AND NOT c.relname = ANY ($1)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e')
ORDER BY 1`

// foreignObjectsQuery lists what schema.hcl cannot hold and Atlas does not compare, beside what extensions bring along. What
// belongs to tables schema.hcl does not name ($1) is theirs.
const foreignObjectsQuery = `
WITH known AS (
	SELECT c.oid, c.relname
	FROM pg_catalog.pg_class c
	JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND c.relname = ANY ($1)
), public AS (
	SELECT 'public'::regnamespace AS oid
), extension AS (
	SELECT d.classid, d.objid FROM pg_catalog.pg_depend d WHERE d.deptype = 'e'
)
SELECT CASE c.relkind WHEN 'v' THEN 'view ' WHEN 'm' THEN 'materialized view ' ELSE 'sequence ' END || c.relname
FROM pg_catalog.pg_class c, public
WHERE c.relnamespace = public.oid AND c.relkind IN ('v', 'm', 'S')
  AND ('pg_class'::regclass, c.oid) NOT IN (SELECT classid, objid FROM extension)
  AND NOT (c.relkind = 'S' AND EXISTS (
	SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')))
UNION ALL
SELECT CASE p.prokind WHEN 'p' THEN 'procedure ' WHEN 'a' THEN 'aggregate ' ELSE 'function ' END || p.oid::regprocedure::text
FROM pg_catalog.pg_proc p, public
WHERE p.pronamespace = public.oid AND ('pg_proc'::regclass, p.oid) NOT IN (SELECT classid, objid FROM extension)
UNION ALL
SELECT 'trigger ' || t.tgname || ' on ' || known.relname
FROM pg_catalog.pg_trigger t JOIN known ON known.oid = t.tgrelid
WHERE NOT t.tgisinternal
UNION ALL
SELECT DISTINCT 'switched off: foreign-key triggers of ' || known.relname
FROM pg_catalog.pg_trigger t JOIN known ON known.oid = t.tgrelid
WHERE t.tgisinternal AND t.tgenabled <> 'O'
UNION ALL
SELECT 'rule ' || r.rulename || ' on ' || known.relname
FROM pg_catalog.pg_rewrite r JOIN known ON known.oid = r.ev_class
WHERE r.rulename <> '_RETURN'
UNION ALL
SELECT 'policy ' || p.polname || ' on ' || known.relname
FROM pg_catalog.pg_policy p JOIN known ON known.oid = p.polrelid
UNION ALL
SELECT 'inheritance: ' || i.inhrelid::regclass::text || ' is a child of ' || known.relname
FROM pg_catalog.pg_inherits i JOIN known ON known.oid = i.inhparent
UNION ALL
SELECT CASE ty.typtype WHEN 'd' THEN 'domain ' ELSE 'type ' END || ty.typname
FROM pg_catalog.pg_type ty, public
WHERE ty.typnamespace = public.oid AND ty.typtype IN ('d', 'e', 'r', 'c')
  AND ('pg_type'::regclass, ty.oid) NOT IN (SELECT classid, objid FROM extension)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = ty.typrelid AND c.relkind <> 'c')
UNION ALL
SELECT 'event trigger ' || e.evtname FROM pg_catalog.pg_event_trigger e
WHERE ('pg_event_trigger'::regclass, e.oid) NOT IN (SELECT classid, objid FROM extension)
ORDER BY 1`

func (w *session) unknownTables(ctx context.Context) ([]string, error) {
	return w.names(ctx, unknownTablesQuery)
}

func (w *session) foreignObjects(ctx context.Context) ([]string, error) {
	found, err := w.names(ctx, foreignObjectsQuery)
	for i := range found {
		found[i] += " is not in schema.hcl"
	}
	return found, err
}

// names runs a query over the declared tables that yields one text column.
func (w *session) names(ctx context.Context, query string) (_ []string, err error) {
	rows, err := w.tx.QueryContext(ctx, query, w.tableNames())
	if err != nil {
		return nil, fmt.Errorf("read the catalog: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("read the catalog: %w", err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the catalog: %w", err)
	}
	return names, nil
}

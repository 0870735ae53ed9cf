package schema

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
)

// catalog is what pg_catalog says about the declared tables of one schema, in PostgreSQL's own spelling: two schemas are the
// same if their catalogs are equal.
type catalog map[fact]string

// fact names one property. Object is empty for the table itself.
type fact struct {
	kind   string // table, column, constraint, index
	table  string
	object string
	what   string // type, default, …; definition for constraints and indexes
}

// catalogQuery asks for a schema ($1) and table names ($2). pg_get_…def leaves out the schema's name when it is first in the
// search path, so the result for the scratch schema and for public compare as they are.
const catalogQuery = `
WITH t AS (
	SELECT c.oid, c.relname, c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity
	FROM pg_catalog.pg_class c
	JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname = $1 AND c.relname = ANY ($2) AND c.relkind IN ('r', 'p')
)
SELECT 'table', t.relname, '', p.what, p.value
FROM t CROSS JOIN LATERAL (VALUES
	('kind', CASE t.relkind WHEN 'p' THEN 'partitioned' ELSE 'plain' END),
	('persistence', CASE t.relpersistence WHEN 'u' THEN 'unlogged' ELSE 'logged' END),
	('row security', CASE WHEN t.relforcerowsecurity THEN 'forced' WHEN t.relrowsecurity THEN 'on' ELSE 'off' END),
	('comment', coalesce(pg_catalog.obj_description(t.oid, 'pg_class'), ''))
) p (what, value)
UNION ALL
SELECT 'column', t.relname, a.attname, p.what, p.value
FROM t
JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type ty ON ty.oid = a.atttypid
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = t.oid AND d.adnum = a.attnum
CROSS JOIN LATERAL (VALUES
	('type', pg_catalog.format_type(a.atttypid, a.atttypmod)),
	('null', CASE WHEN a.attnotnull THEN 'NOT NULL' ELSE 'NULL' END),
	('default', CASE WHEN a.attgenerated = '' THEN coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), '') ELSE '' END),
	('generated', CASE WHEN a.attgenerated <> '' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) ELSE '' END),
	('identity', CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' ELSE '' END),
	('collation', CASE WHEN a.attcollation = ty.typcollation THEN '' ELSE a.attcollation::regcollation::text END),
	('comment', coalesce(pg_catalog.col_description(t.oid, a.attnum), ''))
) p (what, value)
UNION ALL
SELECT 'constraint', t.relname, c.conname, p.what, p.value
FROM t
JOIN pg_catalog.pg_constraint c ON c.conrelid = t.oid AND c.contype IN ('p', 'u', 'f', 'c', 'x')
CROSS JOIN LATERAL (VALUES
	('definition', pg_catalog.pg_get_constraintdef(c.oid, true)),
	('comment', coalesce(pg_catalog.obj_description(c.oid, 'pg_constraint'),
	                     CASE WHEN c.contype IN ('p', 'u', 'x') THEN pg_catalog.obj_description(c.conindid, 'pg_class') END, ''))
) p (what, value)
UNION ALL
SELECT 'index', t.relname, ic.relname, p.what, p.value
FROM t
JOIN pg_catalog.pg_index i ON i.indrelid = t.oid
JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
CROSS JOIN LATERAL (VALUES
	('definition', pg_catalog.pg_get_indexdef(ic.oid, 0, true) || CASE WHEN i.indisvalid THEN '' ELSE ' (invalid)' END),
	('comment', coalesce(pg_catalog.obj_description(ic.oid, 'pg_class'), ''))
) p (what, value)
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_constraint c WHERE c.conindid = ic.oid AND c.contype IN ('p', 'u', 'x'))`

// readCatalog reads the declared tables of a schema. It makes that schema first in the search path.
func (w *session) readCatalog(ctx context.Context, schema string) (_ catalog, err error) {
	if err := w.searchPath(ctx, schema); err != nil {
		return nil, err
	}
	rows, err := w.tx.QueryContext(ctx, catalogQuery, schema, w.tableNames())
	if err != nil {
		return nil, fmt.Errorf("read the catalog of %s: %w", schema, err)
	}
	defer func() { _ = rows.Close() }()
	cat := make(catalog)
	for rows.Next() {
		var f fact
		var value string
		if err := rows.Scan(&f.kind, &f.table, &f.object, &f.what, &value); err != nil {
			return nil, fmt.Errorf("read the catalog of %s: %w", schema, err)
		}
		cat[f] = value
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the catalog of %s: %w", schema, err)
	}
	return cat, nil
}

func (s *Schema) tableNames() []string {
	names := make([]string, len(s.tables))
	for i, t := range s.tables {
		names[i] = t.name
	}
	return names
}

// has reports whether the catalog knows the table, column, constraint or index of a fact.
func (c catalog) has(f fact) bool {
	switch f.kind {
	case "table":
		f.what = "kind"
	case "column":
		f.what = "type"
	default:
		f.what = "definition"
	}
	_, ok := c[f]
	return ok
}

// differences says in words how is differs from want, in a stable order.
func differences(is, want catalog) []string {
	facts := make([]fact, 0, len(is)+len(want))
	for f := range is {
		facts = append(facts, f)
	}
	for f := range want {
		if _, ok := is[f]; !ok {
			facts = append(facts, f)
		}
	}
	order := []string{"table", "column", "constraint", "index"}
	slices.SortFunc(facts, func(a, b fact) int {
		return cmp.Or(cmp.Compare(a.table, b.table),
			cmp.Compare(slices.Index(order, a.kind), slices.Index(order, b.kind)),
			cmp.Compare(a.object, b.object), cmp.Compare(a.what, b.what))
	})
	var lines []string
	said := make(map[fact]bool)
	for _, f := range facts {
		whole := fact{kind: "table", table: f.table}
		if said[whole] {
			continue
		}
		if f.kind != "table" && is.has(whole) && want.has(whole) {
			whole = fact{kind: f.kind, table: f.table, object: f.object}
		}
		switch {
		case said[whole]:
		case !is.has(whole):
			said[whole] = true
			lines = append(lines, whole.String()+" is missing"+want.definition(whole))
		case !want.has(whole):
			said[whole] = true
			lines = append(lines, whole.String()+" is not in schema.hcl"+is.definition(whole))
		case is[f] != want[f]:
			lines = append(lines, fmt.Sprintf("%s: %s is %s, should be %s", f, f.what, orNone(is[f]), orNone(want[f])))
		}
	}
	return lines
}

func (f fact) String() string {
	switch f.kind {
	case "table":
		return "table " + f.table
	case "column":
		return "column " + f.table + "." + f.object
	default:
		return f.kind + " " + f.object + " on " + f.table
	}
}

func (c catalog) definition(f fact) string {
	f.what = "definition"
	if def := c[f]; def != "" {
		return " (" + def + ")"
	}
	return ""
}

func orNone(s string) string {
	if strings.TrimSpace(s) == "" {
		return "none"
	}
	return s
}

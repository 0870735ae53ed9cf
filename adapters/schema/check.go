package schema

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"

	"github.com/docuvault/docuvault/domain"
)

// Check tells api and worker whether they may start: every table, column and index of schema.hcl has to be there, valid, NOT
// NULL and unique where it says so, and with equal NULLs where it says that. A database that has more or is stricter is newer and
// fine; types and defaults are Drift's to compare. It needs no rights beyond a login (it reads pg_catalog, which shows what grants
// hide), so it runs as docuvault_app, in one statement. What is missing comes back as an *OlderError; a database out of reach is
// domain.Unavailable.
func (s *Schema) Check(ctx context.Context, db *sql.DB) error {
	there, err := readPresent(ctx, db)
	if err != nil {
		return err
	}
	var missing []string
	for _, t := range s.tables {
		if !there.tables[t.name] {
			missing = append(missing, "table "+t.name+" is missing")
			continue
		}
		missing = append(missing, there.lacks(t)...)
	}
	if len(missing) > 0 {
		return &OlderError{Missing: missing}
	}
	return nil
}

// present is what a database has in schema public.
type present struct {
	tables  map[string]bool
	columns map[named]bool // true: NOT NULL
	indexes map[named]indexProperties
}

type named struct{ table, name string }

const presentQuery = `
WITH t AS (
	SELECT c.oid, c.relname FROM pg_catalog.pg_class c
	WHERE c.relnamespace = to_regnamespace('public') AND c.relkind IN ('r', 'p')
)
SELECT t.relname, a.attname, false, a.attnotnull, false
FROM t JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT t.relname, c.relname, true, i.indisunique, NOT i.indnullsnotdistinct
FROM t JOIN pg_catalog.pg_index i ON i.indrelid = t.oid AND i.indisvalid
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid`

func readPresent(ctx context.Context, db *sql.DB) (present, error) {
	there := present{make(map[string]bool), make(map[named]bool), make(map[named]indexProperties)}
	rows, err := db.QueryContext(ctx, presentQuery)
	if err != nil {
		return there, domain.Wrap(domain.Unavailable, err, "the database is out of reach")
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var at named
		var index, strict, nullsDistinct bool
		if err := rows.Scan(&at.table, &at.name, &index, &strict, &nullsDistinct); err != nil {
			return there, fmt.Errorf("read the catalog: %w", err)
		}
		there.tables[at.table] = true
		if index {
			there.indexes[at] = indexProperties{unique: strict, nullsDistinct: nullsDistinct}
		} else {
			there.columns[at] = strict
		}
	}
	return there, domain.Wrap(domain.Unavailable, rows.Err(), "the database is out of reach")
}

// lacks says what a declared table, which is there, has to have and has not.
func (p present) lacks(t declaredTable) (missing []string) {
	for _, c := range t.columns {
		notNull, ok := p.columns[named{t.name, c}]
		switch {
		case !ok:
			missing = append(missing, "column "+t.name+"."+c+" is missing")
		case t.notNull[c] && !notNull:
			missing = append(missing, "column "+t.name+"."+c+" is not NOT NULL")
		}
	}
	if len(missing) > 0 {
		return missing // the indexes of a missing column are missing with it
	}
	for _, name := range slices.Sorted(maps.Keys(t.indexes)) {
		want := t.indexes[name]
		is, ok := p.indexes[named{t.name, name}]
		switch {
		case !ok:
			missing = append(missing, "index "+name+" is missing")
		case want.unique && !is.unique:
			missing = append(missing, "index "+name+" is not unique")
		case want.unique && !want.nullsDistinct && is.nullsDistinct:
			missing = append(missing, "index "+name+" is not NULLS NOT DISTINCT")
		}
	}
	return missing
}

package schema

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/docuvault/docuvault/domain"
)

// Check tells api and worker whether they may start: every table and column of schema.hcl has to be there. A database that
// has more is newer and fine. It needs no rights beyond a login (it reads pg_catalog, which shows what grants hide), so it
// runs as docuvault_app. What is missing comes back as an *OlderError; a database out of reach is domain.Unavailable.
func (s *Schema) Check(ctx context.Context, db *sql.DB) (err error) {
	rows, err := db.QueryContext(ctx, `
		SELECT c.relname, a.attname
		FROM pg_catalog.pg_class c
		JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')`)
	if err != nil {
		return domain.Wrap(domain.Unavailable, err, "the database is out of reach")
	}
	defer func() { _ = rows.Close() }()
	there := make(map[string]map[string]bool)
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			return fmt.Errorf("read the catalog: %w", err)
		}
		if there[table] == nil {
			there[table] = make(map[string]bool)
		}
		there[table][column] = true
	}
	if err := rows.Err(); err != nil {
		return domain.Wrap(domain.Unavailable, err, "the database is out of reach")
	}
	var missing []string
	for _, t := range s.tables {
		if there[t.name] == nil {
			missing = append(missing, "table "+t.name+" is missing")
			continue
		}
		for _, c := range t.columns {
			if !there[t.name][c] {
				missing = append(missing, "column "+t.name+"."+c+" is missing")
			}
		}
	}
	if len(missing) > 0 {
		return &OlderError{Missing: missing}
	}
	return nil
}

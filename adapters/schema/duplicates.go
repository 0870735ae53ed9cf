package schema

import (
	"context"
	"fmt"
	"strings"

	"ariga.io/atlas/sql/postgres"
	atlas "ariga.io/atlas/sql/schema"
)

// How much of a mess is shown: groups of rows for each rule, keys for each group.
const (
	shownGroups = 10
	shownKeys   = 5
)

// duplicates looks for rows that the planned uniqueness rules would forbid, so that people read which rows those are rather
// than that a statement failed. A plain UNIQUE lets any number of nulls through (root folders, topics without an owner):
// that is where a Python-made database has them.
func (w *session) duplicates(ctx context.Context, is *atlas.Schema, changes []atlas.Change) ([]Duplicate, error) {
	var all []Duplicate
	for _, change := range changes {
		modify, ok := change.(*atlas.ModifyTable)
		if !ok {
			continue
		}
		table, ok := is.Table(modify.T.Name)
		if !ok {
			continue
		}
		for _, c := range modify.Changes {
			var index *atlas.Index
			switch c := c.(type) {
			case *atlas.AddIndex:
				index = c.I
			case *atlas.ModifyIndex:
				index = c.To
			case *atlas.AddPrimaryKey:
				index = c.P
			case *atlas.ModifyPrimaryKey:
				index = c.To
			}
			if index == nil || !index.Unique {
				continue
			}
			found, err := w.duplicatesOf(ctx, table, index)
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		}
	}
	return all, nil
}

func (w *session) duplicatesOf(ctx context.Context, table *atlas.Table, index *atlas.Index) (_ []Duplicate, err error) {
	nullsEqual := false
	for _, a := range index.Attrs {
		switch a := a.(type) {
		case *postgres.IndexNullsDistinct:
			nullsEqual = !a.V
		case *postgres.IndexPredicate:
			return nil, nil // a partial rule: PostgreSQL's own error has to do
		}
	}
	var columns, quoted, shown, notNull []string
	for _, p := range index.Parts {
		if p.C == nil {
			return nil, nil
		}
		if _, ok := table.Column(p.C.Name); !ok {
			return nil, nil // a new column
		}
		q := ident(p.C.Name)
		columns = append(columns, p.C.Name)
		quoted = append(quoted, q)
		shown = append(shown, "coalesce(quote_literal("+q+"), 'NULL')")
		notNull = append(notNull, q+" IS NOT NULL")
	}
	key := "ctid::text"
	if pk := table.PrimaryKey; pk != nil {
		var names []string
		for _, p := range pk.Parts {
			if p.C != nil {
				names = append(names, ident(p.C.Name)+"::text")
			}
		}
		key = "concat_ws('/', " + strings.Join(names, ", ") + ")"
	}
	where := ""
	if !nullsEqual {
		where = " WHERE " + strings.Join(notNull, " AND ")
	}
	list := strings.Join(quoted, ", ")
	rows, err := w.tx.QueryContext(ctx, fmt.Sprintf(
		"SELECT count(*), array_to_json(ARRAY[%s])::text, array_to_json((array_agg(%s ORDER BY 1))[1:%d])::text FROM %s%s GROUP BY %s HAVING count(*) > 1 ORDER BY %s LIMIT %d",
		strings.Join(shown, ", "), key, shownKeys, qualified(table.Name), where, list, list, shownGroups))
	if err != nil {
		return nil, fmt.Errorf("look for duplicates in %s: %w", table.Name, err)
	}
	defer func() { _ = rows.Close() }()
	var all []Duplicate
	for rows.Next() {
		d := Duplicate{Table: table.Name, Constraint: index.Name, Columns: columns}
		var values, keys string
		if err := rows.Scan(&d.Rows, &values, &keys); err != nil {
			return nil, fmt.Errorf("look for duplicates in %s: %w", table.Name, err)
		}
		if d.Values, err = textArray(values); err != nil {
			return nil, err
		}
		if d.Keys, err = textArray(keys); err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("look for duplicates in %s: %w", table.Name, err)
	}
	return all, nil
}

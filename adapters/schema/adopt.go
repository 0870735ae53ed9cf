package schema

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"ariga.io/atlas/sql/postgres"
	atlas "ariga.io/atlas/sql/schema"
)

// adoptIdentities plans the step Atlas cannot: a column numbered by a sequence (what SQLAlchemy makes of an integer key)
// becomes an identity that goes on from the same number. It then edits is, as if the step had been taken.
func (w *session) adoptIdentities(ctx context.Context, is, want *atlas.Schema) ([]Statement, error) {
	var all []Statement
	for _, to := range want.Tables {
		from, ok := is.Table(to.Name)
		if !ok {
			continue
		}
		for _, wanted := range to.Columns {
			identity := identityOf(wanted)
			column, ok := from.Column(wanted.Name)
			if !ok || identity == nil || identityOf(column) != nil || !isInteger(column) {
				continue
			}
			steps, err := w.adoptIdentity(ctx, from.Name, column, wanted, identity)
			if err != nil {
				return nil, err
			}
			all = append(all, steps...)
			column.Default = nil
			column.Type.Type = wanted.Type.Type
			column.Type.Null = false
			column.Attrs = append(column.Attrs, identity)
		}
	}
	return all, nil
}

func (w *session) adoptIdentity(ctx context.Context, table string, column, wanted *atlas.Column, identity *postgres.Identity) ([]Statement, error) {
	if serial, ok := column.Type.Type.(*postgres.SerialType); ok {
		column.Type.Type = serial.IntegerType() // what it is beneath
	}
	var sequence sql.NullString
	err := w.tx.QueryRowContext(ctx, `
		SELECT c.relname
		FROM pg_catalog.pg_depend d
		JOIN pg_catalog.pg_class c ON c.oid = d.objid AND c.relkind = 'S' AND c.relnamespace = 'public'::regnamespace
		JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
		WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'a'
		  AND d.refobjid = $1::regclass AND a.attname = $2
		ORDER BY 1 LIMIT 1`, qualified(table), column.Name).Scan(&sequence)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("look for the sequence of %s.%s: %w", table, column.Name, err)
	}
	alter := "ALTER TABLE " + qualified(table) + " ALTER COLUMN " + ident(column.Name) + " "
	last := "0"
	var drop string
	var all []Statement
	add := func(comment, stmt string) { all = append(all, Statement{SQL: stmt, Comment: comment}) }
	name := table + "." + column.Name
	add("number "+name+" by an identity", alter+"DROP DEFAULT")
	if sequence.Valid {
		old := sequence.String + "_adopted"
		add("keep the old sequence for its number", "ALTER SEQUENCE "+qualified(sequence.String)+" OWNED BY NONE")
		add("make room for the identity's sequence", "ALTER SEQUENCE "+qualified(sequence.String)+" RENAME TO "+ident(old))
		last = "(SELECT last_value - CASE WHEN is_called THEN 0 ELSE 1 END FROM " + qualified(old) + ")"
		drop = "DROP SEQUENCE " + qualified(old)
	}
	if typeName(column) != typeName(wanted) {
		all = append(all, Statement{
			SQL:     alter + "TYPE " + typeName(wanted),
			Comment: fmt.Sprintf("change %s from %s to %s", name, typeName(column), typeName(wanted)),
			Losses:  losses(&atlas.ModifyTable{T: &atlas.Table{Name: table}, Changes: []atlas.Change{&atlas.ModifyColumn{From: column, To: wanted, Change: atlas.ChangeType}}}),
		})
	}
	if column.Type.Null {
		add("an identity is never null", alter+"SET NOT NULL")
	}
	add("number "+name+" by an identity", alter+"ADD GENERATED "+identity.Generation+" AS IDENTITY")
	add("go on from the highest number given", fmt.Sprintf(
		"SELECT pg_catalog.setval(pg_catalog.pg_get_serial_sequence(%s, %s), greatest((SELECT coalesce(max(%s), 0) FROM %s), %s) + 1, false)",
		literal(qualified(table)), literal(column.Name), ident(column.Name), qualified(table), last))
	if drop != "" {
		add("the old sequence has done its work", drop)
	}
	return all, nil
}

func identityOf(c *atlas.Column) *postgres.Identity {
	for _, a := range c.Attrs {
		if id, ok := a.(*postgres.Identity); ok {
			return id
		}
	}
	return nil
}

func isInteger(c *atlas.Column) bool {
	switch c.Type.Type.(type) {
	case *atlas.IntegerType, *postgres.SerialType:
		return true
	}
	return false
}

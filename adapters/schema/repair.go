package schema

import (
	"cmp"
	"slices"
	"strings"

	atlas "ariga.io/atlas/sql/schema"
)

// touched names the constraints and indexes, as table.name, that Atlas's changes already deal with, and the tables they make.
func touched(changes []atlas.Change) map[string]bool {
	names := make(map[string]bool)
	for _, change := range changes {
		switch change := change.(type) {
		case *atlas.AddTable:
			names[change.T.Name] = true
		case *atlas.ModifyTable:
			note := func(name string) { names[change.T.Name+"."+name] = true }
			for _, c := range change.Changes {
				switch c := c.(type) {
				case *atlas.AddIndex:
					note(c.I.Name)
				case *atlas.DropIndex:
					note(c.I.Name)
				case *atlas.ModifyIndex:
					note(c.From.Name)
					note(c.To.Name)
				case *atlas.AddPrimaryKey:
					note(c.P.Name)
				case *atlas.DropPrimaryKey:
					note(c.P.Name)
				case *atlas.ModifyPrimaryKey:
					note(c.From.Name)
					note(c.To.Name)
				case *atlas.AddForeignKey:
					note(c.F.Symbol)
				case *atlas.DropForeignKey:
					note(c.F.Symbol)
				case *atlas.ModifyForeignKey:
					note(c.From.Symbol)
					note(c.To.Symbol)
				case *atlas.AddCheck:
					note(c.C.Name)
				case *atlas.DropCheck:
					note(c.C.Name)
				case *atlas.ModifyCheck:
					note(c.To.Name)
				}
			}
		}
	}
	return names
}

// comments plans the comments of indexes that Atlas makes anew because something else about them changed: it forgets them.
func comments(changes []atlas.Change) []Statement {
	var all []Statement
	for _, change := range changes {
		modify, ok := change.(*atlas.ModifyTable)
		if !ok {
			continue
		}
		for _, c := range modify.Changes {
			index, ok := c.(*atlas.ModifyIndex)
			if !ok || index.Change.Is(atlas.ChangeComment) {
				continue
			}
			for _, a := range index.To.Attrs {
				if comment, ok := a.(*atlas.Comment); ok {
					all = append(all, Statement{
						SQL:     "COMMENT ON INDEX " + qualified(index.To.Name) + " IS " + literal(comment.Text),
						Comment: "keep the comment of " + index.To.Name,
					})
				}
			}
		}
	}
	return all
}

// part is a constraint or an index as the catalog defines it.
type part struct{ kind, table, name, definition string }

// repairs plans what Atlas's comparison does not see: a unique index where a constraint is wanted, a constraint that is
// deferrable or not validated, an invalid index, a primary key under another name.
func repairs(is, want catalog, touched map[string]bool) []Statement {
	var drops, adds []Statement
	for _, p := range parts(want) {
		if touched[p.table] || touched[p.table+"."+p.name] {
			continue
		}
		now, there := is.part(p.table, p.name)
		switch {
		case there && now == p:
		case there:
			drops = append(drops, Statement{SQL: now.drop(), Comment: "replace " + now.kind + " " + p.name + " of " + p.table})
			adds = append(adds, Statement{SQL: p.create(), Comment: "create " + p.kind + " " + p.name + " of " + p.table})
		default:
			if old, ok := is.samePrimaryKey(p); ok {
				adds = append(adds, Statement{
					SQL:     "ALTER TABLE " + qualified(p.table) + " RENAME CONSTRAINT " + ident(old) + " TO " + ident(p.name),
					Comment: "call the primary key of " + p.table + " as PostgreSQL does",
				})
			}
		}
	}
	return append(drops, adds...)
}

func parts(c catalog) []part {
	var all []part
	for f, def := range c {
		if f.what == "definition" {
			all = append(all, part{f.kind, f.table, f.object, def})
		}
	}
	slices.SortFunc(all, func(a, b part) int {
		return cmp.Or(cmp.Compare(a.table, b.table), cmp.Compare(a.name, b.name))
	})
	return all
}

func (c catalog) part(table, name string) (part, bool) {
	for _, kind := range []string{"constraint", "index"} {
		if def, ok := c[fact{kind, table, name, "definition"}]; ok {
			return part{kind, table, name, def}, true
		}
	}
	return part{}, false
}

// samePrimaryKey finds the table's primary key under another name.
func (c catalog) samePrimaryKey(p part) (string, bool) {
	if p.kind != "constraint" || !strings.HasPrefix(p.definition, "PRIMARY KEY") {
		return "", false
	}
	for f, def := range c {
		if f.kind == p.kind && f.table == p.table && f.what == "definition" && def == p.definition {
			return f.object, true
		}
	}
	return "", false
}

func (p part) drop() string {
	if p.kind == "index" {
		return "DROP INDEX " + qualified(p.name)
	}
	return "ALTER TABLE " + qualified(p.table) + " DROP CONSTRAINT " + ident(p.name)
}

func (p part) create() string {
	if p.kind == "index" {
		return p.definition // a whole statement, its table found through the search path
	}
	return "ALTER TABLE " + qualified(p.table) + " ADD CONSTRAINT " + ident(p.name) + " " + p.definition
}

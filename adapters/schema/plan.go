package schema

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"ariga.io/atlas/sql/migrate"
	"ariga.io/atlas/sql/postgres"
	atlas "ariga.io/atlas/sql/schema"
)

// Plan is the way from what a database is to what schema.hcl says.
type Plan struct {
	// Statements in the order Apply runs them.
	Statements []Statement `json:"statements"`
	// Grants that are missing or too many, in words; Apply puts all grants right whether or not any is listed.
	Grants []string `json:"grants"`
	// Duplicates are rows that would make a statement fail. While there are any, Apply does nothing.
	Duplicates []Duplicate `json:"duplicates"`
	// Unknown tables are not in schema.hcl; Apply leaves them alone.
	Unknown []string `json:"unknown_tables"`
}

// Statement is one SQL statement of a Plan.
type Statement struct {
	SQL     string   `json:"sql"`
	Comment string   `json:"comment"`          // what it is for, in a few words
	Losses  []string `json:"losses,omitempty"` // the data it destroys, in words; empty for a statement that loses nothing
}

// Losses returns everything the plan would destroy, in words.
func (p *Plan) Losses() []string {
	var all []string
	for _, s := range p.Statements {
		all = append(all, s.Losses...)
	}
	return all
}

// Empty reports whether Apply would change nothing.
func (p *Plan) Empty() bool { return len(p.Statements) == 0 && len(p.Grants) == 0 }

// Err is ErrDifferences unless the plan is empty.
func (p *Plan) Err() error {
	if p.Empty() {
		return nil
	}
	return ErrDifferences
}

// String writes the plan as SQL with comments, for people.
func (p *Plan) String() string {
	var b strings.Builder
	for _, s := range p.Statements {
		fmt.Fprintf(&b, "-- %s\n", s.Comment)
		for _, loss := range s.Losses {
			fmt.Fprintf(&b, "-- DESTRUCTIVE: %s\n", loss)
		}
		fmt.Fprintf(&b, "%s;\n", s.SQL)
	}
	for _, g := range p.Grants {
		fmt.Fprintf(&b, "-- grants: %s\n", g)
	}
	for _, d := range p.Duplicates {
		fmt.Fprintf(&b, "-- IN THE WAY: %s\n", d)
	}
	for _, t := range p.Unknown {
		fmt.Fprintf(&b, "-- left alone: table %s is not in schema.hcl\n", t)
	}
	if p.Empty() {
		b.WriteString("-- nothing to do\n")
	} else {
		fmt.Fprintf(&b, "-- %d statement(s), %d of them destructive\n", len(p.Statements), p.destructive())
	}
	return b.String()
}

func (p *Plan) destructive() (n int) {
	for _, s := range p.Statements {
		if len(s.Losses) > 0 {
			n++
		}
	}
	return n
}

// Plan works out what Apply would do, and changes nothing. It needs the migrate role.
func (s *Schema) Plan(ctx context.Context, db *sql.DB) (*Plan, error) {
	var plan *Plan
	err := s.run(ctx, db, func(w *session) (bool, error) {
		var err error
		plan, _, err = w.plan(ctx)
		return false, err
	})
	if err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	return plan, nil
}

// plan compares and returns with the plan the wanted state as the catalog spells it.
func (w *session) plan(ctx context.Context) (*Plan, catalog, error) {
	if err := w.ownTables(ctx); err != nil {
		return nil, nil, err
	}
	driver, err := postgres.Open(w.tx)
	if err != nil {
		return nil, nil, err
	}
	want, wantCatalog, err := w.normalize(ctx, driver)
	if err != nil {
		return nil, nil, err
	}
	is, err := driver.InspectSchema(ctx, "public", &atlas.InspectOptions{Tables: w.tableNames()})
	if err != nil {
		return nil, nil, fmt.Errorf("read the database: %w", err)
	}
	isCatalog, err := w.readCatalog(ctx, "public")
	if err != nil {
		return nil, nil, err
	}
	plan := &Plan{}
	if w.extended {
		plan.Statements = append(plan.Statements, Statement{SQL: createExtension, Comment: "trigram search on file names"})
	}
	adopted, err := w.adoptIdentities(ctx, is, want)
	if err != nil {
		return nil, nil, err
	}
	plan.Statements = append(plan.Statements, adopted...)
	changes, err := compare(is, want)
	if err != nil {
		return nil, nil, err
	}
	steps, err := driver.PlanChanges(ctx, "docuvault", changes)
	if err != nil {
		return nil, nil, fmt.Errorf("plan the way: %w", err)
	}
	for _, step := range steps.Changes {
		plan.Statements = append(plan.Statements, statement(step))
	}
	plan.Statements = append(plan.Statements, comments(changes)...)
	plan.Statements = append(plan.Statements, repairs(isCatalog, wantCatalog, touched(changes))...)
	if plan.Duplicates, err = w.duplicates(ctx, is, changes); err != nil {
		return nil, nil, err
	}
	if plan.Grants, err = w.wrongGrants(ctx); err != nil {
		return nil, nil, err
	}
	if plan.Unknown, err = w.unknownTables(ctx); err != nil {
		return nil, nil, err
	}
	return plan, wantCatalog, nil
}

// ownTables refuses tables of another owner early: their changes would fail halfway, and information_schema, from which Atlas
// reads, hides their defaults.
func (w *session) ownTables(ctx context.Context) error {
	var user, table, owner sql.NullString
	err := w.tx.QueryRowContext(ctx, `
		SELECT current_user, min(c.relname), min(pg_catalog.pg_get_userbyid(c.relowner))
		FROM pg_catalog.pg_class c
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname = ANY ($1)
		  AND NOT pg_catalog.pg_has_role(c.relowner, 'USAGE')`, w.tableNames()).Scan(&user, &table, &owner)
	if err != nil {
		return fmt.Errorf("ask who owns the tables: %w", err)
	}
	if table.Valid {
		return fmt.Errorf("%w: table %s belongs to %s, not to %s; run `docuvault schema init-roles`, which hands the tables over",
			ErrRoles, table.String, owner.String, user.String)
	}
	return nil
}

const scratch = "docuvault_scratch"

// normalize brings the wanted state into PostgreSQL's own spelling, by making it in a scratch schema and reading it back. It
// does so again with what it read until the spelling stays: PostgreSQL reads some of its own expressions back in another
// form (x IN ('a', 'b') on a varchar takes three rounds), and what is compared has to be what applying it leaves behind.
// One round is enough for a file that is written in PostgreSQL's spelling, as ours is.
func (w *session) normalize(ctx context.Context, driver migrate.Driver) (*atlas.Schema, catalog, error) {
	want, err := evaluate(w.hcl)
	if err != nil {
		return nil, nil, err
	}
	const enough = 5
	for range enough {
		read, cat, err := w.makeInScratch(ctx, driver, want)
		if err != nil {
			return nil, nil, err
		}
		want.Attrs = read.Attrs // the comment on public
		changes, err := postgres.DefaultDiff.SchemaDiff(want, read, atlas.DiffNormalized())
		if err == nil && len(changes) == 0 {
			read.Name = "public"
			return read, cat, nil
		}
		want = read
	}
	return nil, nil, fmt.Errorf("%s: PostgreSQL spells an expression differently each time; write it as pg_get_expr does", fileName)
}

// makeInScratch makes the tables in a scratch schema, reads them back and undoes it.
func (w *session) makeInScratch(ctx context.Context, driver migrate.Driver, want *atlas.Schema) (*atlas.Schema, catalog, error) {
	if err := w.exec(ctx, "SAVEPOINT scratch", "CREATE SCHEMA "+ident(scratch)); err != nil {
		return nil, nil, err
	}
	want.Name = scratch
	changes := make([]atlas.Change, len(want.Tables))
	for i, t := range want.Tables {
		changes[i] = &atlas.AddTable{T: t}
	}
	if err := driver.ApplyChanges(ctx, changes); err != nil {
		return nil, nil, fmt.Errorf("%s: PostgreSQL refuses it: %w", fileName, err)
	}
	read, err := driver.InspectSchema(ctx, scratch, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("read the scratch schema: %w", err)
	}
	cat, err := w.readCatalog(ctx, scratch)
	if err != nil {
		return nil, nil, err
	}
	return read, cat, w.exec(ctx, "ROLLBACK TO SAVEPOINT scratch", "RELEASE SAVEPOINT scratch")
}

// compare asks Atlas for the way from is to want. Both are canonical, so it compares text with text: its other way, asking the
// server whether two defaults evaluate to the same, fails on defaults of different types and would call nextval.
func compare(is, want *atlas.Schema) ([]atlas.Change, error) {
	from := *is
	from.Attrs = want.Attrs     // the comment on public is not ours to change,
	from.Objects = want.Objects // and types that schema.hcl does not name may serve tables it does not name
	changes, err := postgres.DefaultDiff.SchemaDiff(&from, want, atlas.DiffNormalized())
	if err != nil {
		return nil, fmt.Errorf("compare with %s: %w", fileName, err)
	}
	return changes, nil
}

func statement(step *migrate.Change) Statement {
	return Statement{SQL: step.Cmd, Comment: step.Comment, Losses: losses(step.Source)}
}

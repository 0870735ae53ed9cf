package schema

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"ariga.io/atlas/sql/postgres"
)

// Drift is how a database differs from what Apply would leave behind.
type Drift struct {
	// Differences in words: tables, columns, constraints, indexes, comments; views, functions, triggers and the like that
	// schema.hcl does not have; and rights the app role has too many or too few.
	Differences []string `json:"differences"`
	// Unknown tables are not in schema.hcl and are no difference: they are left alone.
	Unknown []string `json:"unknown_tables"`
}

// Err is ErrDifferences if there are any.
func (d *Drift) Err() error {
	if len(d.Differences) == 0 {
		return nil
	}
	return ErrDifferences
}

// String writes one difference a line, for people.
func (d *Drift) String() string {
	var b strings.Builder
	for _, line := range d.Differences {
		fmt.Fprintln(&b, line)
	}
	for _, t := range d.Unknown {
		fmt.Fprintf(&b, "(left alone: table %s is not in schema.hcl)\n", t)
	}
	if len(d.Differences) == 0 {
		b.WriteString("no differences\n")
	}
	return b.String()
}

// Drift compares the database with schema.hcl and changes nothing. It needs the migrate role.
func (s *Schema) Drift(ctx context.Context, db *sql.DB) (*Drift, error) {
	drift := &Drift{}
	err := s.run(ctx, db, func(w *session) (bool, error) { return false, w.drift(ctx, drift) })
	if err != nil {
		return nil, fmt.Errorf("drift: %w", err)
	}
	return drift, nil
}

func (w *session) drift(ctx context.Context, drift *Drift) error {
	driver, err := postgres.Open(w.tx)
	if err != nil {
		return err
	}
	_, want, err := w.normalize(ctx, driver)
	if err != nil {
		return err
	}
	is, err := w.readCatalog(ctx, "public")
	if err != nil {
		return err
	}
	if w.extended {
		drift.Differences = append(drift.Differences, "extension pg_trgm is missing")
	}
	drift.Differences = append(drift.Differences, differences(is, want)...)
	for _, read := range []func(context.Context) ([]string, error){w.foreignObjects, w.wrongGrants, w.wrongRole} {
		more, err := read(ctx)
		if err != nil {
			return err
		}
		drift.Differences = append(drift.Differences, more...)
	}
	drift.Unknown, err = w.unknownTables(ctx)
	return err
}

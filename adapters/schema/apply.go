package schema

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// ApplyOptions says what Apply may do.
type ApplyOptions struct {
	// AllowDestructive lets Apply drop columns and cut values.
	AllowDestructive bool
}

// Applied is what Apply did.
type Applied struct {
	Plan
	// Remaining are differences that Apply has no means to remove, in words; Drift goes on reporting them.
	Remaining []string `json:"remaining"`
}

// Apply brings the database to what schema.hcl says, grants included, in one transaction: all of it or nothing. Running it
// again does nothing; any number of replicas may run it at once. It needs the migrate role.
//
// Errors: *DestructiveError when data would be lost and opts does not allow it, *DuplicatesError when rows contradict a
// uniqueness rule, ErrRoles when the roles are not set up, *StatementError when PostgreSQL refuses a statement. After an
// error nothing was applied, unless it says that the commit's outcome is unknown.
func (s *Schema) Apply(ctx context.Context, db *sql.DB, opts ApplyOptions) (*Applied, error) {
	var applied Applied
	err := s.run(ctx, db, func(w *session) (bool, error) {
		plan, want, err := w.plan(ctx)
		if err != nil {
			return false, err
		}
		if len(plan.Duplicates) > 0 {
			return false, &DuplicatesError{Duplicates: plan.Duplicates}
		}
		if losses := plan.Losses(); len(losses) > 0 && !opts.AllowDestructive {
			return false, &DestructiveError{Losses: losses}
		}
		for _, stmt := range plan.Statements {
			if err := w.exec(ctx, stmt.SQL); err != nil {
				return false, err
			}
		}
		if err := w.grant(ctx); err != nil {
			return false, err
		}
		is, err := w.readCatalog(ctx, "public")
		if err != nil {
			return false, err
		}
		applied = Applied{Plan: *plan, Remaining: differences(is, want)}
		return true, nil
	})
	switch {
	case errors.Is(err, ErrDestructive), errors.Is(err, ErrDuplicates):
		return nil, err // they say that nothing was applied themselves
	case err != nil:
		return nil, fmt.Errorf("apply: %w", err)
	}
	s.log.InfoContext(ctx, "schema applied", "statements", len(applied.Statements), "unknown_tables", len(applied.Unknown))
	if len(applied.Remaining) > 0 {
		s.log.WarnContext(ctx, "schema differs still", "differences", applied.Remaining)
	}
	return &applied, nil
}

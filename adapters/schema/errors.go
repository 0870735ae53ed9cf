package schema

import (
	"errors"
	"fmt"
	"strings"
)

// Outcomes a caller tells apart: the program's exit code 3 stands for the first two.
var (
	// ErrDestructive: apply would lose data and was not allowed to. Nothing was applied.
	ErrDestructive = errors.New("destructive changes need --allow-destructive; nothing was applied")
	// ErrDifferences: the database is not what schema.hcl says.
	ErrDifferences = errors.New("the database differs from schema.hcl")
	// ErrOlder: the database lacks tables, columns, indexes or rules this program needs.
	ErrOlder = errors.New("the database schema is older than this program")
	// ErrDuplicates: rows contradict a uniqueness rule that apply would bring in. Nothing was applied.
	ErrDuplicates = errors.New("rows contradict a uniqueness rule; nothing was applied")
	// ErrRoles: the roles or their rights are not set up. Nothing was applied.
	ErrRoles = errors.New("the database roles are not set up")
)

// DestructiveError names what apply would lose. It is an ErrDestructive.
type DestructiveError struct{ Losses []string }

func (e *DestructiveError) Error() string {
	return fmt.Sprintf("%v:\n  %s", ErrDestructive, strings.Join(e.Losses, "\n  "))
}

func (e *DestructiveError) Unwrap() error { return ErrDestructive }

// OlderError names what the database lacks. It is an ErrOlder.
type OlderError struct{ Missing []string }

func (e *OlderError) Error() string {
	const enough = 8
	missing := e.Missing
	more := ""
	if len(missing) > enough {
		more = fmt.Sprintf(" and %d more", len(missing)-enough)
		missing = missing[:enough]
	}
	return fmt.Sprintf("%v: %s%s; run `docuvault schema apply` first", ErrOlder, strings.Join(missing, ", "), more)
}

func (e *OlderError) Unwrap() error { return ErrOlder }

// DuplicatesError names the rows that stand in the way of uniqueness rules. It is an ErrDuplicates.
type DuplicatesError struct{ Duplicates []Duplicate }

func (e *DuplicatesError) Error() string {
	lines := make([]string, len(e.Duplicates))
	for i, d := range e.Duplicates {
		lines[i] = d.String()
	}
	return fmt.Sprintf("%v:\n  %s\nRename or delete all rows but one of each group, then run `docuvault schema apply` again",
		ErrDuplicates, strings.Join(lines, "\n  "))
}

func (e *DuplicatesError) Unwrap() error { return ErrDuplicates }

// Duplicate is one group of rows that a uniqueness rule would allow only one of.
type Duplicate struct {
	Table      string   `json:"table"`
	Constraint string   `json:"constraint"`
	Columns    []string `json:"columns"`
	Values     []string `json:"values"` // what the rows have in common, one for each column, as text; NULL for a null
	Rows       int      `json:"rows"`
	Keys       []string `json:"keys"` // the primary keys of some of them, as text
}

func (d Duplicate) String() string {
	keys := strings.Join(d.Keys, ", ")
	if d.Rows > len(d.Keys) {
		keys += ", …"
	}
	return fmt.Sprintf("%s (%s): %d rows of %s share (%s): %s", d.Table, d.Constraint, d.Rows,
		strings.Join(d.Columns, ", "), strings.Join(d.Values, ", "), keys)
}

package schema_test

import (
	"testing"

	"github.com/docuvault/docuvault/internal/testenv"
)

func TestApplyTwice(t *testing.T) {
	t.Parallel()
	db := open(t, testenv.Postgres(t).MigrateDSN)
	s := read(t, "")

	first := apply(t, s, db)
	if len(first.Statements) < 11 {
		t.Errorf("%d statements for an empty database", len(first.Statements))
	}
	if len(first.Remaining) > 0 {
		t.Errorf("what was applied differs from schema.hcl: %q", first.Remaining)
	}
	second := apply(t, s, db)
	if !second.Empty() || len(second.Remaining) > 0 {
		t.Errorf("the second time: %s %q", second.Plan.String(), second.Remaining)
	}
	drift, err := s.Drift(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	if drift.Err() != nil {
		t.Error(drift)
	}
}

package postgres

import (
	"testing"
	"time"

	"github.com/docuvault/docuvault/internal/testenv"
)

// Whatever a machine believes, the store goes by the database's clock.
func TestTheClockIsTheDatabases(t *testing.T) {
	t.Parallel()
	db := testenv.Schema(t)
	for _, wrong := range []time.Duration{0, time.Hour, -25 * time.Second} {
		store := open(t, Config{DSN: db.AppDSN, Clock: func() time.Time { return time.Now().Add(wrong) }})
		before := store.Now()
		var theirs time.Time
		if err := store.DB().QueryRowContext(t.Context(), "SELECT clock_timestamp()").Scan(&theirs); err != nil {
			t.Fatal(err)
		}
		after := store.Now()
		if early, late := before.Sub(theirs), theirs.Sub(after); early > 5*time.Second || late > 5*time.Second {
			t.Errorf("a clock that is wrong by %s: it was %s, between %s and %s by the store", wrong, theirs, before, after)
		}
	}
}

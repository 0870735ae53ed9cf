package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/stdlib"

	"github.com/docuvault/docuvault/internal/testenv"
)

// nearly is how far two readings of one clock may be apart in a test, on a machine that has other things to do.
const nearly = 5 * time.Second

func apart(a, b time.Time) bool { return a.Sub(b).Abs() > nearly }

// Whatever a machine believes, and whoever sets the database's clock meanwhile, the store goes by the database's clock.
func TestTheClockIsTheDatabases(t *testing.T) {
	t.Parallel()
	db := testenv.Schema(t)
	super := open(t, Config{DSN: db.SuperDSN}).DB()
	// Where the app's statements look first is a clock that can be set.
	for _, statement := range []string{
		"CREATE SCHEMA fake",
		"CREATE TABLE fake.shift AS SELECT interval '1 hour' AS by",
		`CREATE FUNCTION fake.clock_timestamp() RETURNS timestamptz LANGUAGE sql SECURITY DEFINER
			AS 'SELECT pg_catalog.clock_timestamp() + by FROM fake.shift'`,
		"GRANT USAGE ON SCHEMA fake TO PUBLIC",
	} {
		if _, err := super.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	cfg := Config{DSN: db.AppDSN}.withDefaults()
	conn, err := cfg.connConfig()
	if err != nil {
		t.Fatal(err)
	}
	conn.RuntimeParams["search_path"] = "fake, pg_catalog, public"
	store, err := openConn(t.Context(), cfg, conn, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()

	if want := time.Now().Add(time.Hour); apart(store.Now(), want) {
		t.Fatalf("by a database that is an hour ahead it is %s", store.Now())
	}
	if _, err := super.ExecContext(t.Context(), "UPDATE fake.shift SET by = interval '-1 day'"); err != nil {
		t.Fatal(err)
	}
	if err := store.Health(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := time.Now().Add(time.Hour); apart(store.Now(), want) {
		t.Errorf("a fresh reading was not gone by: it is %s", store.Now())
	}
	// The last reading grows old, and the next statement brings another.
	old := *store.clock.last.Load()
	store.clock.last.Store(&reading{theirs: old.theirs.Add(-clockAge), at: old.at - clockAge})
	if err := store.Health(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := time.Now().Add(-24 * time.Hour); apart(store.Now(), want) {
		t.Errorf("by a database whose clock was set back a day it is %s", store.Now())
	}
}

// Time goes on between readings by what has passed, and a reading that was long on its way is not believed.
func TestReadingsOfTheClock(t *testing.T) {
	t.Parallel()
	conn, err := open(t, Config{DSN: testenv.Schema(t).AppDSN}).DB().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var passed, each time.Duration // each call of elapsed takes so long
	c := &clock{elapsed: func() time.Duration { passed += each; return passed }}
	read := func() {
		t.Helper()
		if err := conn.Raw(func(driver any) error {
			return c.keep(context.WithoutCancel(t.Context()), driver.(*stdlib.Conn).Conn())
		}); err != nil {
			t.Fatal(err)
		}
	}
	each = 2 * time.Minute
	read() // the first is taken as it is
	if want := time.Now().Add(each + each/2); apart(c.now(), want) {
		t.Errorf("after a first reading from half way it is %s, not %s", c.now(), want)
	}
	first := c.last.Load()
	read()
	if c.last.Load() != first {
		t.Error("a reading that took two minutes was believed")
	}
	each = 0
	read()
	if c.last.Load() == first || apart(c.now(), time.Now()) {
		t.Errorf("after a quick reading it is %s", c.now())
	}
	quick := c.last.Load()
	passed += clockAge - 1
	read()
	if want := time.Now().Add(clockAge); c.last.Load() != quick || apart(c.now(), want) {
		t.Errorf("shortly before the reading is old it is %s, not %s", c.now(), want)
	}
	passed++
	read()
	if c.last.Load() == quick || apart(c.now(), time.Now()) {
		t.Errorf("when the reading is old it is %s", c.now())
	}
}

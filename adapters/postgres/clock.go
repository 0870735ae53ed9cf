package postgres

import (
	"context"
	"database/sql/driver"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// A clock tells the database's time. Leases and turns are compared between programs on different machines, whose own clocks may
// be far enough apart that one would take from another what it still holds, or be set while the programs run. So the time is what
// the database last said and what has passed since by a clock that nobody sets.
type clock struct {
	elapsed func() time.Duration // since a moment of its own, never set back or forward
	last    atomic.Pointer[reading]
}

// reading is what the database's clock said, at which moment.
type reading struct {
	theirs time.Time
	at     time.Duration
}

const (
	// clockAge is how long a reading is gone by. The database's clock may be set too, and this machine may sleep, which some
	// systems do not count as time passing.
	clockAge = 10 * time.Second
	// clockDoubt is how long a reading may have been on its way: it may be wrong by half of that.
	clockDoubt = time.Second
)

// newClock is one that goes by this process' monotonic clock.
func newClock() *clock {
	began := time.Now()
	return &clock{elapsed: func() time.Duration { return time.Since(began) }}
}

func (c *clock) now() time.Time {
	last := c.last.Load()
	return last.theirs.Add(c.elapsed() - last.at)
}

// keep reads the database's clock anew if the last reading is old. It is called whenever a connection is taken from the pool, which
// drops one that cannot answer.
func (c *clock) keep(ctx context.Context, conn *pgx.Conn) error {
	if last := c.last.Load(); last != nil && c.elapsed()-last.at < clockAge {
		return nil
	}
	if c.read(ctx, conn) != nil {
		return driver.ErrBadConn
	}
	return nil
}

// read asks the database for its time, past the tracer: it is nobody's statement. The answer is taken to be from half way between the
// question and its arrival; one that took too long is dropped if there is another to go by.
func (c *clock) read(ctx context.Context, conn *pgx.Conn) error {
	asked := c.elapsed()
	answer := conn.PgConn().ExecParams(ctx, "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint", nil, nil, nil, nil).Read()
	if answer.Err != nil {
		return answer.Err
	}
	took := c.elapsed() - asked
	microseconds, err := strconv.ParseInt(string(answer.Rows[0][0]), 10, 64)
	if err != nil {
		return err
	}
	theirs := time.UnixMicro(microseconds).UTC()
	if took <= clockDoubt || c.last.Load() == nil {
		c.last.Store(&reading{theirs: theirs, at: asked + took/2})
	}
	return nil
}

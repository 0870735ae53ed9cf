package postgres

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// clock tells the database's time. Leases and turns are compared between programs on different machines, whose own clocks may
// be far enough apart that one would take from another what it still holds.
type clock struct {
	local  func() time.Time
	offset atomic.Int64 // nanoseconds by which the database is ahead
}

func (c *clock) now() time.Time { return c.local().Add(time.Duration(c.offset.Load())) }

// set compares the clocks on a connection. The answer is taken to be from half way between the question and its arrival.
func (c *clock) set(ctx context.Context, conn *pgx.Conn) error {
	asked := c.local()
	var theirs time.Time
	if err := conn.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&theirs); err != nil {
		return err
	}
	c.offset.Store(int64(theirs.Sub(asked.Add(c.local().Sub(asked) / 2))))
	return nil
}

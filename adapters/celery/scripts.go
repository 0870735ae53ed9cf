package celery

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed lua/take.lua
var takeLua string

//go:embed lua/adopt.lua
var adoptLua string

//go:embed lua/complete.lua
var completeLua string

//go:embed lua/giveback.lua
var givebackLua string

//go:embed lua/lease.lua
var leaseLua string

//go:embed lua/expired.lua
var expiredLua string

//go:embed lua/chord.lua
var chordLua string

//go:embed lua/requeue.lua
var requeueLua string

//go:embed lua/restore.lua
var restoreLua string

var (
	takeScript     = redis.NewScript(takeLua)
	adoptScript    = redis.NewScript(adoptLua)
	completeScript = redis.NewScript(completeLua)
	givebackScript = redis.NewScript(givebackLua)
	leaseScript    = redis.NewScript(leaseLua)
	expiredScript  = redis.NewScript(expiredLua)
	chordScript    = redis.NewScript(chordLua)
	requeueScript  = redis.NewScript(requeueLua)
	restoreScript  = redis.NewScript(restoreLua)
)

// call is one script invocation of a pipeline.
type call struct {
	script *redis.Script
	keys   []string
	args   []any
	cmd    *redis.Cmd
	err    error
}

// runScripts sends the calls in one round trip and repeats those the server did not know the script of, so their order
// is not kept: what must happen in an order belongs into one script. A call's own outcome is in the call; the error is
// the first of any call.
func runScripts(ctx context.Context, rdb *redis.Client, calls []*call) error {
	send := func(calls []*call) {
		pipe := rdb.Pipeline()
		for _, c := range calls {
			c.cmd = c.script.EvalSha(ctx, pipe, c.keys, c.args...)
		}
		_, err := pipe.Exec(ctx)
		for _, c := range calls {
			c.err = c.cmd.Err()
			if c.err == nil && c.cmd.Val() == nil {
				// Every script answers something. Of a connection that Redis refuses (a wrong password) only Exec tells.
				c.err = err
			}
		}
	}
	send(calls)
	var again []*call
	loaded := map[*redis.Script]bool{}
	for _, c := range calls {
		if !redis.HasErrorPrefix(c.err, "NOSCRIPT") {
			continue
		}
		if !loaded[c.script] {
			if err := c.script.Load(ctx, rdb).Err(); err != nil {
				return fmt.Errorf("load script: %w", err)
			}
			loaded[c.script] = true
		}
		again = append(again, c)
	}
	if len(again) > 0 {
		send(again)
	}
	for _, c := range calls {
		if c.err != nil {
			return c.err
		}
	}
	return nil
}

// scoreOffset is added to the server's clock when a message is taken: its lease ends, for everybody who sweeps
// by the visibility timeout, after cfg.Lease.
func (c *Client) scoreOffset() string {
	return secondsText(c.cfg.Lease - c.cfg.VisibilityTimeout)
}

func secondsText(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 6, 64) }

func (c *Client) resultTTL() string {
	if c.cfg.ResultExpires < 0 {
		return "0"
	}
	return strconv.FormatInt(max(1, int64(c.cfg.ResultExpires/time.Second)), 10)
}

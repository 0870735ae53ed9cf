package extract

import (
	"os"
	"time"
)

// newIdleTimer ends c when it stays idle for too long.
func newIdleTimer(p *pool, c *child) *time.Timer {
	return time.AfterFunc(p.cfg.Idle, func() { p.retire(c) })
}

func insideChild() bool { return os.Getenv(marker) != "" }

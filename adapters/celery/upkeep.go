package celery

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"
)

// renew keeps the leases of what is held fresh, so that only a dead holder's messages are taken back. While that fails
// it tries more often: the leases may be about to end.
func (w *Worker) renew(ctx context.Context) {
	var trouble backoff
	for {
		if trouble.first() {
			pause(ctx, w.c.cfg.Lease/3)
		}
		if ctx.Err() != nil {
			return
		}
		err := w.renewAll(ctx)
		if err == nil {
			trouble.reset()
			continue
		}
		if trouble.first() && !errors.Is(err, context.Canceled) {
			w.log.WarnContext(ctx, "celery leases not renewed", "error", err)
		}
		trouble.wait(ctx)
	}
}

func (w *Worker) renewAll(ctx context.Context) error {
	tags := w.state.tags()
	for len(tags) > 0 {
		n := min(len(tags), 500)
		args := append(make([]any, 0, n+1), w.c.scoreOffset())
		for _, tag := range tags[:n] {
			args = append(args, tag)
		}
		tags = tags[n:]
		one := &call{script: leaseScript, keys: []string{w.c.keys.unackedIndex()}, args: args}
		if err := runScripts(ctx, w.c.rdb, []*call{one}); err != nil {
			return err
		}
	}
	return nil
}

// sweep takes back what dead holders left.
func (w *Worker) sweep(ctx context.Context) {
	if w.cfg.JanitorInterval < 0 {
		return
	}
	for wait := rand.N(w.cfg.JanitorInterval/2 + 1); ; wait = w.cfg.JanitorInterval*9/10 + rand.N(w.cfg.JanitorInterval/5+1) {
		pause(ctx, wait)
		if ctx.Err() != nil {
			return
		}
		n, err := w.c.Restore(ctx)
		if n > 0 {
			w.counters.restored.Add(int64(n))
			w.log.WarnContext(ctx, "celery messages of dead holders restored", "messages", n)
		}
		if err != nil && ctx.Err() == nil && !errors.Is(err, redis.ErrClosed) {
			w.log.DebugContext(ctx, "celery sweep failed", "error", err)
		}
	}
}

// since reads a start time kept as nanoseconds; zero when it has not started.
func since(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns)
}

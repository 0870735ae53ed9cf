package celery

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// waker tells a worker that something came, without asking: for every list one connection blocks in
// BLMOVE list list RIGHT RIGHT, which moves the next message onto itself as soon as there is one and changes
// nothing. Python consumers blocked on the same list still get their message.
type waker struct {
	rdb    *redis.Client
	lists  []string
	armed  []chan struct{}
	signal chan struct{}
	block  time.Duration
	once   sync.Once
}

func newWaker(w *Worker) *waker {
	k := &waker{rdb: w.c.connect(w.c.broker, len(w.order)+1), lists: w.order, signal: make(chan struct{}, 1)}
	// All waiters together stay below one command a second.
	k.block = max(10*time.Second, time.Duration(len(w.order))*time.Second)
	for range w.order {
		k.armed = append(k.armed, make(chan struct{}, 1))
	}
	return k
}

// run blocks on every list until ctx ends.
func (k *waker) run(ctx context.Context) {
	var wg sync.WaitGroup
	for i := range k.lists {
		wg.Go(func() { k.watch(ctx, k.lists[i], k.armed[i]) })
	}
	wg.Wait()
}

func (k *waker) watch(ctx context.Context, list string, armed <-chan struct{}) {
	var trouble backoff
	for {
		select {
		case <-ctx.Done():
			return
		case <-armed:
		}
		for ctx.Err() == nil {
			err := k.rdb.BLMove(ctx, list, list, "RIGHT", "RIGHT", k.block).Err()
			if err == nil {
				trouble.reset()
				signal(k.signal)
				break
			}
			if errors.Is(err, redis.Nil) {
				trouble.reset()
				continue
			}
			trouble.wait(ctx)
		}
	}
}

// clear forgets signals of what is about to be taken.
func (k *waker) clear() {
	select {
	case <-k.signal:
	default:
	}
}

// wait returns when there may be something to take; now and then it returns in any case.
func (k *waker) wait(ctx context.Context) {
	for _, a := range k.armed {
		signal(a)
	}
	timer := time.NewTimer(k.block)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-k.signal:
	case <-timer.C:
	}
}

// close ends the blocked connections.
func (k *waker) close() { k.once.Do(func() { _ = k.rdb.Close() }) } // nothing is lost with them

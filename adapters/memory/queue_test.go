package memory_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/memory"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
	"github.com/docuvault/docuvault/ports/queuetest"
)

func TestQueueConformance(t *testing.T) {
	t.Parallel()
	queuetest.Run(t, func(t *testing.T) queuetest.Harness {
		q := &memory.Queue{}
		return queuetest.Harness{
			Queue: q,
			Start: func(t *testing.T, handle func(context.Context, domain.DocumentID) (ports.TaskResult, error)) {
				ctx, cancel := context.WithCancel(t.Context())
				var working sync.WaitGroup
				working.Go(func() {
					poll := time.NewTicker(time.Millisecond)
					defer poll.Stop()
					for ctx.Err() == nil {
						if q.Work(ctx, time.Now(), handle) {
							continue
						}
						select {
						case <-ctx.Done():
						case <-poll.C:
						}
					}
				})
				t.Cleanup(func() { cancel(); working.Wait() })
			},
			Lose:   func(*testing.T) { q.Lose() },
			Break:  func(*testing.T) { q.Fail(domain.Errorf(domain.Unavailable, "the queue is down")) },
			Refuse: func(*testing.T) { q.Fill() },
		}
	})
}

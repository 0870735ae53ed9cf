package memory_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/memory"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
	"github.com/docuvault/docuvault/ports/queuetest"
)

// work calls once over and over until the test ends, with a pause when there is nothing to do.
func work(t *testing.T, once func(context.Context) bool) {
	ctx, cancel := context.WithCancel(t.Context())
	var working sync.WaitGroup
	working.Go(func() {
		poll := time.NewTicker(time.Millisecond)
		defer poll.Stop()
		for ctx.Err() == nil {
			if once(ctx) {
				continue
			}
			select {
			case <-ctx.Done():
			case <-poll.C:
			}
		}
	})
	t.Cleanup(func() { cancel(); working.Wait() })
}

func TestTrainingConformance(t *testing.T) {
	t.Parallel()
	queuetest.RunTraining(t, func(*testing.T) queuetest.TrainingHarness {
		q := &memory.Queue{}
		return queuetest.TrainingHarness{
			Queue: q,
			Start: func(t *testing.T, train func(context.Context, domain.Owner) error) {
				work(t, func(ctx context.Context) bool { return q.Train(ctx, time.Now(), train) })
			},
			Break: func(*testing.T) { q.Fail(domain.Errorf(domain.Unavailable, "the queue is down")) },
		}
	})
}

func TestQueueConformance(t *testing.T) {
	t.Parallel()
	queuetest.Run(t, func(t *testing.T) queuetest.Harness {
		q := &memory.Queue{}
		return queuetest.Harness{
			Queue: q,
			Start: func(t *testing.T, handle func(context.Context, domain.DocumentID) (ports.TaskResult, error)) {
				work(t, func(ctx context.Context) bool { return q.Work(ctx, time.Now(), handle) })
			},
			Lose:   func(*testing.T) { q.Lose() },
			Break:  func(*testing.T) { q.Fail(domain.Errorf(domain.Unavailable, "the queue is down")) },
			Refuse: func(*testing.T) { q.Fill() },
		}
	})
}

// A task that is to be tried again lets the others go first, and is held while it is worked on alone.
func TestRetriedTasksGoToTheEnd(t *testing.T) {
	t.Parallel()
	q := &memory.Queue{}
	for _, n := range []byte{1, 2} {
		if err := q.Enqueue(t.Context(), domain.TaskID(rune(n)), domain.DocumentID{n}, time.Unix(0, 0)); err != nil {
			t.Fatal(err)
		}
	}
	var order []byte
	for range 3 {
		q.Work(t.Context(), time.Unix(0, 0), func(_ context.Context, doc domain.DocumentID) (ports.TaskResult, error) {
			order = append(order, doc[0])
			if len(order) == 1 {
				return ports.TaskResult{}, domain.Errorf(domain.Unavailable, "later")
			}
			return ports.TaskResult{}, nil
		})
	}
	if want := []byte{1, 2, 1}; !slices.Equal(order, want) {
		t.Errorf("worked on %v, want %v", order, want)
	}
}

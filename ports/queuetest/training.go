package queuetest

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// TrainingHarness is a training queue with its worker, all its own.
type TrainingHarness struct {
	Queue ports.TrainingQueue

	// Start starts a worker on the queue that hands owners to train. The worker is stopped before the test ends. A train that
	// fails with a Retryable code is called again for the same owner.
	Start func(t *testing.T, train func(ctx context.Context, owner domain.Owner) error)

	// Break makes the queue unreachable for the rest of the test.
	Break func(t *testing.T)
}

// RunTraining runs the suite of ports.TrainingQueue. Open is called once for each subtest.
func RunTraining(t *testing.T, open func(t *testing.T) TrainingHarness) {
	for name, test := range map[string]func(*testing.T, TrainingHarness){
		"a training runs for its owner":          trainsOwner,
		"not before its time":                    trainsLater,
		"a retryable error trains again":         trainsAgain,
		"a queue out of reach is unavailable":    trainingUnreachable,
		"an ended context ends the call at once": trainingCanceled,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// trained starts a worker and returns where the owners arrive that it trains.
func trained(t *testing.T, h TrainingHarness) <-chan domain.Owner {
	ran := make(chan domain.Owner, 10)
	h.Start(t, func(_ context.Context, owner domain.Owner) error {
		ran <- owner
		return nil
	})
	return ran
}

func ask(t *testing.T, h TrainingHarness, owner domain.Owner, at time.Time) {
	t.Helper()
	if err := h.Queue.EnqueueTraining(t.Context(), owner, at); err != nil {
		t.Fatalf("enqueue a training: %v", err)
	}
}

func trainsOwner(t *testing.T, h TrainingHarness) {
	ran := trained(t, h)
	for _, owner := range []domain.Owner{domain.Nobody, domain.Owner(uuid.New())} {
		ask(t, h, owner, time.Now())
		if got := receive(t, ran); got != owner {
			t.Errorf("trained for %s, want %s", got, owner)
		}
	}
}

func trainsLater(t *testing.T, h TrainingHarness) {
	ran := trained(t, h)
	later, now := domain.Owner(uuid.New()), domain.Owner(uuid.New())
	ask(t, h, later, time.Now().Add(time.Hour))
	ask(t, h, now, time.Now())
	if got := receive(t, ran); got != now {
		t.Errorf("trained for %s, which was to wait", got)
	}
	soon := time.Now().Add(time.Second)
	ask(t, h, later, soon)
	if got := receive(t, ran); got != later || time.Now().Before(soon) {
		t.Errorf("trained for %s at %s, not before %s", got, time.Now(), soon)
	}
}

func trainsAgain(t *testing.T, h TrainingHarness) {
	ran := make(chan domain.Owner, 10)
	calls := 0
	h.Start(t, func(_ context.Context, owner domain.Owner) error {
		ran <- owner
		if calls++; calls == 1 {
			return domain.Errorf(domain.Unavailable, "storage is away")
		}
		return nil
	})
	owner := domain.Owner(uuid.New())
	ask(t, h, owner, time.Now())
	for range 2 {
		if got := receive(t, ran); got != owner {
			t.Errorf("trained for %s, want %s", got, owner)
		}
	}
}

func trainingUnreachable(t *testing.T, h TrainingHarness) {
	h.Break(t)
	if err := h.Queue.EnqueueTraining(t.Context(), domain.Nobody, time.Now()); domain.ErrorCode(err) != domain.Unavailable {
		t.Errorf("error is %v, want Unavailable", err)
	}
}

func trainingCanceled(t *testing.T, h TrainingHarness) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.Queue.EnqueueTraining(ctx, domain.Nobody, time.Now()); domain.ErrorCode(err) != domain.Canceled {
		t.Errorf("error is %v, want Canceled", err)
	}
}

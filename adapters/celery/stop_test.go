package celery_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/celery"
)

// running starts a worker and returns what Run will.
func running(t *testing.T, c *celery.Client, cfg celery.WorkerConfig, handlers map[string]celery.Handler) (*celery.Worker, <-chan error) {
	t.Helper()
	w, err := celery.NewWorker(c, cfg)
	if err != nil {
		t.Fatal(err)
	}
	for name, h := range handlers {
		w.Handle(name, h, celery.HandlerOptions{})
	}
	done := make(chan error, 1)
	go func() { done <- w.Run(context.Background()) }()
	return w, done
}

// receive waits for what a channel is about to say.
func receive[T any](t *testing.T, ch <-chan T) T {
	t.Helper()
	limit := time.NewTimer(time.Minute)
	defer limit.Stop()
	select {
	case v := <-ch:
		return v
	case <-limit.C:
		t.Fatal("waited a minute")
		panic("unreachable")
	}
}

// left is what is in the queue and what is held.
func left(t *testing.T, s *server) (queued []string, held int64) {
	t.Helper()
	queued, err := s.rdb.LRange(ctx(t), "celery", 0, -1).Result()
	if err != nil {
		t.Fatal(err)
	}
	if held, err = s.rdb.HLen(ctx(t), "unacked").Result(); err != nil {
		t.Fatal(err)
	}
	return queued, held
}

// TestStopLetsHandlersFinish finishes what runs, and puts back what waits in the order in which it came.
func TestStopLetsHandlersFinish(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *server) {
		c := open(t, celery.Config{BrokerURL: s.url})
		began, gate := make(chan struct{}), make(chan struct{})
		w, done := running(t, c, celery.WorkerConfig{Concurrency: 3}, map[string]celery.Handler{
			"gate": func(ctx context.Context, _ *celery.Delivery) (any, error) {
				close(began)
				<-gate
				return "finished", context.Cause(ctx)
			}, "later": add})
		id := send(t, c, celery.Task{Name: "gate"})[0]
		receive(t, began)
		ids := send(t, c, celery.Task{Name: "later", Countdown: time.Hour}, celery.Task{Name: "later", Countdown: time.Hour})
		until(t, "all are held", func() bool { _, held := left(t, s); return held == 3 })
		w.Stop()
		until(t, "what waits is back", func() bool { queued, held := left(t, s); return len(queued) == 2 && held == 1 })
		close(gate)
		if err := receive(t, done); err != nil {
			t.Error(err)
		}
		if res := wait(t, c, id); string(res.Result) != `"finished"` {
			t.Errorf("%+v", res)
		}
		waiting, err := celery.NewInspector(c).Oldest(ctx(t), "celery", 5)
		if err != nil || len(waiting) != 2 || waiting[0].TaskID != ids[0] || waiting[1].TaskID != ids[1] {
			t.Errorf("%+v, %v", waiting, err)
		}
		if _, held := left(t, s); held != 0 {
			t.Errorf("%d held", held)
		}
	})
}

// TestStopGivesUpOnDeafHandlers returns although a handler does not, with its message back in the queue and marked.
func TestStopGivesUpOnDeafHandlers(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *server) {
		c := open(t, celery.Config{BrokerURL: s.url})
		began, gate := make(chan struct{}), make(chan struct{})
		w, done := running(t, c, celery.WorkerConfig{Concurrency: 1, DrainTimeout: 10 * time.Millisecond, AbortGrace: 10 * time.Millisecond}, map[string]celery.Handler{
			"deaf": func(context.Context, *celery.Delivery) (any, error) { close(began); <-gate; return "late", nil }})
		id := send(t, c, celery.Task{Name: "deaf"})[0]
		receive(t, began)
		w.Stop()
		if err := receive(t, done); !errors.Is(err, celery.ErrAbandoned) {
			t.Errorf("Run returned %v", err)
		}
		close(gate)
		if queued, held := left(t, s); len(queued) != 1 || held != 0 {
			t.Errorf("%d queued, %d held", len(queued), held)
		}
		redelivered := make(chan bool, 1)
		start(t, c, celery.WorkerConfig{}, map[string]celery.Handler{"deaf": func(_ context.Context, d *celery.Delivery) (any, error) {
			redelivered <- d.Redelivered
			return "again", nil
		}})
		if !receive(t, redelivered) {
			t.Error("not marked")
		}
		if res := wait(t, c, id); string(res.Result) != `"again"` {
			t.Errorf("%+v", res)
		}
	})
}

// TestStopWhileRedisIsFrozen returns although nothing can be written any more. What it could not write is done by others.
func TestStopWhileRedisIsFrozen(t *testing.T) {
	t.Parallel()
	s := realRedis(t)
	cfg := celery.Config{BrokerURL: s.url, IOTimeout: 200 * time.Millisecond, Lease: time.Second}
	c := open(t, cfg)
	began, gate := make(chan struct{}), make(chan struct{})
	w, done := running(t, c, celery.WorkerConfig{Concurrency: 2, AbortGrace: 100 * time.Millisecond}, map[string]celery.Handler{
		"gate": func(context.Context, *celery.Delivery) (any, error) { close(began); <-gate; return 1, nil }, "later": add})
	id := send(t, c, celery.Task{Name: "gate"})[0]
	receive(t, began)
	ids := append(send(t, c, celery.Task{Name: "later", Args: []any{1, 2}, Countdown: time.Second}), id)
	until(t, "both are held", func() bool { _, held := left(t, s); return held == 2 })
	s.real.Pause(t)
	close(gate)
	w.Stop()
	if err := receive(t, done); err != nil {
		t.Error(err)
	}
	s.real.Resume(t)
	start(t, open(t, cfg), celery.WorkerConfig{JanitorInterval: 100 * time.Millisecond}, map[string]celery.Handler{
		"gate": func(context.Context, *celery.Delivery) (any, error) { return 2, nil }, "later": add})
	for _, id := range ids {
		if res := wait(t, c, id); res.Status != celery.StatusSuccess {
			t.Errorf("%+v", res)
		}
	}
}

package app_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

func (h *house) reconcile(t *testing.T) app.Reconciled {
	t.Helper()
	done, err := h.reconciler.Once(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func TestALostQueueIsRepairedWithinAMinute(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var docs []domain.Document
	for i := range 50 {
		docs = append(docs, h.upload(t, "x", fmt.Sprint("text ", i)))
	}
	h.queue.Lose()
	if done := h.reconcile(t); done.Enqueued != 0 {
		t.Errorf("reconciled %+v before anything was overdue", done)
	}
	h.clock.advance(recovery.Patience)
	if recovery.Patience > 50*time.Second {
		t.Errorf("patience of %s leaves no time to keep the promise of a minute", recovery.Patience)
	}
	if done := h.reconcile(t); done.Enqueued != len(docs) {
		t.Errorf("reconciled %+v", done)
	}
	h.work(t)
	for _, doc := range docs {
		if got := h.document(t, doc.ID); got.Status != domain.Ready || got.Task != doc.Task {
			t.Errorf("document is %s, task %s was %s", got.Status, got.Task, doc.Task)
		}
	}
}

func TestALongQueueIsNoLoss(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for i := range 20 {
		h.upload(t, "x", fmt.Sprint("text ", i))
		h.clock.advance(time.Millisecond)
	}
	for range 100 { // hours without a worker
		h.clock.advance(recovery.MaxBackoff)
		if done := h.reconcile(t); done.Enqueued != 0 || done.GaveUp != 0 {
			t.Fatalf("reconciled %+v", done)
		}
	}
	if ran := h.work(t); ran != 20 {
		t.Errorf("%d tasks ran", ran)
	}
}

func TestALossBehindALongQueueIsFound(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	lost := h.upload(t, "lost", "lost")
	h.queue.Lose()
	h.clock.advance(time.Second)
	h.upload(t, "later", "later")
	h.clock.advance(recovery.Patience)
	if done := h.reconcile(t); done.Enqueued != 1 || done.Waiting != 1 {
		t.Errorf("reconciled %+v", done)
	}
	h.work(t)
	if got := h.document(t, lost.ID); got.Status != domain.Ready {
		t.Errorf("the lost document is %s", got.Status)
	}
}

func TestADeadHoldersDocumentGoesRoundAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	doc := h.upload(t, "x", "text")
	h.extract = func(context.Context, ports.Source) (ports.Extraction, error) { panic("the worker dies") }
	func() {
		defer func() { _ = recover() }()
		_, _ = h.processor.Process(context.Background(), doc.ID)
	}()
	h.queue.Lose() // its message too
	h.extract = plain
	h.clock.advance(recovery.Lease)
	if done := h.reconcile(t); done.Enqueued != 1 {
		t.Errorf("reconciled %+v", done)
	}
	h.work(t)
	if got := h.document(t, doc.ID); got.Status != domain.Ready || got.Attempts != 2 {
		t.Errorf("document is %+v", got.Progress)
	}
}

func TestWhatIsLostAgainAndAgainIsGivenUp(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	doc := h.upload(t, "x", "text")
	enqueued := 0
	for range 2 * recovery.MaxRequeues {
		h.queue.Lose()
		h.clock.advance(recovery.MaxBackoff)
		enqueued += h.reconcile(t).Enqueued
	}
	if enqueued != recovery.MaxRequeues {
		t.Errorf("enqueued %d times", enqueued)
	}
	got := h.document(t, doc.ID)
	if got.Status != domain.Failed || got.Failure.Code != "gave_up" {
		t.Errorf("document is %s, failure %+v", got.Status, got.Failure)
	}
}

func TestReconcilersShareTheWork(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const n = 500
	for i := range n {
		h.upload(t, "x", fmt.Sprint("text ", i))
	}
	h.queue.Lose()
	h.clock.advance(recovery.Patience)
	var mu sync.Mutex
	var total app.Reconciled
	var reconciling sync.WaitGroup
	for range 8 {
		reconciling.Go(func() {
			done, err := h.reconciler.Once(t.Context())
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			total.Enqueued += done.Enqueued
		})
	}
	reconciling.Wait()
	if ran := h.work(t); total.Enqueued != n || ran != n {
		t.Errorf("enqueued %d times, ran %d tasks, want %d of both", total.Enqueued, ran, n)
	}
}

func TestAQueueThatGoesAwayWhileReconciling(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	doc := h.upload(t, "x", "text")
	h.queue.Lose()
	h.clock.advance(recovery.Patience)
	flaky := &goesAway{Queue: h.queue, after: 1}
	r := app.NewReconciler(domain.Recovery{}, app.ReconcilerDeps{Repo: h.repo, Queue: flaky, Now: h.clock.Now})
	if _, err := r.Once(t.Context()); domain.ErrorCode(err) != domain.Unavailable {
		t.Errorf("got %v", err)
	}
	if done := h.reconcile(t); done.Enqueued != 1 {
		t.Errorf("the next round did %+v", done)
	}
	h.work(t)
	if got := h.document(t, doc.ID); got.Status != domain.Ready {
		t.Errorf("document is %s", got.Status)
	}
}

// goesAway answers snapshots but takes no task.
type goesAway struct {
	ports.TaskQueue
	Queue ports.TaskQueue
	after int
}

func (g *goesAway) Snapshot(ctx context.Context) (ports.QueueSnapshot, error) {
	return g.Queue.Snapshot(ctx)
}

func (g *goesAway) Enqueue(context.Context, domain.TaskID, domain.DocumentID, time.Time) error {
	return errDown
}

func TestReconcilerStopsWithItsContext(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	go func() { h.reconciler.Run(ctx); close(stopped) }()
	cancel()
	select {
	case <-stopped:
	case <-time.After(10 * time.Second):
		t.Error("it runs on")
	}
}

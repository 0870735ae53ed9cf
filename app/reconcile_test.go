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
	h.clock.advance(15 * time.Second)
	later := h.upload(t, "later", "later")
	h.clock.advance(recovery.Patience)
	if done := h.reconcile(t); done.Enqueued != 1 {
		t.Errorf("reconciled %+v", done)
	}
	if got := h.document(t, later.ID); got.ReconcileAt != later.ReconcileAt {
		t.Error("a document that only waits was written to")
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

// A queue may answer and take nothing, as a Redis that is full does. That is no fault of the documents': none is given up, and
// none is believed to be queued.
func TestAQueueThatTakesNothing(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*refusing){
		"and says so":          func(q *refusing) { q.sick = true },
		"after some tasks":     func(q *refusing) { q.takes = 5 },
		"from the first task":  func(q *refusing) { q.takes = 0 },
		"at every second task": func(q *refusing) { q.takes, q.alternates = 1, true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			var docs []domain.Document
			for i := range 20 {
				docs = append(docs, h.upload(t, "x", fmt.Sprint("text ", i)))
			}
			h.queue.Lose()
			flaky := &refusing{TaskQueue: h.queue, takes: 1 << 30}
			spoil(flaky)
			r := app.NewReconciler(domain.Recovery{}, app.ReconcilerDeps{Repo: h.repo, Queue: flaky, Now: h.clock.Now})
			for range 5 * recovery.MaxRequeues {
				h.clock.advance(recovery.Patience)
				if done, err := r.Once(t.Context()); done.GaveUp > 0 || err != nil && domain.ErrorCode(err) != domain.Unavailable {
					t.Fatalf("reconciled %+v, error %v", done, err)
				}
			}
			h.work(t)
			for range 3 {
				h.clock.advance(recovery.MaxBackoff)
				h.reconcile(t)
				h.work(t)
			}
			for _, doc := range docs {
				if got := h.document(t, doc.ID); got.Status != domain.Ready {
					t.Errorf("document is %s, %+v", got.Status, got.Progress)
				}
			}
		})
	}
}

// refusing is a queue that answers, and takes only so many tasks.
type refusing struct {
	ports.TaskQueue
	sick       bool
	takes      int
	alternates bool // after a refusal it takes one again
}

func (q *refusing) Health(ctx context.Context) error {
	if q.sick {
		return errDown
	}
	return q.TaskQueue.Health(ctx)
}

func (q *refusing) Enqueue(ctx context.Context, task domain.TaskID, doc domain.DocumentID, now time.Time) error {
	if q.sick || q.takes == 0 {
		if q.alternates {
			q.takes = 1
		}
		return errDown
	}
	q.takes--
	return q.TaskQueue.Enqueue(ctx, task, doc, now)
}

// However long the queue and however often the reconciler looks, a round ends, and costs nothing for what only waits.
func TestARoundLooksAtEachDocumentOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const n = 450 // more than two batches
	for i := range n {
		h.upload(t, "x", fmt.Sprint("text ", i))
	}
	h.queue.Lose()
	h.clock.advance(recovery.Patience)
	hasty := &advancing{Repository: h.repo, clock: h.clock} // every batch takes longer than the patience
	r := app.NewReconciler(domain.Recovery{}, app.ReconcilerDeps{Repo: hasty, Queue: h.queue, Now: h.clock.Now})
	if done, err := r.Once(t.Context()); err != nil || done.Enqueued != n {
		t.Fatalf("reconciled %+v, error %v", done, err)
	}
	if hasty.batches > 4 {
		t.Errorf("%d batches for %d documents", hasty.batches, n)
	}
	if ran := h.work(t); ran != n {
		t.Errorf("%d tasks ran", ran)
	}
}

// A clock that was ahead for a while has told documents to move on at a time that is far off. When it is set right they do not wait
// for that: what a dead worker holds and what the queue has lost goes round again, even behind a queue in which others wait.
func TestWhatAWrongClockWroteIsMended(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.clock.advance(24 * time.Hour)
	dead, lost := h.upload(t, "x", "somebody held it"), h.upload(t, "x", "nobody has it")
	if _, err := h.repo.Advance(t.Context(), dead.ID, func(d *domain.Document) error {
		_, err := d.Claim(h.clock.Now(), recovery)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	h.queue.Lose()
	h.clock.advance(-24 * time.Hour)
	waits := h.upload(t, "x", "its task waits in the queue")
	if done := h.reconcile(t); done.Enqueued != 2 {
		t.Errorf("reconciled %+v", done)
	}
	if done := h.reconcile(t); done.Enqueued != 0 {
		t.Errorf("reconciled %+v at once after the first time", done)
	}
	h.work(t)
	for _, doc := range []domain.Document{dead, lost, waits} {
		if got := h.document(t, doc.ID); got.Status != domain.Ready {
			t.Errorf("%s is %s", got.Name, got.Status)
		}
	}
}

// A worker may hold a task that a wrong clock told to run hours later. Its document gets another that runs at once.
func TestATaskForAFarTimeIsLost(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	doc := h.upload(t, "x", "held for later")
	for ahead, enqueued := range map[time.Duration]int{recovery.MaxBackoff: 0, 3 * time.Hour: 1} {
		h.queue.Lose()
		queue := &holding{h.queue, map[domain.TaskID]time.Time{doc.Task: h.clock.Now().Add(ahead)}}
		h.clock.advance(recovery.Patience)
		done, err := app.NewReconciler(recovery, app.ReconcilerDeps{Repo: h.repo, Queue: queue, Now: h.clock.Now}).Once(t.Context())
		if err != nil || done.Enqueued != enqueued {
			t.Errorf("held for %s: reconciled %+v, %v", ahead, done, err)
		}
		h.clock.advance(recovery.MaxBackoff)
	}
}

// holding is a queue of which workers hold these tasks.
type holding struct {
	ports.TaskQueue
	held map[domain.TaskID]time.Time
}

func (q *holding) Snapshot(ctx context.Context) (ports.QueueSnapshot, error) {
	s, err := q.TaskQueue.Snapshot(ctx)
	s.Held = q.held
	return s, err
}

// advancing lets the clock go on with every batch that is recovered.
type advancing struct {
	ports.Repository
	clock   *clock
	batches int
}

func (a *advancing) RecoverOverdue(ctx context.Context, overdue ports.Overdue, decide func(*domain.Document) domain.Verdict) ([]ports.Recovered, error) {
	a.batches++
	if a.batches > 100 {
		return nil, errDown
	}
	a.clock.advance(2 * recovery.Patience)
	return a.Repository.RecoverOverdue(ctx, overdue, decide)
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

// Package queuetest holds every promise of ports.TaskQueue against an implementation.
package queuetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// Harness is a queue with its worker and its weaknesses, all its own: no other test sees the same queue.
type Harness struct {
	Queue ports.TaskQueue

	// Start starts a worker on the queue that takes one task at a time and hands it to handle. The worker is stopped before the
	// test ends. A handle that fails with a Retryable code is called again for the same task.
	Start func(t *testing.T, handle func(ctx context.Context, doc domain.DocumentID) (ports.TaskResult, error))

	// Lose empties the queue, as a Redis that lost its memory.
	Lose func(t *testing.T)

	// Break makes the queue unreachable for the rest of the test.
	Break func(t *testing.T)

	// Refuse makes the queue answer and take no task any more, as a Redis that is full. Nil: a queue of this kind cannot be.
	Refuse func(t *testing.T)
}

// patience bounds every wait in the suite. It is generous: reaching it is a failure.
const patience = 30 * time.Second

// Run runs the suite. Open is called once for each subtest.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	for name, test := range map[string]func(*testing.T, Harness){
		"a task runs once and its result is kept":       runsOnce,
		"tasks run in the order they came":              inOrder,
		"a failed task says so":                         failureIsKept,
		"a retryable error runs the task again":         retries,
		"the same task may be enqueued again":           again,
		"an unknown task is pending":                    unknownIsPending,
		"an empty queue has no oldest task":             emptySnapshot,
		"a snapshot sees what waits":                    snapshotWaiting,
		"a snapshot sees what is held":                  snapshotHeld,
		"a lost queue has nothing":                      lost,
		"calls from many goroutines all arrive":         concurrent,
		"an ended context ends a call":                  canceled,
		"a queue out of reach is unavailable, and soon": unreachable,
		"a queue that takes nothing is not healthy":     refuses,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func newTask() (domain.TaskID, domain.DocumentID) {
	return domain.TaskID(uuid.NewString()), domain.DocumentID(uuid.New())
}

func done(doc domain.DocumentID) ports.TaskResult {
	return ports.TaskResult{DocumentID: doc.String(), Status: "ready", Topics: []string{"Taxes", "Ärzte"}}
}

func enqueue(t *testing.T, h Harness, task domain.TaskID, doc domain.DocumentID) time.Time {
	t.Helper()
	now := domain.Moment(time.Now())
	if err := h.Queue.Enqueue(t.Context(), task, doc, now); err != nil {
		t.Fatalf("enqueue: %v", err)
	}
	return now
}

// waitFor asks for the task until it has the status.
func waitFor(t *testing.T, h Harness, id domain.TaskID, want ports.TaskStatus) ports.Task {
	t.Helper()
	deadline := time.After(patience)
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for {
		task, err := h.Queue.Task(t.Context(), id)
		if err != nil {
			t.Fatalf("task: %v", err)
		}
		if task.Status == want {
			return task
		}
		select {
		case <-deadline:
			t.Fatalf("task %s is %s, want %s", id, task.Status, want)
		case <-poll.C:
		}
	}
}

func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func runsOnce(t *testing.T, h Harness) {
	task, doc := newTask()
	began := enqueue(t, h, task, doc)
	ran := make(chan domain.DocumentID, 10)
	h.Start(t, func(_ context.Context, doc domain.DocumentID) (ports.TaskResult, error) {
		ran <- doc
		return done(doc), nil
	})
	if got := receive(t, ran); got != doc {
		t.Fatalf("ran document %s, want %s", got, doc)
	}
	got := waitFor(t, h, task, ports.TaskSuccess)
	if got.ID != task || got.Result == nil || fmt.Sprint(*got.Result) != fmt.Sprint(done(doc)) || got.Error != "" {
		t.Errorf("task is %+v, result %+v", got, got.Result)
	}
	if got.DoneAt.Before(began.Add(-time.Second)) || got.DoneAt.After(time.Now().Add(time.Second)) {
		t.Errorf("done at %s, enqueued at %s", got.DoneAt, began)
	}
	marker, other := newTask()
	enqueue(t, h, marker, other) // once this one ran, a second run of the first would have been seen
	if next := receive(t, ran); next != other {
		t.Errorf("document %s ran again", next)
	}
}

func inOrder(t *testing.T, h Harness) {
	var want []domain.DocumentID
	for range 20 {
		task, doc := newTask()
		enqueue(t, h, task, doc)
		want = append(want, doc)
	}
	ran := make(chan domain.DocumentID, len(want))
	h.Start(t, func(_ context.Context, doc domain.DocumentID) (ports.TaskResult, error) {
		ran <- doc
		return done(doc), nil
	})
	for i, doc := range want {
		if got := receive(t, ran); got != doc {
			t.Fatalf("task %d ran %s, want %s", i, got, doc)
		}
	}
}

func failureIsKept(t *testing.T, h Harness) {
	task, doc := newTask()
	enqueue(t, h, task, doc)
	h.Start(t, func(context.Context, domain.DocumentID) (ports.TaskResult, error) {
		return ports.TaskResult{}, domain.Errorf(domain.Conflict, "this cannot be done")
	})
	got := waitFor(t, h, task, ports.TaskFailure)
	if got.Result != nil || got.Error != "this cannot be done" || got.DoneAt.IsZero() {
		t.Errorf("task is %+v", got)
	}
}

func retries(t *testing.T, h Harness) {
	task, doc := newTask()
	enqueue(t, h, task, doc)
	calls := make(chan int, 10)
	tries := 0
	h.Start(t, func(_ context.Context, doc domain.DocumentID) (ports.TaskResult, error) {
		tries++
		calls <- tries
		if tries < 3 {
			return ports.TaskResult{}, domain.Errorf(domain.Unavailable, "not just now")
		}
		return done(doc), nil
	})
	for want := 1; want <= 3; want++ {
		if got := receive(t, calls); got != want {
			t.Fatalf("call %d, want %d", got, want)
		}
	}
	waitFor(t, h, task, ports.TaskSuccess)
}

func again(t *testing.T, h Harness) {
	task, doc := newTask()
	enqueue(t, h, task, doc)
	enqueue(t, h, task, doc)
	ran := make(chan domain.DocumentID, 10)
	h.Start(t, func(_ context.Context, doc domain.DocumentID) (ports.TaskResult, error) {
		ran <- doc
		return done(doc), nil
	})
	receive(t, ran)
	receive(t, ran)
	waitFor(t, h, task, ports.TaskSuccess)
}

func unknownIsPending(t *testing.T, h Harness) {
	task, _ := newTask()
	got, err := h.Queue.Task(t.Context(), task)
	if err != nil || got.Status != ports.TaskPending || got.ID != task || got.Result != nil {
		t.Errorf("task is %+v, error %v", got, err)
	}
}

func snapshot(t *testing.T, h Harness) ports.QueueSnapshot {
	t.Helper()
	s, err := h.Queue.Snapshot(t.Context())
	if err != nil {
		t.Fatalf("snapshot: %v", err)
	}
	return s
}

// horizon is later than any task here is to run.
func horizon() time.Time { return time.Now().Add(time.Hour) }

func emptySnapshot(t *testing.T, h Harness) {
	s := snapshot(t, h)
	if s.Waiting != 0 || !s.Oldest.IsZero() || len(s.Held) != 0 {
		t.Errorf("snapshot is %+v", s)
	}
	if task, _ := newTask(); s.Has(task, time.Now(), horizon()) {
		t.Error("an empty queue has a task")
	}
}

func snapshotWaiting(t *testing.T, h Harness) {
	first, doc := newTask()
	oldest := domain.Moment(time.Now().Add(-time.Hour))
	if err := h.Queue.Enqueue(t.Context(), first, doc, oldest); err != nil {
		t.Fatal(err)
	}
	second, doc := newTask()
	youngest := enqueue(t, h, second, doc)
	s := snapshot(t, h)
	if s.Waiting != 2 || !s.Oldest.Equal(oldest) {
		t.Errorf("snapshot is %+v, want 2 waiting since %s", s, oldest)
	}
	for _, c := range []struct {
		what string
		task domain.TaskID
		at   time.Time
		want bool
	}{
		{"the oldest", first, oldest, true},
		{"the youngest", second, youngest, true},
		{"one that a slow clock stamped", "slow", oldest.Add(-time.Second), true},
		{"one clearly older than all that wait", "older", oldest.Add(-time.Minute), false},
		{"one that was never enqueued", second, time.Time{}, false},
	} {
		if got := s.Has(c.task, c.at, horizon()); got != c.want {
			t.Errorf("has %s: %t", c.what, got)
		}
	}
}

func snapshotHeld(t *testing.T, h Harness) {
	task, doc := newTask()
	at := enqueue(t, h, task, doc)
	holding, release := make(chan struct{}, 1), make(chan struct{})
	h.Start(t, func(ctx context.Context, doc domain.DocumentID) (ports.TaskResult, error) {
		holding <- struct{}{}
		select {
		case <-release:
		case <-ctx.Done():
		}
		return done(doc), nil
	})
	receive(t, holding)
	s := snapshot(t, h)
	if s.Waiting != 0 || !s.Holds(task, horizon()) || !s.Has(task, at, horizon()) {
		t.Errorf("snapshot is %+v while the task is held", s)
	}
	close(release)
	waitFor(t, h, task, ports.TaskSuccess)
	deadline := time.Now().Add(patience)
	for snapshot(t, h).Holds(task, horizon()) {
		if time.Now().After(deadline) {
			t.Fatal("a finished task is still held")
		}
	}
}

func lost(t *testing.T, h Harness) {
	task, doc := newTask()
	at := enqueue(t, h, task, doc)
	h.Lose(t)
	if s := snapshot(t, h); s.Waiting != 0 || s.Has(task, at, horizon()) {
		t.Errorf("snapshot is %+v after the queue was lost", s)
	}
	// What comes later does not hide the loss: the lost task is clearly older than everything that waits.
	later, doc := newTask()
	if err := h.Queue.Enqueue(t.Context(), later, doc, at.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if s := snapshot(t, h); s.Has(task, at, horizon()) || !s.Has(later, at.Add(time.Minute), horizon()) {
		t.Errorf("snapshot is %+v after a later task", s)
	}
}

func concurrent(t *testing.T, h Harness) {
	const n = 64
	ran := make(chan domain.DocumentID, n)
	h.Start(t, func(_ context.Context, doc domain.DocumentID) (ports.TaskResult, error) {
		ran <- doc
		return done(doc), nil
	})
	var sending sync.WaitGroup
	var mu sync.Mutex
	want := make(map[domain.DocumentID]bool)
	for range n {
		sending.Go(func() {
			task, doc := newTask()
			mu.Lock()
			want[doc] = true
			mu.Unlock()
			if err := h.Queue.Enqueue(t.Context(), task, doc, time.Now()); err != nil {
				t.Error(err)
			}
		})
	}
	sending.Wait()
	for range n {
		delete(want, receive(t, ran))
	}
	if len(want) > 0 {
		t.Errorf("%d documents never ran", len(want))
	}
}

func canceled(t *testing.T, h Harness) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	task, doc := newTask()
	for name, err := range calls(ctx, h.Queue, task, doc) {
		if code := domain.ErrorCode(err); code != domain.Canceled || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: code %q, error %v", name, code, err)
		}
	}
	if s := snapshot(t, h); s.Waiting != 0 {
		t.Error("a cancelled call enqueued its task")
	}
}

func unreachable(t *testing.T, h Harness) {
	h.Break(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	task, doc := newTask()
	for name, err := range calls(ctx, h.Queue, task, doc) {
		if code := domain.ErrorCode(err); code != domain.Unavailable {
			t.Errorf("%s: code %q, error %v", name, code, err)
		}
	}
	if ctx.Err() != nil {
		t.Error("the calls took too long")
	}
}

func refuses(t *testing.T, h Harness) {
	if h.Refuse == nil {
		return
	}
	task, doc := newTask()
	enqueue(t, h, task, doc)
	if err := h.Queue.Health(t.Context()); err != nil {
		t.Fatalf("health before: %v", err)
	}
	h.Refuse(t)
	task, doc = newTask()
	if err := h.Queue.Enqueue(t.Context(), task, doc, time.Now()); domain.ErrorCode(err) != domain.Unavailable {
		t.Errorf("enqueue: %v", err)
	}
	if err := h.Queue.Health(t.Context()); domain.ErrorCode(err) != domain.Unavailable {
		t.Errorf("health: %v", err)
	}
	if s := snapshot(t, h); s.Waiting != 1 {
		t.Errorf("snapshot is %+v", s)
	}
}

func calls(ctx context.Context, q ports.TaskQueue, task domain.TaskID, doc domain.DocumentID) map[string]error {
	errs := map[string]error{"enqueue": q.Enqueue(ctx, task, doc, time.Now()), "health": q.Health(ctx)}
	_, errs["snapshot"] = q.Snapshot(ctx)
	_, errs["task"] = q.Task(ctx, task)
	return errs
}

package memory

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// Queue is a ports.TaskQueue and a ports.TrainingQueue in this process. Work and Train play the worker. The zero Queue is ready to use.
type Queue struct {
	mu      sync.Mutex
	waiting []queued
	trains  []training
	held    map[domain.TaskID]bool
	tasks   map[domain.TaskID]ports.Task
	fail    error
	full    bool
}

type queued struct {
	task domain.TaskID
	doc  domain.DocumentID
	at   time.Time
}

type training struct {
	owner domain.Owner
	at    time.Time
}

var (
	_ ports.TaskQueue     = (*Queue)(nil)
	_ ports.TrainingQueue = (*Queue)(nil)
)

// Enqueue implements ports.TaskQueue.
func (q *Queue) Enqueue(ctx context.Context, task domain.TaskID, doc domain.DocumentID, now time.Time) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.refuseTask(ctx); err != nil {
		return err
	}
	q.waiting = append(q.waiting, queued{task: task, doc: doc, at: now})
	return nil
}

// EnqueueTraining implements ports.TrainingQueue.
func (q *Queue) EnqueueTraining(ctx context.Context, owner domain.Owner, notBefore time.Time) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.refuseTask(ctx); err != nil {
		return err
	}
	q.trains = append(q.trains, training{owner, notBefore})
	return nil
}

// Trainer trains one owner's classifier, as app.Trainer.Train does.
type Trainer func(ctx context.Context, owner domain.Owner) error

// Train takes the first training whose time has come and has it handled. After a retryable error it goes back to the end of the
// queue. It reports whether there was one.
func (q *Queue) Train(ctx context.Context, now time.Time, train Trainer) bool {
	q.mu.Lock()
	i := slices.IndexFunc(q.trains, func(t training) bool { return !t.at.After(now) })
	if i < 0 {
		q.mu.Unlock()
		return false
	}
	next := q.trains[i]
	q.trains = slices.Delete(q.trains, i, i+1)
	q.mu.Unlock()
	if err := train(ctx, next.owner); err != nil && domain.ErrorCode(err).Retryable() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.trains = append(q.trains, next)
	}
	return true
}

// Snapshot implements ports.TaskQueue.
func (q *Queue) Snapshot(ctx context.Context) (ports.QueueSnapshot, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.refuse(ctx); err != nil {
		return ports.QueueSnapshot{}, err
	}
	snapshot := ports.QueueSnapshot{Waiting: len(q.waiting), Held: make(map[domain.TaskID]time.Time, len(q.held))}
	for task := range q.held {
		snapshot.Held[task] = time.Time{}
	}
	for i, waiting := range q.waiting {
		if i == 0 || waiting.at.Before(snapshot.Oldest) {
			snapshot.Oldest = waiting.at
		}
	}
	return snapshot, nil
}

// Task implements ports.TaskQueue.
func (q *Queue) Task(ctx context.Context, id domain.TaskID) (ports.Task, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.refuse(ctx); err != nil {
		return ports.Task{}, err
	}
	if task, ok := q.tasks[id]; ok {
		return task, nil
	}
	return ports.Task{ID: id, Status: ports.TaskPending}, nil
}

// Health implements ports.TaskQueue.
func (q *Queue) Health(ctx context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.refuseTask(ctx)
}

var errFull = domain.Errorf(domain.Unavailable, "the queue is full")

// Fill makes the queue answer and take no task any more.
func (q *Queue) Fill() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.full = true
}

// Fail makes every call end with err from now on, until Fail(nil).
func (q *Queue) Fail(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.fail = err
}

// Lose empties the queue and forgets every result, as a Redis without persistence does.
func (q *Queue) Lose() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting, q.trains, q.held, q.tasks = nil, nil, nil, nil
}

// Handler processes one document, as app.Processor.Process does.
type Handler func(ctx context.Context, doc domain.DocumentID) (ports.TaskResult, error)

// Work takes the task that waits longest and has it handled, and records how it ended. After a
// retryable error the task goes back to the end of the queue. It reports whether there was a task.
func (q *Queue) Work(ctx context.Context, now time.Time, handle Handler) bool {
	q.mu.Lock()
	if len(q.waiting) == 0 {
		q.mu.Unlock()
		return false
	}
	next := q.waiting[0]
	q.waiting = slices.Delete(q.waiting, 0, 1)
	if q.held == nil {
		q.held = make(map[domain.TaskID]bool)
	}
	q.held[next.task] = true
	q.mu.Unlock()

	result, err := handle(ctx, next.doc)

	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.held, next.task)
	if q.tasks == nil {
		q.tasks = make(map[domain.TaskID]ports.Task)
	}
	task := ports.Task{ID: next.task, Status: ports.TaskSuccess, Result: &result, DoneAt: now}
	if err != nil {
		task = ports.Task{ID: next.task, Status: ports.TaskFailure, Error: domain.ErrorMessage(err), DoneAt: now}
		if domain.ErrorCode(err).Retryable() {
			task.Status, task.DoneAt = ports.TaskRetry, time.Time{}
			q.waiting = append(q.waiting, next)
		}
	}
	q.tasks[next.task] = task
	return true
}

func (q *Queue) refuse(ctx context.Context) error {
	if err := domain.ContextError(ctx, "the queue took too long"); err != nil {
		return err
	}
	return q.fail
}

// refuseTask is refuse for what a full queue would not take. The caller holds the lock.
func (q *Queue) refuseTask(ctx context.Context) error {
	if err := q.refuse(ctx); err != nil {
		return err
	}
	if q.full {
		return errFull
	}
	return nil
}

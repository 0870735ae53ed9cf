package ports

import (
	"context"
	"time"

	"github.com/docuvault/docuvault/domain"
)

// TaskQueue asks workers, Go or Python, to process documents. queuetest.Run holds every promise against every implementation.
type TaskQueue interface {
	// Enqueue puts a task on the queue that will process the document. A nil error means that the queue has it. The same task
	// id may be enqueued again: it then runs once more and has one result.
	Enqueue(ctx context.Context, task domain.TaskID, doc domain.DocumentID, now time.Time) error

	// Snapshot looks at what waits in the queue and what workers hold of it.
	Snapshot(ctx context.Context) (QueueSnapshot, error)

	// Task returns what is recorded of a task: TaskPending for one that has not started, and also for one that was never heard
	// of, which Celery cannot tell apart.
	Task(ctx context.Context, task domain.TaskID) (Task, error)

	// Health makes a real call to the queue, which fails as well when the queue answers and would take no task: when it is full,
	// say, or only a copy of another.
	Health(ctx context.Context) error
}

// TrainingQueue asks workers of this program for a model of what an owner's documents are filed under. Python's workers never see
// the task. queuetest.RunTraining holds every promise against every implementation.
type TrainingQueue interface {
	// EnqueueTraining puts a task on the queue that trains the owner's classifier, not before the given time. A nil error means
	// that the queue has it.
	EnqueueTraining(ctx context.Context, owner domain.Owner, notBefore time.Time) error
}

// QueueSnapshot is what Snapshot saw.
type QueueSnapshot struct {
	Waiting int                         // tasks in the queue
	Oldest  time.Time                   // when the oldest waiting task was enqueued; zero with Waiting > 0 means not known
	Held    map[domain.TaskID]time.Time // taken by a worker and not yet done, and when it is to run; zero is at once
}

// Has reports whether a task enqueued at that time is, or may still be, in the queue or with a worker: it is held, or it is not
// clearly older than what still waits. The queue is first in, first out, so a task older than everything that waits is in it no more.
func (s QueueSnapshot) Has(task domain.TaskID, enqueuedAt, horizon time.Time) bool {
	if task == "" || enqueuedAt.IsZero() {
		return false
	}
	since := s.QueuedSince()
	return s.Holds(task, horizon) || since != nil && !enqueuedAt.Before(*since)
}

// Holds reports whether a worker has the task, to run it before the horizon. Nobody has a task run later, unless by a clock that
// is wrong: such a task is as good as lost.
func (s QueueSnapshot) Holds(task domain.TaskID, horizon time.Time) bool {
	at, held := s.Held[task]
	return held && at.Before(horizon)
}

// clocksDiffer is how far the clocks of two programs that enqueue may be apart, and how long a task may take from its time to
// its place in the queue.
const clocksDiffer = 10 * time.Second

// QueuedSince is the time from which on tasks may still wait in the queue: all of time if it is not known when the oldest was
// enqueued, nil if none waits.
func (s QueueSnapshot) QueuedSince() *time.Time {
	switch {
	case s.Waiting == 0:
		return nil
	case s.Oldest.IsZero():
		return &time.Time{}
	default:
		since := s.Oldest.Add(-clocksDiffer)
		return &since
	}
}

// TaskStatus is where a background task stands.
type TaskStatus string

// The statuses, as Celery names them.
const (
	TaskPending TaskStatus = "PENDING"
	TaskStarted TaskStatus = "STARTED"
	TaskRetry   TaskStatus = "RETRY"
	TaskSuccess TaskStatus = "SUCCESS"
	TaskFailure TaskStatus = "FAILURE"
	TaskRevoked TaskStatus = "REVOKED"
)

// Task is what is recorded of a background task.
type Task struct {
	ID     domain.TaskID
	Status TaskStatus
	Result *TaskResult // of a task that succeeded
	Error  string      // of one that failed or will be retried, for people
	DoneAt time.Time   // zero while it is not done
}

// TaskResult is what a processing task returns, the same from Go and Python (D-08).
type TaskResult struct {
	DocumentID string   `json:"document_id"`
	Status     string   `json:"status"` // the document's, or "missing"
	Topics     []string `json:"topics"` // names
}

// Done reports whether nothing more will happen to the task.
func (s TaskStatus) Done() bool { return s == TaskSuccess || s == TaskFailure || s == TaskRevoked }

package tasks

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/docuvault/docuvault/adapters/celery"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// Queue asks for the vault's tasks over Celery.
type Queue struct {
	client    *celery.Client
	producer  *celery.Producer
	inspector *celery.Inspector
	results   *celery.Results
	headers   func(context.Context) map[string]string
}

var (
	_ ports.TaskQueue     = (*Queue)(nil)
	_ ports.TrainingQueue = (*Queue)(nil)
)

// NewQueue returns the queue behind a Celery client, which the caller keeps and closes.
func NewQueue(client *celery.Client) *Queue {
	return &Queue{client: client, producer: celery.NewProducer(client), inspector: celery.NewInspector(client), results: celery.NewResults(client)}
}

// Carry has every task that is enqueued from now on carry headers more, those that of returns for the context it is enqueued in.
// They lie beside Celery's own and must not have their names.
func (q *Queue) Carry(of func(context.Context) map[string]string) { q.headers = of }

// Enqueue implements ports.TaskQueue.
func (q *Queue) Enqueue(ctx context.Context, task domain.TaskID, doc domain.DocumentID, now time.Time) error {
	headers := map[string]any{enqueuedAtHeader: formatTime(now)}
	if q.headers != nil {
		for name, value := range q.headers(ctx) {
			headers[name] = value
		}
	}
	_, err := q.producer.Send(ctx, celery.Task{
		Name: ExtractAndClassify, ID: string(task), Args: []any{doc.String()}, Queue: DocumentsQueue, Headers: headers,
	})
	return translate(err)
}

// EnqueueTraining implements ports.TrainingQueue. Nobody waits for the result, so none is kept.
func (q *Queue) EnqueueTraining(ctx context.Context, owner domain.Owner, notBefore time.Time) error {
	_, err := q.producer.Send(ctx, celery.Task{Name: TrainClassifier, Args: []any{owner.String()}, Queue: OwnQueue, ETA: notBefore, IgnoreResult: true})
	return translate(err)
}

// peeked is how many messages at the consuming end are looked at for one that says when it was enqueued. Python's do not.
const peeked = 64

// pythonPatience is how long a task that Python took counts as being worked on. Python says nothing more of it: were its worker
// killed, the document would stand still for the hour that is Celery's visibility timeout. If it is only slow, another worker
// reads the document too, and nothing is spoiled.
const pythonPatience = 2 * time.Minute

// Snapshot implements ports.TaskQueue. The oldest is looked for first: a task that moves from the queue to a worker in between
// is then seen in one place or the other.
func (q *Queue) Snapshot(ctx context.Context) (ports.QueueSnapshot, error) {
	waiting, err := q.inspector.QueueLength(ctx, DocumentsQueue)
	if err != nil {
		return ports.QueueSnapshot{}, translate(err)
	}
	snapshot := ports.QueueSnapshot{Waiting: int(waiting), Held: make(map[domain.TaskID]time.Time)}
	if waiting > 0 {
		first, err := q.inspector.Oldest(ctx, DocumentsQueue, peeked)
		if err != nil {
			return ports.QueueSnapshot{}, translate(err)
		}
		snapshot.Oldest = oldest(first)
	}
	held, err := q.inspector.Unacked(ctx)
	if err != nil {
		return ports.QueueSnapshot{}, translate(err)
	}
	for _, message := range held {
		if message.Unrenewed >= pythonPatience {
			continue
		}
		id := domain.TaskID(message.TaskID)
		if at, twice := snapshot.Held[id]; !twice || message.ETA.Before(at) {
			snapshot.Held[id] = message.ETA
		}
	}
	return snapshot, nil
}

// oldest returns the earliest time that one of the messages was enqueued at, zero if none of them says.
func oldest(messages []celery.Waiting) time.Time {
	var earliest time.Time
	for _, message := range messages {
		var stamp string
		if json.Unmarshal(message.Headers[enqueuedAtHeader], &stamp) != nil {
			continue
		}
		at, err := time.Parse(time.RFC3339Nano, stamp)
		if err == nil && (earliest.IsZero() || at.Before(earliest)) {
			earliest = at.UTC()
		}
	}
	return earliest
}

// Task implements ports.TaskQueue.
func (q *Queue) Task(ctx context.Context, id domain.TaskID) (ports.Task, error) {
	stored, err := q.results.Get(ctx, string(id))
	if err != nil {
		return ports.Task{}, translate(err)
	}
	task := ports.Task{ID: id, Status: ports.TaskStatus(stored.Status), DoneAt: stored.DateDone}
	if stored.Status == celery.StatusSuccess {
		var result ports.TaskResult
		if stored.Decode(&result) == nil {
			task.Result = &result
		}
		return task, nil
	}
	task.Error = failureText(stored)
	return task, nil
}

// failureText says why a task failed. Our own messages are written for people; a foreign exception's text may hold anything, so
// only its name is shown.
func failureText(stored celery.Result) string {
	var failure *celery.Error
	switch err := stored.Err(); {
	case err == nil:
		return ""
	case !errors.As(err, &failure):
		return "the task failed"
	case failure.Module == errorModule:
		return failure.Message
	default:
		return "the task failed with " + failure.Type
	}
}

// Health implements ports.TaskQueue.
func (q *Queue) Health(ctx context.Context) error { return translate(q.client.Ping(ctx)) }

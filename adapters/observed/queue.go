package observed

import (
	"context"
	"log/slog"
	"time"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// NewQueue returns next with every call observed. With nobody to tell it is next itself.
func NewQueue(next ports.TaskQueue, observer Observer) ports.TaskQueue {
	if observer == nil {
		return next
	}
	return &queue{next, observer}
}

type queue struct {
	next    ports.TaskQueue
	observe Observer
}

// Enqueue implements ports.TaskQueue.
func (q *queue) Enqueue(ctx context.Context, task domain.TaskID, doc domain.DocumentID, now time.Time) (err error) {
	ctx, end := q.observe(ctx, Queue, "enqueue", slog.String("task_id", string(task)), slog.String("document_id", doc.String()))
	defer func() { done(end, err) }()
	return q.next.Enqueue(ctx, task, doc, now)
}

// Snapshot implements ports.TaskQueue.
func (q *queue) Snapshot(ctx context.Context) (_ ports.QueueSnapshot, err error) {
	ctx, end := q.observe(ctx, Queue, "snapshot")
	defer func() { done(end, err) }()
	return q.next.Snapshot(ctx)
}

// Task implements ports.TaskQueue.
func (q *queue) Task(ctx context.Context, task domain.TaskID) (_ ports.Task, err error) {
	ctx, end := q.observe(ctx, Queue, "task")
	defer func() { done(end, err) }()
	return q.next.Task(ctx, task)
}

// Health implements ports.TaskQueue.
func (q *queue) Health(ctx context.Context) (err error) {
	ctx, end := q.observe(ctx, Queue, "health")
	defer func() { done(end, err) }()
	return q.next.Health(ctx)
}

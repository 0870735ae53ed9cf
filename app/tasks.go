package app

import (
	"context"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// Task returns where a background task stands. The queue's record says most; where it has none (results are kept for a day), or
// cannot be asked, the document does. A task of another owner's document is NotFound, and so is one that nobody knows.
func (v *Vault) Task(ctx context.Context, owner domain.Owner, id domain.TaskID) (ports.Task, error) {
	doc, err := v.repo.DocumentByTask(ctx, owner, id)
	known := err == nil
	if err != nil && domain.ErrorCode(err) != domain.NotFound {
		return ports.Task{}, err
	}
	task, err := v.queue.Task(ctx, id)
	switch {
	case known && (err != nil || doc.Status.Final() && !task.Status.Done()):
		return taskOf(id, doc), nil
	case known:
		return task, nil
	case err != nil:
		return ports.Task{}, err
	case task.Result != nil: // an earlier task of a document that was sent round again
		docID, err := domain.ParseDocumentID(task.Result.DocumentID)
		if err == nil {
			_, err = v.repo.Document(ctx, owner, docID)
		}
		if err == nil {
			return task, nil
		}
	}
	return ports.Task{}, domain.Errorf(domain.NotFound, "no such task")
}

// taskOf reads a task's state off the document it works on.
func taskOf(id domain.TaskID, doc domain.Document) ports.Task {
	task := ports.Task{ID: id}
	switch doc.Status {
	case domain.Pending:
		task.Status = ports.TaskPending
	case domain.Processing:
		task.Status = ports.TaskStarted
	default: // the task of a document that failed has come to its end all the same
		outcome := result(doc)
		task.Status, task.Result, task.DoneAt = ports.TaskSuccess, &outcome, doc.UpdatedAt
	}
	return task
}

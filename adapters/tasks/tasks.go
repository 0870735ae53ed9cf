// Package tasks binds the vault's background tasks to Celery's wire: their names and arguments, how they are asked for (Queue)
// and how a worker runs them (Register). Python workers and producers use the same names on the same queue (D-08).
package tasks

import (
	"context"
	"errors"
	"time"

	"github.com/docuvault/docuvault/adapters/celery"
	"github.com/docuvault/docuvault/domain"
)

const (
	// ExtractAndClassify is the task that reads a document and files it. Its one positional argument is the document's id; it
	// returns ports.TaskResult.
	ExtractAndClassify = "tasks.document_tasks.extract_and_classify"

	// TrainClassifier is the task that trains an owner's classifier. Its one positional argument is the owner's id, the nil UUID
	// for nobody. Only this program has it, so it goes to OwnQueue.
	TrainClassifier = "tasks.classifier_tasks.train"

	// DocumentsQueue is shared with Python's workers, which destroy what they do not know: only tasks that both sides have go
	// there.
	DocumentsQueue = "documents"

	// OwnQueue is for tasks that only this program has.
	OwnQueue = "docuvault"

	// enqueuedAtHeader is a custom header, kept by Celery through retries, that says when the vault enqueued the task.
	enqueuedAtHeader = "docuvault_enqueued_at"

	// errorModule is the Python module our failures claim to come from. It exists nowhere, so Python makes up a class.
	errorModule = "docuvault.errors"
)

// Queues returns the queues a worker serves unless told otherwise.
func Queues() []string { return []string{DocumentsQueue, OwnQueue} }

const timeFormat = "2006-01-02T15:04:05.000000Z07:00"

// translate gives an error of the Celery library a code.
func translate(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return domain.Wrap(domain.Canceled, err, "the caller went away")
	case errors.Is(err, celery.ErrInvalid):
		return domain.Wrap(domain.Internal, err, "the task is not valid")
	case celery.Problem(err) != "":
		return domain.Wrap(domain.Unavailable, err, "the task queue cannot work: "+celery.Problem(err))
	default:
		return domain.Wrap(domain.Unavailable, err, "the task queue cannot be reached")
	}
}

func formatTime(t time.Time) string { return t.UTC().Format(timeFormat) }

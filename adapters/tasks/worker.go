package tasks

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/docuvault/docuvault/adapters/celery"
	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// Process handles one document, as app.Processor.Process does: an app.RetryError or a Retryable code asks for another run.
type Process func(ctx context.Context, doc domain.DocumentID) (ports.TaskResult, error)

// retryDelay is how long a task waits that asks for another run without saying when.
const retryDelay = 5 * time.Second

// Register has the worker run the vault's tasks. How often a document is tried is the application's to bound, by what the row
// says of it; a count of Celery's would start over with every message.
func Register(worker *celery.Worker, process Process, watch Watch) {
	worker.Handle(ExtractAndClassify, func(ctx context.Context, d *celery.Delivery) (any, error) {
		doc, err := documentID(d)
		if err != nil {
			return nil, err
		}
		ctx, done := watch.begin(ctx, d, doc)
		result, err := ports.TaskResult{}, errPanicked
		defer func() { done(result, err) }()
		result, err = process(ctx, doc)
		if err != nil {
			return nil, verdict(ctx, err)
		}
		return result, nil
	}, celery.HandlerOptions{MaxRetries: math.MaxInt32, RetryDelay: retryDelay})
}

// Train trains one owner's classifier, as app.Trainer.Train does: an app.RetryError or a Retryable code asks for another run.
type Train func(ctx context.Context, owner domain.Owner) error

// trainRetries is how often a training is tried again, after longer and longer pauses. One that is given up is asked for anew when
// somebody decides something or looks for models that are behind.
const trainRetries = 10

// RegisterTraining has the worker run trainings.
func RegisterTraining(worker *celery.Worker, train Train) {
	worker.Handle(TrainClassifier, func(ctx context.Context, d *celery.Delivery) (any, error) {
		var text string
		if err := d.Bind(&text); err != nil {
			return nil, err
		}
		owner, err := domain.ParseOwner(text)
		if err != nil {
			return nil, &celery.Error{Type: "ValueError", Message: domain.ErrorMessage(err), Err: err}
		}
		if err := train(ctx, owner); err != nil {
			return nil, verdict(ctx, err)
		}
		return nil, nil
	}, celery.HandlerOptions{MaxRetries: trainRetries, RetryDelay: retryDelay, RetryBackoff: true, IgnoreResult: true})
}

// errPanicked is what is told of a run that did not return.
var errPanicked = errors.New("the task panicked")

// documentID reads the task's argument, positional as in D-08, or by the name that Python's function gives it.
func documentID(d *celery.Delivery) (domain.DocumentID, error) {
	var text string
	var err error
	if len(d.Args) == 0 && d.Kwargs["document_id"] != nil {
		err = d.Kwargs["document_id"].Decode(&text)
	} else {
		err = d.Bind(&text)
	}
	if err != nil {
		return domain.DocumentID{}, err
	}
	id, err := domain.ParseDocumentID(text)
	if err != nil {
		return domain.DocumentID{}, &celery.Error{Type: "ValueError", Message: domain.ErrorMessage(err), Err: err}
	}
	return id, nil
}

// verdict turns the application's error into what Celery does about it.
func verdict(ctx context.Context, err error) error {
	var retry *app.RetryError
	switch {
	case ctx.Err() != nil: // shutdown, revocation or a time limit: the worker knows what follows
		return errors.Join(context.Cause(ctx), err)
	case errors.As(err, &retry):
		// Celery takes a countdown of zero for "as the options say".
		return &celery.Retry{Reason: failure(err), Countdown: max(retry.After, time.Millisecond)}
	case domain.ErrorCode(err).Retryable():
		return &celery.Retry{Reason: failure(err)}
	default:
		return failure(err)
	}
}

// failure shows Python an exception of the code's name, with a message that is safe to show.
func failure(err error) *celery.Error {
	return &celery.Error{Type: exceptionName(domain.ErrorCode(err)), Module: errorModule, Message: domain.ErrorMessage(err), Err: err}
}

// exceptionName makes a class name of a code: "not_found" becomes NotFound.
func exceptionName(code domain.Code) string {
	name, upper := make([]byte, 0, len(code)), true
	for _, c := range []byte(code) {
		switch {
		case c == '_':
			upper = true
			continue
		case upper && 'a' <= c && c <= 'z':
			c -= 'a' - 'A'
		}
		upper = false
		name = append(name, c)
	}
	return string(name)
}

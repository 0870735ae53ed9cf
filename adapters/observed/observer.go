package observed

import (
	"context"
	"errors"
	"log/slog"

	"github.com/docuvault/docuvault/domain"
)

// Observer is told of an operation that begins: its kind, one of the constants below, and its name among its kind. The context it
// returns is the operation's, and the function it returns is called once, when the operation is done: with its outcome, "ok" or
// a code, and with its error, nil if it was none of ours. The attributes are for traces; their values are not bounded.
type Observer func(ctx context.Context, kind, name string, attrs ...slog.Attr) (context.Context, func(outcome string, err error))

// Kinds of operations. The names among them are a method of the port, a content type, a classifier and the name of a task.
const (
	Storage        = "storage"
	Queue          = "queue"
	Extraction     = "extraction"
	Classification = "classification"
)

// All tells several observers, the first one first. Without any it is nil: nobody watches.
func All(observers ...Observer) Observer {
	var all []Observer
	for _, o := range observers {
		if o != nil {
			all = append(all, o)
		}
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	return func(ctx context.Context, kind, name string, attrs ...slog.Attr) (context.Context, func(string, error)) {
		ends := make([]func(string, error), len(all))
		for i, o := range all {
			ctx, ends[i] = o(ctx, kind, name, attrs...)
		}
		return ctx, func(outcome string, err error) {
			for i := len(ends) - 1; i >= 0; i-- {
				ends[i](outcome, err)
			}
		}
	}
}

// Outcome is what an error comes to in one word: "ok", "canceled", or its code.
func Outcome(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, context.Canceled):
		return string(domain.Canceled)
	default:
		return string(domain.ErrorCode(err))
	}
}

// done ends an operation of a port. That something is not there, is there already or may not be is an answer, no failure.
func done(end func(string, error), err error) {
	switch outcome := Outcome(err); domain.ErrorCode(err) {
	case domain.NotFound, domain.Conflict, domain.Invalid, domain.NotSupported, domain.Canceled:
		end(outcome, nil)
	default:
		end(outcome, err)
	}
}

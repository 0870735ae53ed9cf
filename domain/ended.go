package domain

import (
	"context"
	"errors"
	"fmt"
)

// ContextError is nil while ctx lasts. Afterwards it is Unavailable if its time was up, with a message that says what took too
// long, and Canceled otherwise. It wraps ctx.Err() and the cause.
func ContextError(ctx context.Context, late string) error {
	err := ctx.Err()
	if err == nil {
		return nil
	}
	code, message := Canceled, "the caller went away"
	if errors.Is(err, context.DeadlineExceeded) {
		code, message = Unavailable, late
	}
	if cause := context.Cause(ctx); !errors.Is(cause, err) {
		err = fmt.Errorf("%w: %w", err, cause)
	}
	return Wrap(code, err, message)
}

package domain_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/docuvault/docuvault/domain"
)

func TestContextError(t *testing.T) {
	t.Parallel()
	reason := errors.New("the reason")
	lasting := t.Context()
	canceled, cancel := context.WithCancel(lasting)
	cancel()
	caused, cancelCause := context.WithCancelCause(lasting)
	cancelCause(reason)
	late, cancelLate := context.WithDeadlineCause(lasting, time.Unix(0, 0), reason)
	defer cancelLate()
	if err := domain.ContextError(lasting, "late"); err != nil {
		t.Errorf("a context that lasts: %v", err)
	}
	for name, c := range map[string]struct {
		ctx     context.Context
		code    domain.Code
		message string
		is      []error
	}{
		"canceled":      {canceled, domain.Canceled, "the caller went away", []error{context.Canceled}},
		"with a reason": {caused, domain.Canceled, "the caller went away", []error{context.Canceled, reason}},
		"late":          {late, domain.Unavailable, "late", []error{context.DeadlineExceeded, reason}},
	} {
		err := domain.ContextError(c.ctx, "late")
		if domain.ErrorCode(err) != c.code || domain.ErrorMessage(err) != c.message {
			t.Errorf("%s: %v has code %s and says %q", name, err, domain.ErrorCode(err), domain.ErrorMessage(err))
		}
		for _, is := range c.is {
			if !errors.Is(err, is) {
				t.Errorf("%s: %v is not %v", name, err, is)
			}
		}
	}
}

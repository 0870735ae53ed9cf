package celery

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Error is a failure as Python sees it: AsyncResult.get() raises Module.Type(*Args) where that class exists and
// accepts them, else a class of that name made up on the spot.
type Error struct {
	Type      string // exception class; empty: RuntimeError
	Module    string // its module; empty: builtins
	Message   string
	Args      []any  // the exception's arguments; nil: just Message
	Traceback string // shown by AsyncResult.traceback
	Err       error  // what caused it
}

func (e *Error) Error() string {
	kind := e.Type
	if kind == "" {
		kind = "RuntimeError"
	}
	if e.Message == "" {
		return kind
	}
	return kind + ": " + e.Message
}

func (e *Error) Unwrap() error { return e.Err }

// Retry asks for the task to run again. A handler returns it, alone or wrapped.
type Retry struct {
	Reason    error         // why; what the task fails with once the tries are used up
	Countdown time.Duration // how long to wait; zero: what HandlerOptions say; negative: not at all
}

func (r *Retry) Error() string {
	if r.Reason == nil {
		return "retry"
	}
	return "retry: " + r.Reason.Error()
}

func (r *Retry) Unwrap() error { return r.Reason }

// ErrIgnore is for handlers to return: the task is acknowledged and nothing is stored.
var ErrIgnore = errors.New("celery: ignore")

// Causes of a handler's context ending, as context.Cause reports them.
var (
	ErrSoftTimeLimit = errors.New("celery: soft time limit exceeded")
	ErrTimeLimit     = errors.New("celery: time limit exceeded")
	ErrShutdown      = errors.New("celery: worker shutting down")
	ErrRevoked       = errors.New("celery: task revoked")
)

// asError gives any error Python's shape.
func asError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Type: "RuntimeError", Module: "builtins", Message: err.Error(), Err: err}
}

// result writes the exception the way the result backend stores it.
func (e *Error) result() object {
	kind, module := e.Type, e.Module
	if kind == "" {
		kind = "RuntimeError"
	}
	if module == "" {
		module = "builtins"
	}
	args := e.Args
	if args == nil {
		args = []any{e.Message}
	}
	return object{{"exc_type", kind}, {"exc_message", args}, {"exc_module", module}}
}

// pyRepr shows the exception as repr() would: ValueError('boom', 42).
func (e *Error) pyRepr() string {
	kind, args := e.Type, e.Args
	if kind == "" {
		kind = "RuntimeError"
	}
	if args == nil {
		args = []any{e.Message}
	}
	doc, err := appendList(nil, args)
	if err != nil {
		return kind + "()"
	}
	text := pyRepr(doc, true)
	if len(args) == 1 && len(text) > 2 && text[len(text)-2] == ',' {
		text = text[:len(text)-2] + ")"
	}
	return kind + text
}

func panicError(v any, stack []byte) *Error {
	return &Error{Type: "RuntimeError", Module: "builtins", Message: fmt.Sprintf("panic: %v", v), Traceback: string(stack)}
}

// problems are the errors by which Redis says that it cannot work at all, by their first word
// (redis: src/server.c, createSharedObjects).
var problems = map[string]string{ //nolint:gosec // words of Redis, not secrets
	"READONLY":   "Redis is a read-only replica",
	"LOADING":    "Redis is loading its data",
	"OOM":        "Redis has no memory left",
	"MISCONF":    "Redis cannot write to its disk",
	"MASTERDOWN": "Redis has lost its master",
	"NOREPLICAS": "Redis has too few replicas to take writes",
	"BUSY":       "Redis is busy with a script",
	"NOAUTH":     "Redis wants a password",
	"WRONGPASS":  "Redis refuses the user or the password",
	"NOPERM":     "Redis does not permit this user what the queue needs",
}

// Problem says in words for an operator why Redis does not work, as far as Redis itself has said so; "" otherwise, for
// instance when it cannot be reached. It never holds an address, a name or a secret.
func Problem(err error) string {
	for word, text := range problems {
		if answered(err, word) {
			return text
		}
	}
	return ""
}

// answered reports whether Redis answered with the error of that name. Redis before version 7 wraps what a command in a
// script answered: "ERR Error running script (call to f_…): @user_script:5: -OOM command not allowed …".
func answered(err error, word string) bool {
	var e redis.Error
	if !errors.As(err, &e) {
		return false
	}
	text := e.Error()
	if _, inner, wrapped := strings.Cut(text, "script"); wrapped && strings.HasPrefix(text, "ERR ") {
		return strings.Contains(inner, word+" ")
	}
	return strings.HasPrefix(text, word)
}

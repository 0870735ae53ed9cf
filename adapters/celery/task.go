package celery

import (
	"errors"
	"fmt"
	"time"
)

// Task is what a Producer sends. Only Name is required.
type Task struct {
	Name   string
	ID     string         // empty: a new UUID4
	Args   []any          // anything encoding/json can write; Value passes JSON through
	Kwargs map[string]any // the same
	Queue  string         // empty: "celery"

	ETA       time.Time     // not before; zero: at once
	Countdown time.Duration // the same, counted from now; used when ETA is zero
	Expires   time.Time     // not after; zero: never
	ExpiresIn time.Duration // the same, counted from now; used when Expires is zero

	Priority      int // 0 is served first, 9 last
	Retries       int
	TimeLimit     time.Duration // hard: the worker gives the task up
	SoftTimeLimit time.Duration // the task is told to stop
	IgnoreResult  bool
	Shadow        string // a name to show instead of Name
	Compression   string // empty or "zlib"

	Link      []Signature    // run with the result when the task succeeds
	LinkError []Signature    // run with the task's id when it fails
	Headers   map[string]any // custom headers; names of Celery's own are refused

	RootID   string // empty: the task itself
	ParentID string

	// The place in a workflow; canvas fills these in.
	GroupID    string
	GroupIndex *int
	Chain      []Signature // what follows, the next one last
	Chord      *Signature  // the body of the chord this task is a member of

	replyTo string
	nesting int
}

// ErrInvalid marks a task or message that breaks Celery's rules. It was not sent.
var ErrInvalid = errors.New("celery: invalid task")

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
}

// Signature is a task to be sent later, by whoever finishes the one it hangs on.
type Signature struct {
	Task        string
	Args        []any
	Kwargs      map[string]any
	Options     map[string]any // as apply_async's: queue, priority, countdown, task_id, link, …
	SubtaskType string         // "", "chain", "group", "chord"
	Immutable   bool           // do not prepend the parent's result
	ChordSize   int            // of chords
}

func (s Signature) appendTo(dst []byte) ([]byte, error) {
	args, kwargs, options := s.Args, s.Kwargs, s.Options
	if args == nil {
		args = []any{}
	}
	if kwargs == nil {
		kwargs = map[string]any{}
	}
	if options == nil {
		options = map[string]any{}
	}
	var kind any
	if s.SubtaskType != "" {
		kind = s.SubtaskType
	}
	o := object{{"task", s.Task}, {"args", args}, {"kwargs", kwargs}, {"options", options}, {"subtask_type", kind}, {"immutable", s.Immutable}}
	if s.ChordSize > 0 {
		o = append(o, field{"chord_size", s.ChordSize})
	}
	return o.append(dst)
}

// MarshalJSON writes the signature as Celery does.
func (s Signature) MarshalJSON() ([]byte, error) { return s.appendTo(nil) }

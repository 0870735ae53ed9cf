package celery

import (
	"encoding/json"
	"fmt"
	"time"
)

// The states of a task, as Celery names them. PENDING is never stored: it stands for "nothing is known".
const (
	StatusPending = "PENDING"
	StatusStarted = "STARTED"
	StatusRetry   = "RETRY"
	StatusSuccess = "SUCCESS"
	StatusFailure = "FAILURE"
	StatusRevoked = "REVOKED"
)

// Result is what the backend knows of a task.
type Result struct {
	TaskID    string
	Status    string
	Result    json.RawMessage // the value; of RETRY, FAILURE and REVOKED the exception; nil while nothing is stored
	Traceback string
	DateDone  time.Time // zero while it is not done
	Children  []string  // ids of the tasks it sent

	GroupID, ParentID string
}

// Ready reports whether the task is done, well or not.
func (r Result) Ready() bool {
	return r.Status == StatusSuccess || r.Status == StatusFailure || r.Status == StatusRevoked
}

// Err is the exception of a task that failed, was revoked or will be retried; nil for others.
func (r Result) Err() error {
	switch r.Status {
	case StatusFailure, StatusRevoked, StatusRetry:
	default:
		return nil
	}
	e := &Error{Type: "Exception", Module: "builtins", Traceback: r.Traceback}
	fields, err := members(r.Result)
	if err != nil {
		e.Message = string(r.Result)
		return e
	}
	e.Type, _ = asString(find(fields, r.Result, "exc_type"))
	e.Module, _ = asString(find(fields, r.Result, "exc_module"))
	message := find(fields, r.Result, "exc_message")
	if text, ok := asString(message); ok {
		e.Message = text
		return e
	}
	if list, err := message.Any(); err == nil {
		if args, ok := list.([]any); ok {
			e.Args = args
			if len(args) == 1 {
				e.Message = fmt.Sprint(args[0])
			} else if len(args) > 1 {
				e.Message = pyRepr(message, true)
			}
		}
	}
	return e
}

// Decode stores the value of a task that succeeded in dst; for others it returns Err.
func (r Result) Decode(dst any) error {
	if err := r.Err(); err != nil {
		return err
	}
	if r.Status != StatusSuccess {
		return fmt.Errorf("celery: task %s is %s", r.TaskID, r.Status)
	}
	return Value(r.Result).Decode(dst)
}

// parseResult reads a stored result document.
func parseResult(id string, doc []byte) (Result, error) {
	fields, err := members(doc)
	if err != nil {
		return Result{}, fmt.Errorf("celery: result of %s: %w", id, err)
	}
	get := func(key string) Value { return find(fields, doc, key) }
	r := Result{TaskID: id, Result: json.RawMessage(get("result"))}
	r.Status, _ = asString(get("status"))
	if r.Status == "" {
		return Result{}, fmt.Errorf("celery: result of %s has no status", id)
	}
	r.Traceback, _ = asString(get("traceback"))
	r.GroupID, _ = asString(get("group_id"))
	r.ParentID, _ = asString(get("parent_id"))
	if text, ok := asString(get("date_done")); ok {
		if r.DateDone, err = parseTime(text); err != nil {
			r.DateDone = time.Time{}
		}
	}
	if list, err := get("children").Any(); err == nil {
		r.Children = childIDs(list)
	}
	return r, nil
}

// childIDs reads [[[id, parent], null], …].
func childIDs(v any) []string {
	list, _ := v.([]any)
	var out []string
	for _, child := range list {
		pair, _ := child.([]any)
		if len(pair) == 0 {
			continue
		}
		inner, _ := pair[0].([]any)
		if len(inner) == 0 {
			continue
		}
		if id, ok := inner[0].(string); ok {
			out = append(out, id)
		}
	}
	return out
}

// outcome is a result about to be stored.
type outcome struct {
	status    string
	value     any // anything appendJSON writes
	traceback string
	children  []Value // entries as childEntry makes them
	noRequest bool    // stored on somebody's behalf: children is null
}

// document writes the outcome as Celery's Redis backend stores it (celery/backends/base.py: _get_result_meta).
func (o outcome) document(id, group, parent string, now time.Time, extended object) ([]byte, error) {
	var done, traceback, children any
	if o.status == StatusSuccess || o.status == StatusFailure || o.status == StatusRevoked {
		done = isoTime(now)
	}
	if o.traceback != "" {
		traceback = o.traceback
	}
	if !o.noRequest {
		children = arrayOf(o.children)
	}
	doc := object{{"status", o.status}, {"result", o.value}, {"traceback", traceback}, {"children", children}, {"date_done", done}}
	if group != "" {
		doc = append(doc, field{"group_id", group})
	}
	if parent != "" {
		doc = append(doc, field{"parent_id", parent})
	}
	doc = append(append(doc, extended...), field{"task_id", id})
	return doc.append(make([]byte, 0, 256))
}

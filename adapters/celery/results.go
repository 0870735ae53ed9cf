package celery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Results reads and writes the result backend. It is safe for concurrent use.
type Results struct{ c *Client }

// NewResults returns the result backend of the client.
func NewResults(c *Client) *Results { return &Results{c: c} }

// Get returns what is known of a task; Status PENDING when nothing is.
func (r *Results) Get(ctx context.Context, id string) (Result, error) {
	doc, err := r.c.results.Get(ctx, r.c.keys.result(id)).Bytes()
	if errors.Is(err, redis.Nil) {
		return Result{TaskID: id, Status: StatusPending}, nil
	}
	if err != nil {
		return Result{}, fmt.Errorf("celery: get result: %w", err)
	}
	return parseResult(id, doc)
}

// Wait returns the result once the task is done, and an error when ctx ends first or the connection fails.
// It subscribes before it looks, so nothing is missed whenever it is called.
func (r *Results) Wait(ctx context.Context, id string) (Result, error) {
	sub := r.c.results.Subscribe(ctx, r.c.keys.result(id))
	defer func() { _ = sub.Close() }() // nothing is lost with it
	if _, err := sub.Receive(ctx); err != nil {
		return Result{}, fmt.Errorf("celery: subscribe: %w", err)
	}
	for {
		res, err := r.Get(ctx, id)
		if err != nil || res.Ready() {
			return res, err
		}
		// A reconnect loses what was announced meanwhile, so look again now and then.
		if err := waitMessage(ctx, sub, 30*time.Second); err != nil {
			return res, fmt.Errorf("celery: wait for result: %w", err)
		}
	}
}

// waitMessage returns on the next message, or after patience.
func waitMessage(ctx context.Context, sub *redis.PubSub, patience time.Duration) error {
	msgs := sub.Channel()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case _, ok := <-msgs:
		if !ok {
			return redis.ErrClosed
		}
		return nil
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Store writes a result as a worker would, and announces it: TaskID and Status are required. A stored SUCCESS
// is kept.
func (r *Results) Store(ctx context.Context, res Result) error {
	if res.TaskID == "" || res.Status == "" {
		return invalid("a result needs a task id and a status")
	}
	now := res.DateDone
	if now.IsZero() {
		now = r.c.now()
	}
	children := make([]Value, len(res.Children))
	for i, id := range res.Children {
		children[i] = childEntry(id)
	}
	doc, err := outcome{status: res.Status, value: Value(res.Result), traceback: res.Traceback, children: children}.
		document(res.TaskID, res.GroupID, res.ParentID, now, nil)
	if err != nil {
		return invalid("result: %w", err)
	}
	one := r.c.completeCall("", r.c.keys.result(res.TaskID), doc, nil)
	if err := runScripts(ctx, r.c.results, []*call{one}); err != nil {
		return fmt.Errorf("celery: store result: %w", err)
	}
	return nil
}

// Forget removes the result. An absent one is no error.
func (r *Results) Forget(ctx context.Context, id string) error {
	if err := r.c.results.Del(ctx, r.c.keys.result(id)).Err(); err != nil {
		return fmt.Errorf("celery: forget result: %w", err)
	}
	return nil
}

// completeCall prepares complete.lua. An empty tag acknowledges nothing, a nil doc stores nothing.
func (c *Client) completeCall(tag, resultKey string, doc []byte, pushes []push) *call {
	return c.endCall(tag, resultKey, doc, nil, pushes)
}

// endCall is completeCall for a message that may have to be put aside first: a park that is not nil goes into the
// quarantine in the same step, so that no crash can fall between that and the acknowledgement.
func (c *Client) endCall(tag, resultKey string, doc, park []byte, pushes []push) *call {
	one := &call{
		script: completeScript,
		keys:   append(make([]string, 0, 4+len(pushes)), c.keys.unacked(), c.keys.unackedIndex(), resultKey, c.keys.quarantine()),
		args:   append(make([]any, 0, 4+len(pushes)), tag, c.resultTTL(), doc, park),
	}
	for _, p := range pushes {
		one.keys = append(one.keys, p.list)
		one.args = append(one.args, p.payload)
	}
	return one
}

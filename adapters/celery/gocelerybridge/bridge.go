// Package gocelerybridge lets a gocelery client send tasks and read results over package celery's transport: its wire
// types and interfaces on one side, protocol 2, atomic writes and announced results on the other. gocelery's own Redis
// broker and worker are not used: they lose messages, drop protocol 2 and announce no results. A package of its own, so
// that importing celery does not pull gocelery in.
package gocelerybridge

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/gocelery/gocelery"

	"github.com/docuvault/docuvault/adapters/celery"
)

// callTimeout bounds each call: gocelery's interfaces carry no context.
const callTimeout = 10 * time.Second

var (
	// ErrNotConsumed is what GetTaskMessage always returns: taking a message for a worker that cannot acknowledge it
	// would lose it. Tasks are run by celery.Worker.
	ErrNotConsumed = errors.New("gocelerybridge: tasks are run by celery.Worker, not by gocelery's")
	// ErrPending means that no result is there yet.
	ErrPending = errors.New("gocelerybridge: result not available")
)

var (
	_ gocelery.CeleryBroker  = (*Broker)(nil)
	_ gocelery.CeleryBackend = (*Backend)(nil)
)

// Broker sends a gocelery client's tasks. It is safe for concurrent use.
type Broker struct {
	producer *celery.Producer
	queue    string
}

// NewBroker sends tasks to a queue; empty is "celery".
func NewBroker(c *celery.Client, queue string) *Broker {
	return &Broker{producer: celery.NewProducer(c), queue: queue}
}

// SendCeleryMessage sends the task in the message as protocol 2, under the id gocelery gave it.
func (b *Broker) SendCeleryMessage(m *gocelery.CeleryMessage) error {
	task, err := toTask(m)
	if err != nil {
		return err
	}
	task.Queue = b.queue
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	_, err = b.producer.Send(ctx, task)
	return err
}

// GetTaskMessage returns ErrNotConsumed.
func (b *Broker) GetTaskMessage() (*gocelery.TaskMessage, error) { return nil, ErrNotConsumed }

func toTask(m *gocelery.CeleryMessage) (celery.Task, error) {
	if m == nil || m.Properties.BodyEncoding != "base64" || m.ContentType != "application/json" {
		return celery.Task{}, fmt.Errorf("%w: not a message of gocelery's", celery.ErrInvalid)
	}
	body, err := base64.StdEncoding.DecodeString(m.Body)
	if err != nil {
		return celery.Task{}, fmt.Errorf("%w: %w", celery.ErrInvalid, err)
	}
	// Not gocelery.DecodeTaskMessage: it makes every number a float, which Python and our handlers tell from an int.
	var msg struct {
		gocelery.TaskMessage
		Args   []json.RawMessage          `json:"args"`
		Kwargs map[string]json.RawMessage `json:"kwargs"`
	}
	if err := json.Unmarshal(body, &msg); err != nil {
		return celery.Task{}, fmt.Errorf("%w: %w", celery.ErrInvalid, err)
	}
	task := celery.Task{Name: msg.Task, ID: msg.ID, Retries: msg.Retries, Priority: m.Properties.DeliveryInfo.Priority, Kwargs: map[string]any{}}
	for _, arg := range msg.Args {
		task.Args = append(task.Args, arg)
	}
	for name, arg := range msg.Kwargs {
		task.Kwargs[name] = arg
	}
	if msg.ETA != nil && *msg.ETA != "" {
		if task.ETA, err = time.Parse(time.RFC3339, *msg.ETA); err != nil {
			return celery.Task{}, fmt.Errorf("%w: eta: %w", celery.ErrInvalid, err)
		}
	}
	if msg.Expires != nil {
		task.Expires = *msg.Expires
	}
	return task, nil
}

// Backend reads and writes results for a gocelery client. It is safe for concurrent use.
type Backend struct{ results *celery.Results }

// NewBackend returns a backend on the client.
func NewBackend(c *celery.Client) *Backend { return &Backend{results: celery.NewResults(c)} }

// GetResult returns the result of a task, Go's or Python's; ErrPending while it has none, or is not done.
func (b *Backend) GetResult(id string) (*gocelery.ResultMessage, error) {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	r, err := b.results.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if !r.Ready() {
		return nil, ErrPending
	}
	out := &gocelery.ResultMessage{ID: r.TaskID, Status: r.Status}
	if r.Traceback != "" {
		out.Traceback = r.Traceback
	}
	if len(r.Result) > 0 {
		if err := celery.Value(r.Result).Decode(&out.Result); err != nil {
			return nil, fmt.Errorf("gocelerybridge: result: %w", err)
		}
	}
	for _, child := range r.Children {
		out.Children = append(out.Children, child)
	}
	return out, nil
}

// SetResult stores a result with what Python's waiting get() needs and gocelery leaves out: the id, the time, the
// announcement.
func (b *Backend) SetResult(id string, m *gocelery.ResultMessage) error {
	r := celery.Result{TaskID: id, Status: celery.StatusSuccess, Result: json.RawMessage("null")}
	if m != nil {
		if m.Status != "" {
			r.Status = m.Status
		}
		raw, err := json.Marshal(m.Result)
		if err != nil {
			return fmt.Errorf("%w: %w", celery.ErrInvalid, err)
		}
		r.Result = raw
		r.Traceback, _ = m.Traceback.(string)
	}
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	return b.results.Store(ctx, r)
}

package celery

import (
	"context"
	"fmt"
	"sync"

	"github.com/google/uuid"
)

// Producer sends tasks. It is safe for concurrent use.
type Producer struct {
	c       *Client
	origin  string
	replyTo string

	clock lamport
	mu    sync.RWMutex
	bound map[string]bool // queues whose binding this producer has written
}

// NewProducer returns a producer on the client.
func NewProducer(c *Client) *Producer {
	return &Producer{c: c, origin: producerOrigin(), replyTo: uuid.NewString(), bound: map[string]bool{}}
}

// Send puts the task on its queue, in one round trip, and returns its id. A nil error means that Redis has it.
// ErrInvalid means that nothing was sent. After any other error it may or may not be there: sending it again
// with the same id is safe, it then runs once more and has one result.
func (p *Producer) Send(ctx context.Context, t Task) (string, error) {
	ids, err := p.SendBatch(ctx, []Task{t})
	if len(ids) == 1 {
		return ids[0], err
	}
	return "", err
}

// SendBatch sends many tasks in one round trip; within a queue and priority they keep their order. It sends all
// or, when one of them is invalid, none. The ids are returned even when the connection failed on the way.
func (p *Producer) SendBatch(ctx context.Context, tasks []Task) ([]string, error) {
	now := p.c.now()
	ids := make([]string, len(tasks))
	pushes := make([]push, len(tasks))
	for i := range tasks {
		out, err := tasks[i].outgoing(now, p.origin, p.replyTo)
		if err == nil {
			pushes[i], err = p.c.seal(&out)
		}
		if err != nil {
			return nil, fmt.Errorf("task %q: %w", tasks[i].Name, err)
		}
		ids[i] = out.id
	}
	return ids, p.push(ctx, pushes)
}

// push is a message on its way to a list.
type push struct {
	queue, list string
	payload     []byte
	sent        object // the event that tells of it; nil unless Config asks for such events
}

// seal encodes a message and reads it back: what Python could not read never leaves.
func (c *Client) seal(o *outgoing) (push, error) {
	payload, err := o.encode()
	if err != nil {
		return push{}, err
	}
	d, bad := decodeDelivery(payload, limits{body: int64(len(o.body))})
	if bad != nil {
		return push{}, invalid("%w", bad)
	}
	if d.Protocol != 2 || d.ID != o.id {
		return push{}, invalid("reads back as another task")
	}
	out := push{queue: o.queue, list: c.keys.list(o.queue, c.keys.step(o.priority)), payload: payload}
	if c.cfg.SendSentEvents {
		out.sent = sentEvent(o)
	}
	return out, nil
}

func (p *Producer) push(ctx context.Context, pushes []push) error {
	if len(pushes) == 0 {
		return nil
	}
	fresh := p.unbound(pushes)
	if len(pushes) == 1 && len(fresh) == 0 {
		if err := p.c.rdb.LPush(ctx, pushes[0].list, pushes[0].payload).Err(); err != nil {
			return fmt.Errorf("celery: send: %w", err)
		}
		p.c.announce(ctx, p.origin, &p.clock, pushes)
		return nil
	}
	pipe := p.c.rdb.Pipeline()
	for _, queue := range fresh {
		pipe.SAdd(ctx, p.c.keys.binding(queue), p.c.keys.bindingMember(queue))
	}
	for from := 0; from < len(pushes); {
		to := from + 1
		for to < len(pushes) && to-from < 512 && pushes[to].list == pushes[from].list {
			to++
		}
		values := make([]any, 0, to-from)
		for _, one := range pushes[from:to] {
			values = append(values, one.payload)
		}
		pipe.LPush(ctx, pushes[from].list, values...)
		from = to
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("celery: send: %w", err)
	}
	p.c.announce(ctx, p.origin, &p.clock, pushes)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, queue := range fresh {
		p.bound[queue] = true
	}
	return nil
}

// unbound lists the queues whose binding is still to be written. Queues are few; a caller that invents them
// without end pays with an extra command each, not with memory.
func (p *Producer) unbound(pushes []push) []string {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var out []string
	if len(p.bound) > 1000 {
		return nil
	}
	seen := ""
	for _, one := range pushes {
		if one.queue != seen && !p.bound[one.queue] {
			out = append(out, one.queue)
		}
		seen = one.queue
	}
	return out
}

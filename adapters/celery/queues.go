package celery

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Inspector looks at queues and at what is held of them. It is safe for concurrent use.
type Inspector struct{ c *Client }

// NewInspector returns an inspector on the client.
func NewInspector(c *Client) *Inspector { return &Inspector{c: c} }

// QueueLength is how many messages wait in the queue, of all priorities. What workers hold is not among them.
func (i *Inspector) QueueLength(ctx context.Context, queue string) (int64, error) {
	m, err := i.QueueLengths(ctx, queue)
	return m[queue], err
}

// QueueLengths is QueueLength for several queues in one round trip.
func (i *Inspector) QueueLengths(ctx context.Context, queues ...string) (map[string]int64, error) {
	steps, err := i.StepLengths(ctx, queues...)
	if err != nil {
		return nil, err
	}
	out := make(map[string]int64, len(steps))
	for q, lengths := range steps {
		out[q] = 0
		for _, n := range lengths {
			out[q] += n
		}
	}
	return out, nil
}

// StepLengths is how many messages wait in each priority list of the queues, by priority step, in one round trip. Steps
// where nothing waits are there too.
func (i *Inspector) StepLengths(ctx context.Context, queues ...string) (map[string]map[int]int64, error) {
	pipe := i.c.rdb.Pipeline()
	cmds := map[string][]*redis.IntCmd{}
	for _, q := range queues {
		if cmds[q] != nil {
			continue
		}
		for _, list := range i.c.keys.lists(q) {
			cmds[q] = append(cmds[q], pipe.LLen(ctx, list))
		}
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, fmt.Errorf("celery: queue lengths: %w", err)
	}
	out := make(map[string]map[int]int64, len(cmds))
	for q, list := range cmds {
		out[q] = make(map[int]int64, len(list))
		for j, cmd := range list {
			out[q][i.c.keys.steps[j]] = cmd.Val()
		}
	}
	return out, nil
}

// Held is a message that a worker, Go or Python, has taken and not acknowledged.
type Held struct {
	Tag      string
	TaskID   string
	Task     string
	Queue    string
	Priority int
	// ETA is when it is to run; zero: at once.
	ETA time.Time
	// Until is when sweeps may take it back, judged by this client's visibility timeout.
	Until time.Time
	// Unrenewed is how long ago a holder took it that does not renew its holds, as Python's do not: it may have died
	// since. Zero for a Go worker's.
	Unrenewed time.Duration
}

// UnackedLength is how many messages are held.
func (i *Inspector) UnackedLength(ctx context.Context) (int64, error) {
	n, err := i.c.rdb.HLen(ctx, i.c.keys.unacked()).Result()
	if err != nil {
		return 0, fmt.Errorf("celery: unacked: %w", err)
	}
	return n, nil
}

// Unacked lists what is held, in no order. Messages that cannot be read are left out.
func (i *Inspector) Unacked(ctx context.Context) ([]Held, error) {
	scores := map[string]float64{}
	index, err := i.c.rdb.ZRangeWithScores(ctx, i.c.keys.unackedIndex(), 0, -1).Result()
	if err != nil {
		return nil, fmt.Errorf("celery: unacked: %w", err)
	}
	for _, z := range index {
		if tag, ok := z.Member.(string); ok {
			scores[tag] = z.Score
		}
	}
	var out []Held
	var cursor uint64
	seen := map[string]bool{}
	for {
		page, next, err := i.c.rdb.HScan(ctx, i.c.keys.unacked(), cursor, "", 500).Result()
		if err != nil {
			return nil, fmt.Errorf("celery: unacked: %w", err)
		}
		for j := 0; j+1 < len(page); j += 2 {
			entry, err := parseEntry([]byte(page[j+1]))
			if err != nil || seen[page[j]] {
				continue
			}
			seen[page[j]] = true
			h := Held{Tag: page[j], Queue: entry.routingKey, Priority: entry.priority()}
			h.TaskID, h.Task = entry.msg.identity()
			if d, bad := decodeDelivery(entry.msg.raw, limits{body: 1 << 20}); bad == nil {
				h.ETA = d.ETA
			}
			if s, ok := scores[h.Tag]; ok {
				h.Until = time.UnixMicro(int64(s * 1e6)).Add(i.c.cfg.VisibilityTimeout)
				if left := h.Until.Sub(i.c.now()); left > i.c.cfg.Lease { // a renewed hold is never that fresh
					h.Unrenewed = i.c.cfg.VisibilityTimeout - left
				}
			}
			out = append(out, h)
		}
		if cursor = next; cursor == 0 {
			return out, nil
		}
	}
}

// Holder is the worker that has a task.
type Holder struct {
	Node  string
	State string // active while it runs, else reserved; of Python's workers also ready
}

// Holders asks all workers, Go and Python, which of the tasks they have; Broadcast's timeout of a second is how long that
// takes. Tasks of workers that are gone or too busy to answer are not in the answer.
func (i *Inspector) Holders(ctx context.Context, taskIDs ...string) (map[string]Holder, error) {
	out := map[string]Holder{}
	if len(taskIDs) == 0 {
		return out, nil
	}
	replies, err := i.Broadcast(ctx, Broadcast{Method: "query_task", Arguments: map[string]any{"ids": taskIDs}})
	if err != nil {
		return nil, err
	}
	for node, reply := range replies {
		var tasks map[string][]any
		if reply.Decode(&tasks) != nil {
			continue // an error of the node's
		}
		for id, answer := range tasks {
			if len(answer) > 0 {
				state, _ := answer[0].(string)
				out[id] = Holder{Node: node, State: state}
			}
		}
	}
	return out, nil
}

// identity is the task's id and name, read from the headers or, in protocol 1, from the body.
func (m *message) identity() (id, name string) {
	id, _ = asString(m.header("id"))
	name, _ = asString(m.header("task"))
	if name != "" {
		return id, name
	}
	body, bad := m.payload(limits{body: 1 << 20})
	if bad != nil {
		return "", ""
	}
	fields, err := members(body)
	if err != nil {
		return "", ""
	}
	id, _ = asString(find(fields, body, "id"))
	name, _ = asString(find(fields, body, "task"))
	return id, name
}

// Waiting is a message in a queue, seen without taking it.
type Waiting struct {
	TaskID   string
	Task     string
	Queue    string
	Step     int // the priority list it is in
	Priority int
	Headers  map[string]Value // custom headers
}

// Oldest looks at up to n messages at the consuming end of each priority list of the queue, those served next
// first. Within a list that is the order of arrival, except that restored messages come first. Messages that
// cannot be read have no TaskID.
func (i *Inspector) Oldest(ctx context.Context, queue string, n int) ([]Waiting, error) {
	if n <= 0 {
		return nil, nil
	}
	pipe := i.c.rdb.Pipeline()
	cmds := make([]*redis.StringSliceCmd, len(i.c.keys.steps))
	for j, step := range i.c.keys.steps {
		cmds[j] = pipe.LRange(ctx, i.c.keys.list(queue, step), int64(-n), -1)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, fmt.Errorf("celery: oldest: %w", err)
	}
	var out []Waiting
	for j, cmd := range cmds {
		list := cmd.Val()
		for k := len(list) - 1; k >= 0; k-- {
			w := Waiting{Queue: queue, Step: i.c.keys.steps[j], Headers: map[string]Value{}}
			if m, err := parseEnvelope([]byte(list[k])); err == nil {
				w.TaskID, w.Task = m.identity()
				w.Priority, _ = asInt(m.property("priority"))
				for _, h := range m.headers {
					if !reserved[h.key] {
						w.Headers[h.key] = Value(m.raw[h.start:h.end])
					}
				}
			}
			out = append(out, w)
		}
	}
	return out, nil
}

// quoted is a queue's name as the scripts want it.
func quoted(s string) string { return string(appendString(make([]byte, 0, len(s)+2), s)) }

package celery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

// Broadcast is a remote control command for workers, Go and Python.
type Broadcast struct {
	Method      string
	Arguments   map[string]any
	Destination []string // node names; nil is every worker
	NoReply     bool
	// Timeout is how long replies are waited for; zero is a second. With a Destination it ends when all have answered.
	Timeout time.Duration
}

// Broadcast sends a command and returns each node's reply.
func (i *Inspector) Broadcast(ctx context.Context, b Broadcast) (map[string]Value, error) {
	if b.Method == "" {
		return nil, invalid("no method")
	}
	setDefault(&b.Timeout, time.Second)
	oid := uuid.NewString()
	args := b.Arguments
	if args == nil {
		args = map[string]any{}
	}
	var destination any
	if len(b.Destination) > 0 {
		destination = b.Destination
	}
	request := object{{"method", b.Method}, {"arguments", args}, {"destination", destination}, {"pattern", nil}, {"matcher", nil}}
	if !b.NoReply {
		request = append(request, field{"ticket", oid}, field{"reply_to", object{{"exchange", replyPidbox}, {"routing_key", oid}}})
	}
	body, err := request.append(nil)
	if err != nil {
		return nil, invalid("arguments: %w", err)
	}
	expires := float64(i.c.now().Add(b.Timeout).UnixMicro()) / 1e6
	msg, err := broadcastEnvelope(body, object{{"clock", 1}, {"expires", expires}}, 2, pidbox, "")
	if err != nil {
		return nil, err
	}
	queue := oid + "." + replyPidbox
	key, binding, member := i.c.keys.prefix+queue, i.c.keys.binding(replyPidbox), oid+i.c.keys.sep+i.c.keys.sep+queue
	if b.NoReply {
		if err := i.c.rdb.Publish(ctx, i.c.keys.channel(pidbox), msg).Err(); err != nil {
			return nil, fmt.Errorf("celery: %s: %w", b.Method, err)
		}
		return nil, nil
	}
	pipe := i.c.rdb.Pipeline()
	pipe.SAdd(ctx, binding, member)
	pipe.Publish(ctx, i.c.keys.channel(pidbox), msg)
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, fmt.Errorf("celery: %s: %w", b.Method, err)
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), i.c.cfg.IOTimeout)
		defer cancel()
		pipe := i.c.rdb.Pipeline()
		pipe.SRem(end, binding, member)
		pipe.Del(end, key)
		_, _ = pipe.Exec(end) // a list left behind is empty
	}()
	out := map[string]Value{}
	deadline := time.Now().Add(b.Timeout)
	for len(b.Destination) == 0 || len(out) < len(b.Destination) {
		left := time.Until(deadline)
		if left <= 0 {
			break
		}
		// In parts, as Do does not know that the command blocks; BRPop would round up to whole seconds.
		part := min(max(left, 10*time.Millisecond), i.c.cfg.IOTimeout/2)
		got, err := i.c.rdb.Do(ctx, "BRPOP", key, part.Seconds()).StringSlice()
		if errors.Is(err, redis.Nil) {
			continue
		}
		if err != nil {
			return out, fmt.Errorf("celery: %s: %w", b.Method, err)
		}
		i.collect(out, got[1])
	}
	return out, nil
}

func (i *Inspector) collect(out map[string]Value, raw string) {
	m, err := parseEnvelope([]byte(raw))
	if err != nil {
		return
	}
	body, bad := m.payload(limits{body: 64 << 20})
	if bad != nil {
		return
	}
	fields, err := members(body)
	if err != nil {
		return
	}
	for _, f := range fields {
		out[f.key] = body[f.start:f.end]
	}
}

// ask is a Broadcast with a name and nothing else.
func (i *Inspector) ask(ctx context.Context, method string, nodes []string) (map[string]Value, error) {
	return i.Broadcast(ctx, Broadcast{Method: method, Destination: nodes})
}

// Ping returns the nodes that answer.
func (i *Inspector) Ping(ctx context.Context, nodes ...string) ([]string, error) {
	replies, err := i.ask(ctx, "ping", nodes)
	return sortedKeys(replies), err
}

// Active lists the tasks that nodes run. Replies are as celery inspect shows them, by node; without nodes all are asked.
func (i *Inspector) Active(ctx context.Context, nodes ...string) (map[string]Value, error) {
	return i.ask(ctx, "active", nodes)
}

// Reserved lists tasks taken and not begun; see Active.
func (i *Inspector) Reserved(ctx context.Context, nodes ...string) (map[string]Value, error) {
	return i.ask(ctx, "reserved", nodes)
}

// Scheduled lists tasks held for later; see Active.
func (i *Inspector) Scheduled(ctx context.Context, nodes ...string) (map[string]Value, error) {
	return i.ask(ctx, "scheduled", nodes)
}

// Registered lists names of tasks; see Active.
func (i *Inspector) Registered(ctx context.Context, nodes ...string) (map[string]Value, error) {
	return i.ask(ctx, "registered", nodes)
}

// Stats describes nodes; see Active.
func (i *Inspector) Stats(ctx context.Context, nodes ...string) (map[string]Value, error) {
	return i.ask(ctx, "stats", nodes)
}

// ActiveQueues lists the queues nodes serve; see Active.
func (i *Inspector) ActiveQueues(ctx context.Context, nodes ...string) (map[string]Value, error) {
	return i.ask(ctx, "active_queues", nodes)
}

// Revoke tells all workers not to run tasks, and with terminate to stop those that run.
func (i *Inspector) Revoke(ctx context.Context, terminate bool, ids ...string) (map[string]Value, error) {
	return i.Broadcast(ctx, Broadcast{Method: "revoke", Arguments: map[string]any{"task_id": ids, "terminate": terminate, "signal": "SIGTERM"}})
}

// RevokeStamped tells all workers not to run tasks that carry one of the stamps, and with terminate to stop those that run.
// Python's workers know it from 5.3 on.
func (i *Inspector) RevokeStamped(ctx context.Context, terminate bool, stamps map[string][]string) (map[string]Value, error) {
	headers := make(map[string]any, len(stamps))
	for name, values := range stamps {
		headers[name] = values
	}
	return i.Broadcast(ctx, Broadcast{Method: "revoke_by_stamped_headers", Arguments: map[string]any{"headers": headers, "terminate": terminate, "signal": "SIGTERM"}})
}

// RateLimit sets how often each worker starts tasks of a name: "10/m"; empty is no limit.
func (i *Inspector) RateLimit(ctx context.Context, task, limit string) (map[string]Value, error) {
	if _, err := parseRate(limit); err != nil {
		return nil, err
	}
	if limit == "" {
		limit = "0"
	}
	return i.Broadcast(ctx, Broadcast{Method: "rate_limit", Arguments: map[string]any{"task_name": task, "rate_limit": limit}})
}

// Shutdown asks workers to stop as SIGTERM would; with no nodes, all of them.
func (i *Inspector) Shutdown(ctx context.Context, nodes ...string) error {
	_, err := i.Broadcast(ctx, Broadcast{Method: "shutdown", Destination: nodes, NoReply: true})
	return err
}

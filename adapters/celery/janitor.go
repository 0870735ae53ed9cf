package celery

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// sweepBatch is how many expired messages one round trip looks at.
const sweepBatch = 100

// Restore takes back every message, of Go and Python holders alike, that was held longer than the visibility
// timeout (Go holders: longer than their lease), and returns how many. They go to the front of their queue,
// marked as redelivered. Safe to run anywhere, at once with kombu's own sweep: a message is restored once.
func (c *Client) Restore(ctx context.Context) (int, error) {
	total := 0
	for {
		list := &call{script: expiredScript, keys: []string{c.keys.unacked(), c.keys.unackedIndex()},
			args: []any{secondsText(c.cfg.VisibilityTimeout), strconv.Itoa(sweepBatch)}}
		if err := runScripts(ctx, c.rdb, []*call{list}); err != nil {
			return total, fmt.Errorf("celery: sweep: %w", err)
		}
		found, err := list.cmd.StringSlice()
		if err != nil {
			return total, nil
		}
		n := 0
		for i := 0; i+2 < len(found); i += 3 {
			ok, err := c.restoreOne(ctx, found[i], found[i+1], []byte(found[i+2]))
			if err != nil {
				return total, fmt.Errorf("celery: restore: %w", err)
			}
			if ok {
				n++
			}
		}
		total += n
		if len(found) < 3*sweepBatch || n == 0 {
			return total, nil
		}
	}
}

func (c *Client) restoreOne(ctx context.Context, tag, score string, entry []byte) (bool, error) {
	held, err := parseEntry(entry)
	if err != nil {
		return c.putAside(ctx, tag, score, ReasonEnvelope, entry, err) // nobody can run it, and kombu's sweep stops at it for ever
	}
	queues, err := c.destinations(ctx, held)
	if err != nil {
		return false, err
	}
	lists := make([]string, len(queues))
	for i, queue := range queues {
		lists[i] = c.keys.list(queue, c.keys.step(held.priority()))
	}
	n, err := c.takeBack(ctx, lists, tag, score, held.msg.markRedelivered(), nil)
	if n == 2 {
		return c.putAside(ctx, tag, score, ReasonQueue, held.msg.raw, fmt.Errorf("its queue %.60q is no list in Redis", held.routingKey))
	}
	return n == 1, err
}

// putAside moves a held message to the quarantine.
func (c *Client) putAside(ctx context.Context, tag, score, reason string, raw []byte, why error) (bool, error) {
	doc := quarantineDocument(quarantineInfo{Reason: reason, Detail: why.Error(), At: c.now()}, raw)
	n, err := c.takeBack(ctx, nil, tag, score, nil, doc)
	if n == 1 {
		c.log.WarnContext(ctx, "celery quarantined a held message", "delivery_tag", tag, "error", why)
	}
	return n == 1, err
}

func (c *Client) takeBack(ctx context.Context, lists []string, tag, score string, msg, doc []byte) (int, error) {
	one := &call{script: restoreScript, keys: append([]string{c.keys.unacked(), c.keys.unackedIndex(), c.keys.quarantine()}, lists...),
		args: []any{tag, score, msg, doc}}
	if err := runScripts(ctx, c.rdb, []*call{one}); err != nil {
		return 0, err
	}
	return one.cmd.Int()
}

// heldEntry is a value of the unacked hash: [message, exchange, routing key].
type heldEntry struct {
	msg                  *message
	exchange, routingKey string
}

func (h heldEntry) priority() int {
	p, _ := asInt(h.msg.property("priority"))
	return p
}

func parseEntry(entry []byte) (heldEntry, error) {
	parts, err := elements(entry)
	if err != nil {
		return heldEntry{}, err
	}
	if len(parts) != 3 {
		return heldEntry{}, fmt.Errorf("%w: %d parts, not 3", errJSON, len(parts))
	}
	msg, err := parseEnvelope(entry[parts[0][0]:parts[0][1]])
	if err != nil {
		return heldEntry{}, err
	}
	h := heldEntry{msg: msg}
	h.exchange, _ = asString(entry[parts[1][0]:parts[1][1]])
	h.routingKey, _ = asString(entry[parts[2][0]:parts[2][1]])
	return h, nil
}

// destinations are the queues a held message belongs to. kombu deletes a message whose exchange has no matching
// binding; here it goes to the queue named like its routing key. While the bindings cannot be read it stays held.
func (c *Client) destinations(ctx context.Context, h heldEntry) ([]string, error) {
	if h.exchange == "" {
		return []string{h.routingKey}, nil
	}
	bindings, err := c.rdb.SMembers(ctx, c.keys.binding(h.exchange)).Result()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, b := range bindings {
		parts := strings.Split(b, c.keys.sep)
		if len(parts) == 3 && matchRoute(parts[0], parts[1] != "", h.routingKey) {
			out = append(out, parts[2])
		}
	}
	if len(out) == 0 {
		return []string{h.routingKey}, nil
	}
	return out, nil
}

// matchRoute compares a binding's routing key with a message's; a topic's has * for a word and # for any number.
func matchRoute(binding string, topic bool, key string) bool {
	if !topic {
		return binding == key
	}
	return matchWords(strings.Split(binding, "."), strings.Split(key, "."))
}

func matchWords(pattern, words []string) bool {
	if len(pattern) == 0 {
		return len(words) == 0
	}
	if pattern[0] == "#" {
		for i := 0; i <= len(words); i++ {
			if matchWords(pattern[1:], words[i:]) {
				return true
			}
		}
		return false
	}
	return len(words) > 0 && (pattern[0] == "*" || pattern[0] == words[0]) && matchWords(pattern[1:], words[1:])
}

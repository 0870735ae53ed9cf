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
	one := &call{script: restoreScript, keys: []string{c.keys.unacked(), c.keys.unackedIndex(), c.keys.quarantine()}}
	held, err := parseEntry(entry)
	if err != nil {
		// Nobody can run it, and kombu's sweep stops at it for ever.
		doc := quarantineDocument(quarantineInfo{Reason: ReasonEnvelope, Detail: err.Error(), At: c.now()}, entry)
		one.args = []any{tag, score, "", doc}
	} else {
		for _, queue := range c.destinations(ctx, held) {
			one.keys = append(one.keys, c.keys.list(queue, c.keys.step(held.priority())))
		}
		one.args = []any{tag, score, held.msg.markRedelivered(), ""}
	}
	if err := runScripts(ctx, c.rdb, []*call{one}); err != nil {
		return false, err
	}
	n, _ := one.cmd.Int()
	if n == 1 && err != nil {
		c.log.WarnContext(ctx, "celery quarantined an unreadable held message", "delivery_tag", tag, "error", err)
	}
	return n == 1, nil
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
// binding; here it goes to the queue named like its routing key.
func (c *Client) destinations(ctx context.Context, h heldEntry) []string {
	if h.exchange == "" {
		return []string{h.routingKey}
	}
	bindings, err := c.rdb.SMembers(ctx, c.keys.binding(h.exchange)).Result()
	if err != nil {
		return []string{h.routingKey}
	}
	var out []string
	for _, b := range bindings {
		parts := strings.Split(b, c.keys.sep)
		if len(parts) == 3 && matchRoute(parts[0], parts[1] != "", h.routingKey) {
			out = append(out, parts[2])
		}
	}
	if len(out) == 0 {
		return []string{h.routingKey}
	}
	return out
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

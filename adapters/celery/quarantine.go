package celery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// Quarantined is a message that could not be run. It is kept until somebody puts it back or throws it away.
type Quarantined struct {
	ID     string // names it in the quarantine
	Queue  string // where it was taken from; empty if that is not known
	Reason string // one of the Reason constants
	Detail string
	TaskID string // where the message said
	Task   string
	At     time.Time
	Size   int // bytes of the message
}

// quarantineInfo is the first line of a quarantined message.
type quarantineInfo struct {
	Queue, Reason, Detail, TaskID, Task string
	At                                  time.Time
}

func quarantineDocument(info quarantineInfo, raw []byte) []byte {
	head := object{{"queue", info.Queue}, {"reason", info.Reason}, {"detail", info.Detail}, {"task_id", info.TaskID},
		{"task", info.Task}, {"at", float64(info.At.UnixMilli()) / 1000}}
	doc, err := head.append(nil)
	if err != nil { // strings and one number: it cannot happen
		doc = []byte("{}")
	}
	return bytes.Join([][]byte{doc, raw}, []byte{'\n'})
}

func parseQuarantined(id string, doc []byte) (Quarantined, []byte) {
	head, raw, _ := bytes.Cut(doc, []byte{'\n'})
	q := Quarantined{ID: id, Size: len(raw)}
	fields, err := members(head)
	if err != nil {
		return q, raw
	}
	for key, dst := range map[string]*string{"queue": &q.Queue, "reason": &q.Reason, "detail": &q.Detail, "task_id": &q.TaskID, "task": &q.Task} {
		*dst, _ = asString(find(fields, head, key))
	}
	var at float64
	if find(fields, head, "at").Decode(&at) == nil {
		q.At = time.UnixMilli(int64(at * 1000))
	}
	return q, raw
}

// Quarantine lists what is in the quarantine, the oldest first.
func (i *Inspector) Quarantine(ctx context.Context) ([]Quarantined, error) {
	var out []Quarantined
	seen := map[string]bool{}
	var cursor uint64
	for {
		page, next, err := i.c.rdb.HScan(ctx, i.c.keys.quarantine(), cursor, "", 100).Result()
		if err != nil {
			return nil, fmt.Errorf("celery: quarantine: %w", err)
		}
		for j := 0; j+1 < len(page); j += 2 {
			if !seen[page[j]] {
				seen[page[j]] = true
				q, _ := parseQuarantined(page[j], []byte(page[j+1]))
				out = append(out, q)
			}
		}
		if cursor = next; cursor == 0 {
			break
		}
	}
	slices.SortFunc(out, func(a, b Quarantined) int { return a.At.Compare(b.At) })
	return out, nil
}

// QuarantineLength is how many messages are in the quarantine.
func (i *Inspector) QuarantineLength(ctx context.Context) (int64, error) {
	n, err := i.c.rdb.HLen(ctx, i.c.keys.quarantine()).Result()
	if err != nil {
		return 0, fmt.Errorf("celery: quarantine: %w", err)
	}
	return n, nil
}

// QuarantinedMessage is the message as it was in its queue; nil when there is none of that id.
func (i *Inspector) QuarantinedMessage(ctx context.Context, id string) ([]byte, error) {
	doc, err := i.c.rdb.HGet(ctx, i.c.keys.quarantine(), id).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("celery: quarantine: %w", err)
	}
	_, raw := parseQuarantined(id, doc)
	return raw, nil
}

// Requeue puts messages of the quarantine back into the queues they came from, to be tried again, and returns how
// many. One whose queue is not known stays.
func (i *Inspector) Requeue(ctx context.Context, ids ...string) (int, error) {
	n := 0
	for _, id := range ids {
		doc, err := i.c.rdb.HGet(ctx, i.c.keys.quarantine(), id).Bytes()
		if errors.Is(err, redis.Nil) {
			continue
		}
		if err != nil {
			return n, fmt.Errorf("celery: requeue: %w", err)
		}
		q, raw := parseQuarantined(id, doc)
		if q.Queue == "" {
			continue
		}
		step := 0
		if m, err := parseEnvelope(raw); err == nil {
			priority, _ := asInt(m.property("priority"))
			step = i.c.keys.step(priority)
			if m.header(bounceHeader) != nil {
				raw = m.withHeader(bounceHeader, "0")
			}
		}
		one := &call{script: requeueScript, keys: []string{i.c.keys.quarantine(), i.c.keys.list(q.Queue, step)}, args: []any{id, raw}}
		if err := runScripts(ctx, i.c.rdb, []*call{one}); err != nil {
			return n, fmt.Errorf("celery: requeue: %w", err)
		}
		moved, _ := one.cmd.Int()
		n += moved
	}
	return n, nil
}

// Purge throws messages of the quarantine away and returns how many.
func (i *Inspector) Purge(ctx context.Context, ids ...string) (int, error) {
	if len(ids) == 0 {
		return 0, nil
	}
	n, err := i.c.rdb.HDel(ctx, i.c.keys.quarantine(), ids...).Result()
	if err != nil {
		return 0, fmt.Errorf("celery: purge: %w", err)
	}
	return int(n), nil
}

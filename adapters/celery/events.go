package celery

import (
	"context"
	"encoding/base64"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// lamport is the logical clock of a Celery node.
type lamport struct{ n atomic.Int64 }

func (c *lamport) forward() int64 { return c.n.Add(1) }

func (c *lamport) adjust(other int64) {
	for {
		mine := c.n.Load()
		if c.n.CompareAndSwap(mine, max(mine, other)+1) {
			return
		}
	}
}

// broadcastEnvelope is a message for a channel or a reply queue: pidbox requests, replies and events.
func broadcastEnvelope(body []byte, headers object, mode int, exchange, routingKey string) ([]byte, error) {
	b := append(make([]byte, 0, 512+2*len(body)), `{"body": "`...)
	b = base64.StdEncoding.AppendEncode(b, body)
	b = append(b, `", "content-encoding": "utf-8", "content-type": "application/json", "headers": `...)
	b, err := headers.append(b)
	if err != nil {
		return nil, err
	}
	b = strconv.AppendInt(append(b, `, "properties": {"delivery_mode": `...), int64(mode), 10)
	b = appendString(append(b, `, "delivery_info": {"exchange": `...), exchange)
	b = appendString(append(b, `, "routing_key": `...), routingKey)
	b = append(b, `}, "priority": 0, "body_encoding": "base64", "delivery_tag": "`...)
	return append(append(b, uuid.NewString()...), `"}}`...), nil
}

// eventFields puts an event together the way celery/events/dispatcher.py does.
func eventFields(kind, hostname string, clock int64, now time.Time, fields object) object {
	_, offset := now.Zone()
	o := object{{"hostname", hostname}, {"utcoffset", int(math.Floor(float64(-offset) / 3600))}, {"pid", os.Getpid()}, {"clock", clock}}
	return append(append(o, fields...), field{"timestamp", float64(now.UnixMicro()) / 1e6}, field{"type", kind})
}

// events sends what a worker does to whoever watches: worker-* at once, task-* gathered into task.multi lists.
type events struct {
	w       *Worker
	enabled atomic.Bool
	mu      sync.Mutex
	pending [][]byte
	wake    chan struct{}
}

const (
	eventDelay = 50 * time.Millisecond // task events wait this long for company
	eventMost  = 1000                  // in one message, and waiting while Redis is away; older ones are dropped
)

// task notes a task event; it costs nothing while events are off.
func (e *events) task(kind string, fields object) {
	if !e.enabled.Load() {
		return
	}
	doc, err := eventFields(kind, e.w.cfg.Hostname, e.w.clock.forward(), e.w.now(), fields).append(nil)
	if err != nil {
		return
	}
	e.mu.Lock()
	if len(e.pending) >= eventMost {
		e.pending = e.pending[1:]
	}
	e.pending = append(e.pending, doc)
	e.mu.Unlock()
	signal(e.wake)
}

// run sends task events until ctx ends, then what is left.
func (e *events) run(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-e.wake:
			pause(ctx, eventDelay)
		}
		e.flush(context.WithoutCancel(ctx))
	}
	e.flush(context.WithoutCancel(ctx))
}

func (e *events) flush(ctx context.Context) {
	e.mu.Lock()
	list := e.pending
	e.pending = nil
	e.mu.Unlock()
	if len(list) == 0 {
		return
	}
	values := make([]Value, len(list))
	for i, doc := range list {
		values[i] = doc
	}
	e.publish(ctx, "task.multi", arrayOf(values))
}

func (e *events) publish(ctx context.Context, topic string, body Value) {
	msg, err := broadcastEnvelope(body, object{{"hostname", e.w.cfg.Hostname}}, 1, "celeryev", topic)
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, e.w.c.cfg.IOTimeout)
	defer cancel()
	if err := e.w.c.rdb.Publish(ctx, e.w.c.keys.channel("celeryev/"+topic), msg).Err(); err != nil {
		e.w.log.DebugContext(ctx, "celery event not sent", "topic", topic, "error", err)
	}
}

// What a worker calls itself, where Python's say py-celery and their version.
const (
	softwareName    = "go-celery"
	softwareVersion = "1.0"
)

// worker sends worker-online, worker-heartbeat or worker-offline.
func (e *events) worker(ctx context.Context, kind string) {
	n := &e.w.counters
	fields := object{{"freq", e.w.cfg.Heartbeat.Seconds()}, {"active", e.w.state.active()},
		{"processed", n.succeeded.Load() + n.failed.Load() + n.retried.Load()}, {"loadavg", loadAverage()},
		{"sw_ident", softwareName}, {"sw_ver", softwareVersion}, {"sw_sys", systemName()}}
	doc, err := eventFields(kind, e.w.cfg.Hostname, e.w.clock.forward(), e.w.now(), fields).append(nil)
	if err != nil {
		return
	}
	e.publish(ctx, strings.Replace(kind, "-", ".", 1), doc)
}

// heartbeat tells watchers that the worker lives.
func (e *events) heartbeat(ctx context.Context) {
	if e.w.cfg.Heartbeat < 0 {
		return
	}
	e.worker(ctx, "worker-online")
	for {
		pause(ctx, e.w.cfg.Heartbeat)
		if ctx.Err() != nil {
			e.worker(context.WithoutCancel(ctx), "worker-offline")
			return
		}
		e.worker(ctx, "worker-heartbeat")
	}
}

func systemName() string {
	switch runtime.GOOS {
	case "linux":
		return "Linux"
	case "darwin":
		return "Darwin"
	case "windows":
		return "Windows"
	}
	return runtime.GOOS
}

// loadAverage is the system's, zeros where it is not to be had.
func loadAverage() []any {
	out := []any{0.0, 0.0, 0.0}
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return out
	}
	for i, word := range strings.Fields(string(text)) {
		if f, err := strconv.ParseFloat(word, 64); err == nil && i < 3 {
			out[i] = f
		}
	}
	return out
}

// receivedEvent is what watchers learn of a task that came in.
func receivedEvent(d *Delivery) object {
	return object{{"uuid", d.ID}, {"name", d.Name}, {"args", pyRepr(d.argsRaw, true)}, {"kwargs", pyRepr(d.kwargsRaw, false)},
		{"root_id", d.RootID}, {"parent_id", stringOrNull(d.ParentID)}, {"retries", d.Retries}, {"eta", timeOrNull(d.ETA)}, {"expires", timeOrNull(d.Expires)}}
}

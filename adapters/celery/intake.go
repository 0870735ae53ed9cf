package celery

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

// fetch takes messages while there is room, and waits for new ones without asking.
func (w *Worker) fetch(ctx context.Context, wake *waker) {
	var trouble backoff
	for turn := 0; ctx.Err() == nil; turn++ {
		n := w.state.room(w.cfg.Concurrency, w.cfg.Prefetch)
		if n == 0 {
			select {
			case <-ctx.Done():
			case <-w.state.freed:
			}
			continue
		}
		wake.clear()
		got, err := w.take(ctx, n, turn)
		switch {
		case ctx.Err() != nil && err != nil:
			return
		case err != nil:
			if trouble.first() {
				w.log.ErrorContext(ctx, "celery broker unreachable", "error", err)
			}
			trouble.wait(ctx)
		default:
			if trouble.reset() {
				w.log.InfoContext(ctx, "celery broker reachable again")
			}
			if got == 0 {
				wake.wait(ctx)
			}
		}
	}
}

// take asks for up to n messages and begins with each; it returns how many came.
func (w *Worker) take(ctx context.Context, n, turn int) (int, error) {
	one := &call{script: takeScript,
		keys: append([]string{w.c.keys.unacked(), w.c.keys.unackedIndex(), w.c.keys.quarantine()}, w.order...),
		args: append([]any{n, w.c.scoreOffset(), freshTag(), len(w.cfg.Queues), turn % len(w.cfg.Queues)}, w.names...)}
	if err := runScripts(ctx, w.c.rdb, []*call{one}); err != nil {
		return 0, err
	}
	fields, err := one.cmd.StringSlice()
	if err != nil {
		return 0, fmt.Errorf("celery: take: %w", err)
	}
	count := 0
	for i := 0; i+3 < len(fields); i += 4 {
		q, err := strconv.Atoi(fields[i])
		if err != nil || q < 0 || q >= len(w.cfg.Queues) {
			return count, fmt.Errorf("celery: take: unexpected reply")
		}
		count++
		w.counters.received.Add(1)
		h := &held{tag: fields[i+2], queue: w.cfg.Queues[q], raw: []byte(fields[i+3]), slot: true}
		if fields[i+1] == "q" && !w.adopt(ctx, h) {
			continue
		}
		w.accept(h)
	}
	return count, nil
}

// adopt looks again at a message the script could not read: the script's JSON reader is stricter than Python's.
func (w *Worker) adopt(ctx context.Context, h *held) bool {
	if _, err := parseEnvelope(h.raw); err != nil {
		w.counters.quarantined.Add(1)
		w.log.ErrorContext(ctx, "celery message quarantined", "queue", h.queue, "reason", ReasonEnvelope, "quarantine_id", h.tag, "error", err)
		return false
	}
	entry := make([]byte, 0, len(h.raw)+64)
	entry = append(append(append(append(entry, '['), h.raw...), `, "", `...), quoted(h.queue)...)
	one := &call{script: adoptScript, keys: []string{w.c.keys.unacked(), w.c.keys.unackedIndex(), w.c.keys.quarantine()},
		args: []any{h.tag, w.c.scoreOffset(), append(entry, ']')}}
	if err := runScripts(ctx, w.c.rdb, []*call{one}); err != nil {
		w.log.ErrorContext(ctx, "celery message left in quarantine", "queue", h.queue, "quarantine_id", h.tag, "error", err)
		return false
	}
	n, _ := one.cmd.Int()
	return n == 1
}

// accept decides what becomes of a message just taken.
func (w *Worker) accept(h *held) {
	d, bad := decodeDelivery(h.raw, w.lim)
	if bad == nil {
		d.Queue = h.queue
		h.d = d
	}
	w.state.add(h)
	if bad != nil {
		w.quarantine(h, bad)
		return
	}
	reg, known := w.handler(d.Name)
	if !known {
		w.bounce(h)
		return
	}
	h.reg = reg
	if w.events.enabled.Load() {
		w.events.task("task-received", receivedEvent(d))
	}
	now := w.now()
	switch {
	case w.expired(h, now):
	case d.ETA.After(now):
		w.postpone(h, d.ETA, now)
	default:
		w.begin(h, now)
	}
}

// begin queues a task for the handlers, or lets it wait for its turn when its name is limited. Tasks that wait do
// not take up room, up to a number.
func (w *Worker) begin(h *held, now time.Time) {
	at := w.rates.reserve(h.d.Name, now)
	if !at.After(now) {
		w.state.ready.push(h)
		return
	}
	w.state.later.add(at, now, h, func() {
		if w.state.takeSlot(h) {
			w.state.ready.push(h)
		}
	})
	if w.state.later.len() <= w.cfg.Concurrency+w.cfg.Prefetch {
		w.state.dropSlot(h)
	}
}

// postpone keeps a message until its time, renewing its lease; when too many are kept it goes back to the queue.
func (w *Worker) postpone(h *held, at, now time.Time) {
	if w.state.later.len() >= w.cfg.ScheduleLimit {
		// Putting it back at once would have this worker take it again in a circle.
		w.state.later.add(now.Add(time.Second), now, h, func() {
			w.settle(&settlement{h: h, giveback: h.raw, side: "back"})
		})
		return
	}
	w.state.later.add(at, now, h, func() {
		if w.state.takeSlot(h) {
			w.begin(h, w.now())
		}
	})
	w.state.dropSlot(h)
}

// bounceHeader counts how often Go workers have put a task back that they do not know.
const bounceHeader = "x-go-bounces"

// bounce puts an unknown task back for workers that know it; a Python worker would destroy it.
func (w *Worker) bounce(h *held) {
	rounds, _ := asInt(h.d.msg.header(bounceHeader))
	if rounds >= w.cfg.UnknownRounds {
		w.quarantine(h, &DecodeError{Reason: ReasonUnknownTask, TaskID: h.d.ID, Task: h.d.Name, Err: fmt.Errorf("put back %d times", rounds)})
		return
	}
	pause := w.cfg.UnknownPause
	if rounds < 20 && h.d.msg.headersStart > 0 { // without headers there is nowhere to count
		pause = min(pause, 10*time.Millisecond<<rounds)
	}
	payload := h.d.msg.withHeader(bounceHeader, strconv.Itoa(rounds+1))
	now := w.now()
	w.state.later.add(now.Add(pause), now, h, func() {
		w.counters.bounced.Add(1)
		w.settle(&settlement{h: h, giveback: payload, side: "back"})
	})
	w.state.dropSlot(h)
	if rounds == 0 {
		w.log.Warn("celery task not known here, put back for others", "queue", h.queue, "task", h.d.Name, "task_id", h.d.ID)
	}
}

// quarantine parks a message that cannot be run and fails its task if it has an id.
func (w *Worker) quarantine(h *held, bad *DecodeError) {
	w.counters.quarantined.Add(1)
	w.log.Error("celery message quarantined", "queue", h.queue, "reason", bad.Reason, "task", bad.Task, "task_id", bad.TaskID, "quarantine_id", h.tag, "error", bad.Err)
	doc := quarantineDocument(quarantineInfo{Queue: h.queue, Reason: bad.Reason, Detail: bad.Err.Error(), TaskID: bad.TaskID, Task: bad.Task, At: w.now()}, h.raw)
	s := &settlement{h: h, park: doc}
	if bad.TaskID != "" {
		e := &Error{Type: "DecodeError", Module: "kombu.exceptions", Message: bad.Err.Error()}
		switch bad.Reason {
		case ReasonContentType:
			e.Type = "ContentDisallowed"
		case ReasonUnknownTask:
			e = &Error{Type: "NotRegistered", Module: "celery.exceptions", Message: bad.Task}
		}
		s.resultID = bad.TaskID
		s.doc = w.document(outcome{status: StatusFailure, value: e.result()}, bad.TaskID, "", "", nil)
	}
	w.settle(s)
}

// expired revokes a task that was revoked or whose time has passed.
func (w *Worker) expired(h *held, now time.Time) bool {
	switch {
	case w.revoked.has(h.d.ID, now) || w.revokedStamps.any(h.d.stamps, now):
		w.revoke(h, "revoked")
	case !h.d.Expires.IsZero() && now.After(h.d.Expires):
		w.revoke(h, "expired")
	default:
		return false
	}
	return true
}

// backoff spaces tries while something is away: 50 ms doubling to 2 s, with jitter.
type backoff struct{ tries int }

func (b *backoff) first() bool { return b.tries == 0 }

func (b *backoff) reset() bool {
	was := b.tries > 0
	b.tries = 0
	return was
}

func (b *backoff) wait(ctx context.Context) {
	d := min(2*time.Second, 50*time.Millisecond<<min(b.tries, 6))
	b.tries++
	pause(ctx, d/2+rand.N(d/2+1))
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

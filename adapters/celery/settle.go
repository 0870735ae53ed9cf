package celery

import (
	"context"
	"sync"
	"time"
)

// settlement is how a held message ends: what follows is pushed, the result stored, and last of all the message
// acknowledged; or it is given back to its queue.
type settlement struct {
	h        *held
	pushes   []push
	pushed   bool
	resultID string
	doc      []byte // nil: nothing is stored
	stored   bool
	park     []byte // a quarantine document

	// What workflows add: sizes of chords before the pushes, other tasks' results and chord members' reports after the
	// own result, then messages that must not be seen before these.
	before []storedDoc
	others []storedDoc
	parts  []chordPart
	after  []push
	stage  int

	event       string // told to watchers once all is written
	eventFields object

	giveback []byte // the message to put back
	side     string // front or back
}

// settleQueue collects settlements; whatever gathered during one round trip goes into the next.
type settleQueue struct {
	mu    sync.Mutex
	items []*settlement
	wake  chan struct{}
}

const settleBatch = 512

func (q *settleQueue) add(list ...*settlement) {
	q.mu.Lock()
	q.items = append(q.items, list...)
	q.mu.Unlock()
	signal(q.wake)
}

func (q *settleQueue) next() []*settlement {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.items), settleBatch)
	out := q.items[:n:n]
	q.items = q.items[n:]
	if len(q.items) == 0 {
		q.items = nil
	}
	return out
}

// settle decides how a message ends; a second decision for one is ignored.
func (w *Worker) settle(s *settlement) bool {
	if !w.state.claim(s.h) {
		return false
	}
	w.state.settling.add(s)
	return true
}

// commitLoop writes settlements until done is closed and none is left. What cannot be written stays held, its
// lease renewed, and is tried again; after done only for a while, then dead-holder recovery has it.
func (w *Worker) commitLoop(done <-chan struct{}) {
	var trouble backoff
	var deadline time.Time
	for {
		batch := w.state.settling.next()
		if len(batch) == 0 {
			select {
			case <-w.state.settling.wake:
			case <-done:
				if batch = w.state.settling.next(); len(batch) == 0 {
					return
				}
			}
		}
		if len(batch) == 0 {
			continue
		}
		ctx, cancel := context.WithTimeout(w.state.handlerCtxFor(), 2*w.c.cfg.IOTimeout)
		failed, err := w.commit(ctx, batch)
		cancel()
		if len(failed) == 0 {
			if trouble.reset() {
				w.log.Info("celery results written again")
			}
			continue
		}
		if trouble.first() {
			w.log.Error("celery result not written, will be tried again", "error", err, "waiting", len(failed))
		}
		select {
		case <-done:
			if deadline.IsZero() {
				deadline = time.Now().Add(w.cfg.AbortGrace)
			}
			if time.Now().After(deadline) {
				w.log.Error("celery results given up, their tasks will run again", "error", err, "tasks", len(failed))
				return
			}
		default:
		}
		w.state.settling.add(failed...)
		trouble.wait(context.Background())
	}
}

// handlerCtxFor is a context that outlives the abort of handlers.
func (s *workerState) handlerCtxFor() context.Context { return context.WithoutCancel(s.handlerCtx) }

// commit writes a batch and returns what is still to be written. When broker and backend are one database a
// settlement is one script; otherwise pushes, results and acknowledgements go in three round trips, in this order.
func (w *Worker) commit(ctx context.Context, batch []*settlement) ([]*settlement, error) {
	var simple, failed []*settlement
	var failure error
	for _, s := range batch {
		if !s.workflow(w.c.sameHome) {
			simple = append(simple, s)
			continue
		}
		if err := w.commitWorkflow(ctx, s); err != nil {
			w.divert(s, err)
			failed, failure = append(failed, s), err
		}
	}
	more, err := w.commitSimple(ctx, simple)
	if err == nil {
		err = failure
	}
	return append(failed, more...), err
}

// commitSimple writes settlements that are at most pushes, one result and an acknowledgement.
func (w *Worker) commitSimple(ctx context.Context, batch []*settlement) ([]*settlement, error) {
	if w.c.sameHome {
		return w.commitOnce(ctx, batch)
	}
	var firstErr error
	note := func(err error) {
		if firstErr == nil {
			firstErr = err
		}
	}
	var pushes, results []*call
	for _, s := range batch {
		if len(s.pushes) > 0 && !s.pushed {
			pushes = append(pushes, w.c.completeCall("", w.c.keys.result("-"), nil, s.pushes))
		}
	}
	if len(pushes) > 0 {
		note(runScripts(ctx, w.c.rdb, pushes))
	}
	var failed, open []*settlement
	i := 0
	for _, s := range batch {
		if len(s.pushes) > 0 && !s.pushed {
			s.pushed = pushes[i].err == nil
			if !s.pushed {
				w.divert(s, pushes[i].err)
				failed = append(failed, s)
			}
			i++
			if !s.pushed {
				continue
			}
		}
		open = append(open, s)
		if s.doc != nil && !s.stored {
			results = append(results, w.c.completeCall("", w.c.keys.result(s.resultID), s.doc, nil))
		}
	}
	if len(results) > 0 {
		note(runScripts(ctx, w.c.results, results))
	}
	i = 0
	var last []*settlement
	for _, s := range open {
		if s.doc != nil && !s.stored {
			s.stored = results[i].err == nil
			i++
			if !s.stored {
				failed = append(failed, s)
				continue
			}
		}
		last = append(last, s)
	}
	more, err := w.commitOnce(ctx, last)
	note(err)
	return append(failed, more...), firstErr
}

// commitOnce writes what is left of each settlement in one round trip on the broker.
func (w *Worker) commitOnce(ctx context.Context, batch []*settlement) ([]*settlement, error) {
	if len(batch) == 0 {
		return nil, nil
	}
	calls := make([]*call, len(batch))
	for i, s := range batch {
		var one *call
		switch {
		case s.giveback != nil:
			one = w.givebackCall(s)
		default:
			doc, pushes := s.doc, append(s.pushes, s.after...) // one script: nobody sees a part of it
			if s.stored {
				doc = nil
			}
			if s.pushed {
				pushes = nil
			}
			one = w.c.endCall(s.h.tag, w.c.keys.result(s.resultID), doc, s.park, pushes)
		}
		calls[i] = one
	}
	err := runScripts(ctx, w.c.rdb, calls)
	var failed []*settlement
	done := make([]*held, 0, len(batch))
	for i, s := range batch {
		if calls[i].err != nil || calls[i].cmd == nil {
			w.divert(s, calls[i].err)
			failed = append(failed, s)
			continue
		}
		if n, _ := calls[i].cmd.Int(); n == 0 {
			w.counters.leasesLost.Add(1)
		}
		done = append(done, s.h)
		w.c.announce(ctx, w.origin, &w.clock, append(s.pushes, s.after...))
		if s.event != "" {
			w.events.task(s.event, s.eventFields)
		}
	}
	w.state.remove(done)
	return failed, err
}

// divert sends a message to the quarantine when it, or what follows it, can never be pushed: its queue is a key of
// another type. Its task fails, and the next try writes that.
func (w *Worker) divert(s *settlement, err error) {
	if !answered(err, "WRONGTYPE") || s.park != nil || s.h.d == nil {
		return
	}
	d := s.h.d
	w.counters.quarantined.Add(1)
	w.log.Error("celery message quarantined", "queue", s.h.queue, "reason", ReasonQueue, "task", d.Name, "task_id", d.ID, "quarantine_id", s.h.tag, "error", err)
	s.park = quarantineDocument(quarantineInfo{Queue: s.h.queue, Reason: ReasonQueue, Detail: "a queue is no list in Redis", TaskID: d.ID, Task: d.Name, At: w.now()}, s.h.raw)
	s.giveback, s.pushes, s.after = nil, nil, nil
	e := &Error{Type: "OperationalError", Module: "kombu.exceptions", Message: "a queue is no list in Redis"}
	s.resultID, s.doc = d.ID, w.document(outcome{status: StatusFailure, value: e.result()}, d.ID, d.GroupID, d.ParentID, d)
	s.event = ""
}

func (w *Worker) givebackCall(s *settlement) *call {
	priority := 0
	if s.h.d != nil {
		priority = s.h.d.Priority
	}
	return &call{script: givebackScript,
		keys: []string{w.c.keys.unacked(), w.c.keys.unackedIndex(), w.c.keys.list(s.h.queue, w.c.keys.step(priority))},
		args: []any{s.h.tag, s.giveback, s.side}}
}

// returnUnstarted puts back what no handler has begun, so that it is served in the order it came.
func (w *Worker) returnUnstarted(context.Context) {
	list := append(w.state.ready.drain(), w.state.later.drain()...)
	for i := len(list) - 1; i >= 0; i-- {
		if w.settle(&settlement{h: list[i], giveback: list[i].raw, side: "front"}) {
			w.counters.returned.Add(1)
		}
	}
}

// returnHeld puts back what handlers did not let go of.
func (w *Worker) returnHeld(ctx context.Context) {
	var left []*settlement
	for _, h := range w.state.all() {
		if h.d != nil && w.state.claim(h) {
			w.counters.returned.Add(1)
			left = append(left, &settlement{h: h, giveback: h.d.msg.markRedelivered(), side: "front"})
		}
	}
	if len(left) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.c.cfg.IOTimeout)
	defer cancel()
	if failed, err := w.commitOnce(ctx, left); err != nil {
		w.log.ErrorContext(ctx, "celery messages left to recovery", "error", err, "messages", len(failed))
	}
}

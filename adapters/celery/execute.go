package celery

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"time"
)

// executeLoop runs handlers until there is nothing more to run.
func (w *Worker) executeLoop() {
	for h := w.state.ready.pop(); h != nil; h = w.state.ready.pop() {
		w.execute(h)
	}
}

// execute runs one task and settles it.
func (w *Worker) execute(h *held) {
	start := w.now()
	if w.state.isSettled(h) || w.expired(h, start) {
		return
	}
	ctx, cancel := context.WithCancelCause(w.state.handlerCtx)
	defer cancel(nil)
	h.cancel.Store(&cancel)
	if !w.state.start(h, start) {
		return
	}
	w.countRun(h.d.Name)
	w.events.task("task-started", object{{"uuid", h.d.ID}})
	soft, hard := h.reg.opts.SoftTimeLimit, h.reg.opts.TimeLimit
	if h.d.SoftTimeLimit > 0 {
		soft = h.d.SoftTimeLimit
	}
	if h.d.TimeLimit > 0 {
		hard = h.d.TimeLimit
	}
	run := ctx
	if soft > 0 {
		var stop context.CancelFunc
		run, stop = context.WithTimeoutCause(ctx, soft, ErrSoftTimeLimit)
		defer stop()
	}
	if w.cfg.TrackStarted {
		w.storeStarted(run, h)
	}
	began := time.Now()
	var value any
	var err error
	if hard <= 0 {
		value, err = call1(run, h)
	} else if value, err = w.runBounded(run, cancel, h, hard); errors.Is(err, ErrTimeLimit) {
		w.settleHardLimit(h, hard)
		return
	}
	took := time.Since(began)
	w.state.ran(took)
	w.finish(run, h, value, err)
}

// call1 calls the handler; a panic becomes its error.
func call1(ctx context.Context, h *held) (value any, err error) {
	defer func() {
		if p := recover(); p != nil {
			value, err = nil, panicError(p, debug.Stack())
		}
	}()
	return h.reg.handler(ctx, h.d)
}

// runBounded gives a handler up at its hard limit. Its context ends then; a handler that does not listen keeps
// its goroutine, and the worker waits for it when it stops.
func (w *Worker) runBounded(ctx context.Context, cancel context.CancelCauseFunc, h *held, hard time.Duration) (any, error) {
	type answer struct {
		value any
		err   error
	}
	answers := make(chan answer, 1)
	w.state.detached.Add(1)
	go func() {
		defer w.state.detached.Done()
		value, err := call1(ctx, h)
		answers <- answer{value, err}
	}()
	timer := time.NewTimer(hard)
	defer timer.Stop()
	select {
	case a := <-answers:
		return a.value, a.err
	case <-timer.C:
		cancel(ErrTimeLimit)
		return nil, ErrTimeLimit
	}
}

// finish turns what a handler returned into a settlement.
func (w *Worker) finish(ctx context.Context, h *held, value any, err error) {
	cause := context.Cause(ctx)
	var retry *Retry
	switch {
	case err == nil:
		w.succeed(h, value)
	case errors.Is(cause, ErrShutdown):
		w.counters.returned.Add(1)
		w.settle(&settlement{h: h, giveback: h.d.msg.markRedelivered(), side: "front",
			event: "task-rejected", eventFields: object{{"uuid", h.d.ID}, {"requeue", true}}})
	case errors.Is(cause, ErrRevoked):
		w.revoke(h, "terminated")
	case errors.Is(err, ErrIgnore):
		w.settle(&settlement{h: h})
	case errors.As(err, &retry):
		w.retry(h, retry)
	case errors.Is(cause, ErrSoftTimeLimit) && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrSoftTimeLimit)):
		w.fail(h, &Error{Type: "SoftTimeLimitExceeded", Module: "billiard.exceptions", Args: []any{}, Err: err})
	default:
		w.fail(h, asError(err))
	}
}

func (w *Worker) succeed(h *held, value any) {
	encoded, err := appendJSON(nil, value)
	if err != nil {
		w.fail(h, &Error{Type: "EncodeError", Module: "kombu.exceptions", Message: err.Error(), Err: err})
		return
	}
	s := &settlement{h: h, resultID: h.d.ID}
	children, err := w.followSuccess(s, encoded)
	if err != nil {
		w.fail(h, asError(err))
		return
	}
	w.counters.succeeded.Add(1)
	if !w.ignores(h) {
		s.doc = w.document(outcome{status: StatusSuccess, value: Value(encoded), children: children}, h.d.ID, h.d.GroupID, h.d.ParentID, h.d)
	}
	if w.events.enabled.Load() {
		s.event, s.eventFields = "task-succeeded", object{{"uuid", h.d.ID}, {"result", pyRepr(encoded, false)}, {"runtime", w.now().Sub(since(h.started.Load())).Seconds()}}
	}
	w.settle(s)
}

func (w *Worker) fail(h *held, e *Error) {
	w.counters.failed.Add(1)
	w.log.Warn("celery task failed", "task", h.d.Name, "task_id", h.d.ID, "retries", h.d.Retries, "error", e)
	s := &settlement{h: h, resultID: h.d.ID}
	if !w.ignores(h) || w.cfg.StoreErrorsEvenIfIgnore {
		s.doc = w.document(outcome{status: StatusFailure, value: e.result(), traceback: e.Traceback}, h.d.ID, h.d.GroupID, h.d.ParentID, h.d)
	}
	w.followFailure(s, e)
	s.event, s.eventFields = "task-failed", object{{"uuid", h.d.ID}, {"exception", e.pyRepr()}, {"traceback", stringOrNull(e.Traceback)}}
	w.settle(s)
}

// settleHardLimit fails a task whose handler was given up.
func (w *Worker) settleHardLimit(h *held, hard time.Duration) {
	w.fail(h, &Error{Type: "TimeLimitExceeded", Module: "billiard.exceptions", Message: hard.String(), Args: []any{seconds(hard)}})
}

// revoke ends a task that must not run (any more): "expired", "revoked" or "terminated".
func (w *Worker) revoke(h *held, why string) {
	w.counters.revoked.Add(1)
	w.log.Info("celery task revoked", "task", h.d.Name, "task_id", h.d.ID, "reason", why)
	s := &settlement{h: h, resultID: h.d.ID}
	e := &Error{Type: "TaskRevokedError", Module: "celery.exceptions", Message: why}
	s.event, s.eventFields = "task-revoked", object{{"uuid", h.d.ID}, {"terminated", why == "terminated"}, {"signum", nil}, {"expired", why == "expired"}}
	if part, ok := h.d.part(StatusRevoked, e); ok {
		s.parts = append(s.parts, part)
	}
	if !w.ignores(h) {
		s.doc = w.document(outcome{status: StatusRevoked, value: e.result()}, h.d.ID, h.d.GroupID, h.d.ParentID, h.d)
	}
	w.settle(s)
}

// retry sends the task again, or fails it once its tries are used up.
func (w *Worker) retry(h *held, r *Retry) {
	opts := h.reg.opts
	if h.d.Retries >= opts.MaxRetries {
		e := &Error{Type: "MaxRetriesExceededError", Module: "celery.exceptions",
			Message: fmt.Sprintf("Can't retry %s[%s] args:%s kwargs:%s", h.d.Name, h.d.ID, pyRepr(h.d.argsRaw, true), pyRepr(h.d.kwargsRaw, false))}
		if r.Reason != nil {
			e = asError(r.Reason)
		}
		w.fail(h, e)
		return
	}
	out, err := h.d.again(w.now().Add(opts.delay(h.d.Retries, r.Countdown)), w.origin)
	var next push
	if err == nil {
		next, err = w.c.seal(&out)
	}
	if err != nil {
		w.fail(h, asError(fmt.Errorf("retry cannot be sent: %w", err)))
		return
	}
	w.counters.retried.Add(1)
	w.log.Info("celery task will be retried", "task", h.d.Name, "task_id", h.d.ID, "retries", h.d.Retries, "error", r.Reason)
	s := &settlement{h: h, resultID: h.d.ID, pushes: []push{next}}
	reason := &Error{Type: "Retry", Module: "celery.exceptions", Message: "Task can be retried"}
	if r.Reason != nil {
		reason = asError(r.Reason)
	}
	s.event, s.eventFields = "task-retried", object{{"uuid", h.d.ID}, {"exception", reason.pyRepr()}, {"traceback", stringOrNull(reason.Traceback)}}
	if !w.ignores(h) {
		s.doc = w.document(outcome{status: StatusRetry, value: reason.result(), traceback: reason.Traceback}, h.d.ID, h.d.GroupID, h.d.ParentID, h.d)
	}
	w.settle(s)
}

// delay is how long to wait before the next try.
func (o HandlerOptions) delay(retries int, asked time.Duration) time.Duration {
	d := asked
	switch {
	case asked < 0:
		return 0
	case asked == 0:
		d = o.RetryDelay
		if o.RetryBackoff {
			d = min(o.RetryMax, o.RetryDelay<<min(retries, 20))
			if d <= 0 {
				d = o.RetryMax
			}
		}
	}
	if o.RetryJitter {
		d = d/2 + rand.N(d/2+1)
	}
	return d
}

func (w *Worker) ignores(h *held) bool {
	if h.d.ignoreSet && h.d.IgnoreResult {
		return true
	}
	return !h.d.ignoreSet && h.reg.opts.IgnoreResult
}

// document writes a result of values that always encode.
func (w *Worker) document(o outcome, id, group, parent string, d *Delivery) []byte {
	var ext object
	if d != nil {
		ext = w.extended(d)
	}
	doc, err := o.document(id, group, parent, w.now(), ext)
	if err != nil { // an exception argument that does not encode
		e := &Error{Type: "EncodeError", Module: "kombu.exceptions", Message: err.Error()}
		o.value = e.result()
		doc, _ = o.document(id, group, parent, w.now(), nil)
	}
	return doc
}

// extended are the additional fields of result_extended.
func (w *Worker) extended(d *Delivery) object {
	if !w.cfg.ExtendedResults {
		return nil
	}
	args, kwargs := d.argsRaw, d.kwargsRaw
	if args == nil {
		args = Value("[]")
	}
	if kwargs == nil {
		kwargs = Value("{}")
	}
	return object{{"name", d.Name}, {"args", args}, {"kwargs", kwargs}, {"worker", w.cfg.Hostname}, {"retries", d.Retries}, {"queue", d.Queue}}
}

// storeStarted announces that a task runs. It is a courtesy: when it fails the task runs all the same.
func (w *Worker) storeStarted(ctx context.Context, h *held) {
	if w.ignores(h) {
		return
	}
	doc := w.document(outcome{status: StatusStarted, value: object{{"pid", pid()}, {"hostname", w.cfg.Hostname}}}, h.d.ID, h.d.GroupID, h.d.ParentID, h.d)
	if err := runScripts(ctx, w.c.results, []*call{w.c.completeCall("", w.c.keys.result(h.d.ID), doc, nil)}); err != nil {
		w.log.WarnContext(ctx, "celery start not recorded", "task_id", h.d.ID, "error", err)
	}
}

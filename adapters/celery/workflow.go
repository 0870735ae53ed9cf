package celery

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

func (w *Worker) plan() *plan {
	return &plan{c: w.c, now: w.now(), origin: w.origin, replyTo: w.replyTo, route: w.cfg.Route}
}

// followSuccess plans what a finished task starts: its callbacks, then the next step of its chain
// (celery/app/trace.py). The children go into its result.
func (w *Worker) followSuccess(s *settlement, result Value) ([]Value, error) {
	d := s.h.d
	if d.embed.callbacks == nil && d.embed.chain == nil && d.embed.chord == nil {
		return nil, nil
	}
	work := w.plan()
	at := place{result: result, parent: d.ID, root: d.RootID}
	callbacks, err := parseSignatures(d.embed.callbacks)
	if err != nil {
		return nil, err
	}
	children, err := work.callbacks(callbacks, at)
	if err != nil {
		return nil, err
	}
	chain, err := listOf(d.embed.chain)
	if err != nil {
		return nil, fmt.Errorf("chain: %w", err)
	}
	if n := len(chain); n > 0 {
		next, err := parseSignature(chain[n-1])
		if err != nil {
			return nil, err
		}
		at.chain = chain[:n-1]
		st, err := work.start(next, at)
		if err != nil {
			return nil, err
		}
		children = append(children, st.child)
	}
	s.before, s.pushes = append(s.before, work.sizes...), append(s.pushes, work.pushes...)
	if part, ok := d.partOf(StatusSuccess, result); ok {
		s.parts = append(s.parts, part)
	}
	return children, nil
}

// callbacks starts one signature as it is, several plain ones as a group.
func (p *plan) callbacks(list []*wireSignature, at place) ([]Value, error) {
	var children []Value
	plain := 0
	for _, one := range list {
		if one.subtask == "" {
			plain++
		}
	}
	gid := uuid.NewString()
	var members []string
	for _, one := range list {
		grouped := plain > 1 && one.subtask == ""
		if grouped {
			one.set("group_id", gid)
			one.options["group_index"] = Value(strconv.Itoa(len(members)))
		}
		st, err := p.start(one, at)
		if err != nil {
			return nil, err
		}
		if grouped {
			members = append(members, st.id)
		} else {
			children = append(children, st.child)
		}
	}
	if len(members) > 0 {
		children = append(children, groupEntry(gid, members))
	}
	return children, nil
}

// followFailure plans what a failed task causes: its chord learns of it, every later step of its chain fails with
// it, its errbacks are sent. A callback that cannot be started does not change that the task failed.
func (w *Worker) followFailure(s *settlement, e *Error) {
	d := s.h.d
	if part, ok := d.part(StatusFailure, e); ok {
		s.parts = append(s.parts, part)
	}
	chain, err := parseSignatures(d.embed.chain)
	if err != nil {
		w.log.Error("celery chain not readable", "task_id", d.ID, "error", err)
	}
	for i := len(chain) - 1; i >= 0; i-- {
		w.failStep(s, chain[i], e, maxNesting)
	}
	if err := w.errbacks(s, d.embed.errbacks, d.ID, d.RootID); err != nil {
		w.log.Error("celery errbacks not sent", "task_id", d.ID, "error", err)
	}
}

// errbacks are sent as a group, each given the failed task's id (celery/backends/base.py).
func (w *Worker) errbacks(s *settlement, list Value, id, root string) error {
	sigs, err := parseSignatures(list)
	if err != nil || len(sigs) == 0 {
		return err
	}
	work := w.plan()
	gid := uuid.NewString()
	for i, one := range sigs {
		if one.subtask == "" {
			one.set("group_id", gid)
			one.options["group_index"] = Value(strconv.Itoa(i))
		}
		if _, err := work.start(one, place{result: Value(quoted(id)), parent: id, root: root}); err != nil {
			return err
		}
	}
	s.before, s.after = append(s.before, work.sizes...), append(s.after, work.pushes...)
	return nil
}

// failStep fails a step that will never run and everything in it that somebody may wait for: the members of a group, the
// body of a chord. Celery up to 5.6 leaves those pending for ever.
func (w *Worker) failStep(s *settlement, sig *wireSignature, e *Error, depth int) {
	if depth == 0 {
		return
	}
	var parts []*wireSignature
	var err error
	switch sig.subtask {
	case "group":
		parts, err = groupMembers(sig)
		for _, one := range parts {
			if !isNull(sig.options["chord"]) {
				one.join(sig)
			}
		}
		delete(sig.options, "chord") // its members report
	case "chain":
		parts, err = steps(sig)
	case "chord":
		parts, err = parseSignatures(kwarg(sig, "body"))
		for _, body := range parts {
			body.join(sig)
		}
		delete(sig.options, "chord")
	}
	if err != nil {
		w.log.Error("celery step not readable", "task_id", s.h.d.ID, "error", err)
	}
	w.failSignature(s, sig, e)
	for _, one := range parts {
		w.failStep(s, one, e, depth-1)
	}
}

// failSignature stores a failure for a step that will never run, so that whoever waits for it learns, and tells
// the chord it belongs to.
func (w *Worker) failSignature(s *settlement, sig *wireSignature, e *Error) {
	id := sig.text("task_id")
	if id == "" {
		return
	}
	doc := w.document(outcome{status: StatusFailure, value: e.result(), traceback: e.Traceback}, id, sig.text("group_id"), "", nil)
	s.others = append(s.others, storedDoc{w.c.keys.result(id), doc})
	gid := sig.text("group_id")
	if chord := sig.options["chord"]; !isNull(chord) && gid != "" {
		index := -1
		if n, ok := asInt(sig.options["group_index"]); ok {
			index = n
		}
		s.parts = append(s.parts, newPart(gid, index, id, StatusFailure, errorValue(e), chord))
	}
}

// chordPart is a member's report.
type chordPart struct {
	gid     string
	index   int // negative: none
	element Value
	prefix  string // how an element of the same task begins
	compact string // the same without spaces, as other writers have it
	chord   Value  // the body
	done    bool
}

func newPart(gid string, index int, id, status string, result, chord Value) chordPart {
	prefix := "[1, " + quoted(id) + ", "
	return chordPart{gid: gid, index: index, chord: chord, prefix: prefix, compact: "[1," + quoted(id) + ",",
		element: append(append(Value(prefix+quoted(status)+", "), result...), ']')}
}

func errorValue(e *Error) Value {
	out, err := e.result().append(nil)
	if err != nil {
		out, _ = (&Error{Type: e.Type, Module: e.Module, Message: e.Message}).result().append(nil)
	}
	return out
}

func (d *Delivery) part(status string, e *Error) (chordPart, bool) {
	return d.partOf(status, errorValue(e))
}

func (d *Delivery) partOf(status string, result Value) (chordPart, bool) {
	if d.embed.chord == nil || d.GroupID == "" {
		return chordPart{}, false
	}
	index := -1
	if d.GroupIndex != nil {
		index = *d.GroupIndex
	}
	return newPart(d.GroupID, index, d.ID, status, result, d.embed.chord), true
}

// workflow reports whether the settlement needs more than one script.
func (s *settlement) workflow(sameHome bool) bool {
	return len(s.before)+len(s.others)+len(s.parts) > 0 || len(s.after) > 0 && !sameHome
}

// commitWorkflow writes one settlement step by step, in Celery's order, the acknowledgement last. After a failure
// it goes on with the step that failed; a crash in between runs the task again, which at worst sends the same
// tasks a second time.
func (w *Worker) commitWorkflow(ctx context.Context, s *settlement) error {
	steps := []func() error{
		func() error { return w.c.writeSizes(ctx, s.before) },
		func() error { return w.pushAll(ctx, s.pushes) },
		func() error {
			if s.doc == nil {
				return nil
			}
			return runScripts(ctx, w.c.results, w.c.storeCalls([]storedDoc{{w.c.keys.result(s.resultID), s.doc}}))
		},
		func() error { return w.reportParts(ctx, s) },
		func() error {
			if len(s.others) == 0 {
				return nil
			}
			return runScripts(ctx, w.c.results, w.c.storeCalls(s.others))
		},
		func() error { return w.pushAll(ctx, s.after) },
	}
	for ; s.stage < len(steps); s.stage++ {
		if err := steps[s.stage](); err != nil {
			return err
		}
	}
	s.pushed, s.stored = true, true
	_, err := w.commitOnce(ctx, []*settlement{s})
	return err
}

func (w *Worker) pushAll(ctx context.Context, pushes []push) error {
	if len(pushes) == 0 {
		return nil
	}
	return runScripts(ctx, w.c.rdb, []*call{w.c.completeCall("", w.c.keys.result("-"), nil, pushes)})
}

// reportParts tells the chords, and starts the body of one whose header is complete.
func (w *Worker) reportParts(ctx context.Context, s *settlement) error {
	for i := 0; i < len(s.parts); i++ { // a failed body may add parts
		part := &s.parts[i]
		if part.done {
			continue
		}
		elements, err := w.report(ctx, part)
		if err != nil {
			return err
		}
		if len(elements) > 0 {
			if err := w.resolve(ctx, s, *part, elements); err != nil {
				return err
			}
		}
		s.parts[i].done = true // s.parts may have moved
	}
	return nil
}

func (w *Worker) report(ctx context.Context, part *chordPart) ([]string, error) {
	key := w.c.keys.group(part.gid)
	score := "+inf"
	if part.index >= 0 {
		score = strconv.Itoa(part.index)
	}
	one := &call{script: chordScript, keys: []string{key + ".j", key + ".t", key + ".s"},
		args: []any{[]byte(part.element), score, part.prefix, part.compact, w.c.resultTTL()}}
	if err := runScripts(ctx, w.c.results, []*call{one}); err != nil {
		return nil, err
	}
	return one.cmd.StringSlice()
}

// resolve starts the body of a chord whose members have all reported, or fails it if one of them did.
func (w *Worker) resolve(ctx context.Context, s *settlement, part chordPart, elements []string) error {
	body, err := parseSignature(part.chord)
	if err != nil {
		w.log.ErrorContext(ctx, "celery chord body not readable", "group_id", part.gid, "error", err)
		return nil
	}
	results := make([]Value, 0, len(elements))
	for _, e := range elements {
		fields, err := splitArray(Value(e))
		if err != nil || len(fields) < 4 {
			return w.failBody(s, body, &Error{Type: "ChordError", Module: "celery.exceptions", Message: "unreadable result of a member"})
		}
		id, _ := asString(fields[1])
		if status, _ := asString(fields[2]); status == StatusFailure || status == StatusRevoked {
			cause := Result{Status: StatusFailure, Result: []byte(fields[3])}.Err()
			var e *Error
			text := "Exception()"
			if errors.As(cause, &e) {
				text = e.pyRepr()
			}
			return w.failBody(s, body, &Error{Type: "ChordError", Module: "celery.exceptions", Message: fmt.Sprintf("Dependency %s raised %s", id, text)})
		}
		results = append(results, fields[3])
	}
	if nested, err := w.nestedResults(ctx, part.gid); err != nil {
		return err
	} else if nested != nil {
		results = nested
	}
	work := w.plan()
	if _, err := work.start(body, place{result: arrayOf(results), parent: s.h.d.ID, root: s.h.d.RootID}); err != nil {
		w.log.ErrorContext(ctx, "celery chord body cannot be started", "group_id", part.gid, "error", err)
		return w.failBody(s, body, asError(err))
	}
	if err := w.c.writeSizes(ctx, work.sizes); err != nil {
		return err
	}
	if err := w.pushAll(ctx, work.pushes); err != nil {
		return err
	}
	w.c.announce(ctx, w.origin, &w.clock, work.pushes)
	key := w.c.keys.group(part.gid)
	return w.c.results.Del(ctx, key+".j", key+".t", key+".s").Err()
}

// failBody fails a chord's body, what follows it and what it is itself a member of, and calls its errbacks.
func (w *Worker) failBody(s *settlement, body *wireSignature, e *Error) error {
	w.failSignature(s, body, e)
	chain, err := parseSignatures(body.options["chain"])
	if err == nil {
		for i := len(chain) - 1; i >= 0; i-- {
			w.failStep(s, chain[i], e, maxNesting)
		}
	}
	root := body.text("root_id")
	if root == "" {
		root = body.text("task_id")
	}
	if err := w.errbacks(s, body.options["link_error"], body.text("task_id"), root); err != nil {
		w.log.Error("celery errbacks of a chord not sent", "task_id", body.text("task_id"), "error", err)
	}
	return nil
}

// nestedResults joins the results of a header that holds groups: such a header is saved as a group of its own
// (celery/result.py: GroupResult). Nil means that it is not.
func (w *Worker) nestedResults(ctx context.Context, gid string) ([]Value, error) {
	raw, err := w.c.results.Get(ctx, w.c.keys.group(gid)).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	fields, err := members(raw)
	if err != nil {
		return nil, nil
	}
	pair, err := splitArray(find(fields, raw, "result"))
	if err != nil || len(pair) != 2 {
		return nil, nil
	}
	children, err := splitArray(pair[1])
	if err != nil {
		return nil, nil
	}
	out := make([]Value, 0, len(children))
	for _, child := range children {
		v, err := w.joined(ctx, child, 8)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// joined is the value of a [[id, parent], null or children].
func (w *Worker) joined(ctx context.Context, node Value, depth int) (Value, error) {
	pair, err := splitArray(node)
	if err != nil || len(pair) != 2 || depth == 0 {
		return Value("null"), nil
	}
	if !isNull(pair[1]) {
		children, err := splitArray(pair[1])
		if err != nil {
			return Value("null"), nil
		}
		out := make([]Value, len(children))
		for i, child := range children {
			if out[i], err = w.joined(ctx, child, depth-1); err != nil {
				return nil, err
			}
		}
		return arrayOf(out), nil
	}
	head, err := splitArray(pair[0])
	if err != nil || len(head) == 0 {
		return Value("null"), nil
	}
	id, _ := asString(head[0])
	res, err := NewResults(w.c).Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if res.Status != StatusSuccess || len(res.Result) == 0 {
		return Value("null"), nil
	}
	return Value(res.Result), nil
}

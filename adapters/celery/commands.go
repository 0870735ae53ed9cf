package celery

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// command carries out a remote control command; false means that it has no reply (celery/worker/control.py).
func (w *Worker) command(ctx context.Context, r *request) (any, bool) {
	switch r.method {
	case "ping":
		return object{{"ok", "pong"}}, true
	case "active":
		return w.infos(func(h *held) bool { return h.started.Load() != 0 }, string(r.args["safe"]) == "true"), true
	case "reserved":
		return w.infos(func(h *held) bool { return h.slot && h.started.Load() == 0 }, false), true
	case "scheduled":
		return w.scheduled(), true
	case "registered":
		return w.registered(), true
	case "revoked":
		return w.revoked.ids(w.now()), true
	case "stats":
		return w.statistics(), true
	case "active_queues":
		return w.activeQueues(), true
	case "conf":
		return w.conf(), true
	case "report":
		return w.bugReport(), true
	case "clock":
		return object{{"clock", w.clock.n.Load()}}, true
	case "query_task":
		return w.queryTask(r.args["ids"]), true
	case "hello":
		return w.hello(r)
	case "revoke":
		return w.revokeCommand(r), true
	case "revoke_by_stamped_headers":
		return w.revokeStamped(r), true
	case "rate_limit":
		return w.rateLimit(r), true
	case "time_limit":
		return w.timeLimit(r), true
	case "enable_events":
		if w.events.enabled.Swap(true) {
			return object{{"ok", "task events already enabled"}}, true
		}
		return object{{"ok", "task events enabled"}}, true
	case "disable_events":
		if w.events.enabled.Swap(false) {
			return object{{"ok", "task events disabled"}}, true
		}
		return object{{"ok", "task events already disabled"}}, true
	case "heartbeat":
		w.events.worker(ctx, "worker-heartbeat")
		return nil, false
	case "shutdown":
		w.log.InfoContext(ctx, "celery worker told to shut down")
		w.Stop()
		return nil, false
	case "autoscale":
		return object{{"error", "ValueError('Autoscale not enabled')"}}, true
	case "pool_restart":
		return object{{"error", "ValueError('Pool restarts not enabled')"}}, true
	case "add_consumer", "cancel_consumer", "pool_grow", "pool_shrink":
		return object{{"error", r.method + " is not supported by this worker"}}, true
	default:
		return object{{"error", "KeyError('" + r.method + "')"}}, true
	}
}

// info describes a held task. Safe shows its arguments as Python's repr, cut short, as Flower asks for them.
func (w *Worker) info(h *held, safe bool) object {
	d := h.d
	argsRaw, kwargsRaw := d.argsRaw, d.kwargsRaw
	if argsRaw == nil {
		argsRaw = Value("[]")
	}
	if kwargsRaw == nil {
		kwargsRaw = Value("{}")
	}
	var args, kwargs any = argsRaw, kwargsRaw
	if safe {
		args, kwargs = pyRepr(argsRaw, true), pyRepr(kwargsRaw, false)
	}
	var started, pid any
	if ns := h.started.Load(); ns != 0 {
		started, pid = float64(ns/1000)/1e6, os.Getpid()
	}
	return object{{"id", d.ID}, {"name", d.Name}, {"args", args}, {"kwargs", kwargs}, {"type", d.Name}, {"hostname", w.cfg.Hostname},
		{"time_start", started}, {"acknowledged", false},
		{"delivery_info", object{{"exchange", ""}, {"routing_key", d.Queue}, {"priority", d.Priority}, {"redelivered", d.Redelivered}}}, {"worker_pid", pid}}
}

func (w *Worker) infos(which func(*held) bool, safe bool) []any {
	out := []any{}
	w.state.mu.Lock()
	defer w.state.mu.Unlock()
	for _, h := range w.state.held {
		if h.d != nil && !h.settled && which(h) {
			out = append(out, w.info(h, safe))
		}
	}
	return out
}

func (w *Worker) scheduled() []any {
	out := []any{}
	for _, d := range w.state.later.snapshot() {
		if d.h.d != nil {
			out = append(out, object{{"eta", isoTime(d.at)}, {"priority", 6}, {"request", w.info(d.h, false)}})
		}
	}
	return out
}

func (w *Worker) registered() []any {
	out := []any{}
	for _, name := range w.Registered() {
		if reg, ok := w.handler(name); ok && reg.opts.RateLimit != "" {
			name += " [rate_limit=" + reg.opts.RateLimit + "]"
		}
		out = append(out, name)
	}
	return out
}

// conf is what celery inspect conf shows: the settings by Celery's names. Addresses are left out: they hold passwords.
func (w *Worker) conf() object {
	return object{{"task_protocol", 2}, {"result_extended", w.cfg.ExtendedResults}, {"task_track_started", w.cfg.TrackStarted}, {"task_acks_late", true},
		{"task_reject_on_worker_lost", true}, {"worker_send_task_events", w.events.enabled.Load()}, {"task_send_sent_event", w.c.cfg.SendSentEvents},
		{"accept_content", []any{"json"}}, {"result_expires", max(0, w.c.cfg.ResultExpires.Seconds())}, {"worker_concurrency", w.cfg.Concurrency},
		{"worker_disable_prefetch", w.cfg.Prefetch == 0}, {"broker_transport_options", w.transportOptions()}}
}

func (w *Worker) transportOptions() object {
	o := object{{"visibility_timeout", w.c.cfg.VisibilityTimeout.Seconds()}, {"priority_steps", w.c.cfg.PrioritySteps}, {"sep", w.c.cfg.Separator}}
	if w.c.cfg.KeyPrefix != "" {
		o = append(o, field{"global_keyprefix", w.c.cfg.KeyPrefix})
	}
	return o
}

// bugReport is what celery report shows of a worker: what it is made of, then its settings.
func (w *Worker) bugReport() object {
	var b strings.Builder
	fmt.Fprintf(&b, "\nsoftware -> %s:%s go:%s\nplatform -> system:%s arch:%s\n\n", softwareName, softwareVersion, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	for _, f := range w.conf() {
		text, err := appendJSON(nil, f.value)
		if err == nil {
			fmt.Fprintf(&b, "%s: %s\n", f.key, pyRepr(text, false))
		}
	}
	return object{{"ok", b.String()}}
}

func (w *Worker) statistics() object {
	total := map[string]any{}
	w.mu.RLock()
	for name, n := range w.executed {
		total[name] = n.Load()
	}
	w.mu.RUnlock()
	host, port := w.c.broker.addrs[0], 0
	if h, p, err := net.SplitHostPort(host); err == nil {
		host = h
		port, _ = strconv.Atoi(p)
	}
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	return object{{"total", total}, {"pid", os.Getpid()}, {"clock", strconv.FormatInt(w.clock.n.Load(), 10)},
		{"uptime", int(time.Since(w.born).Seconds())},
		{"pool", object{{"implementation", "go:goroutines"}, {"max-concurrency", w.cfg.Concurrency}, {"processes", []any{os.Getpid()}}, {"max-tasks-per-child", "N/A"}}},
		{"broker", object{{"hostname", host}, {"port", port}, {"transport", "redis"}, {"virtual_host", strconv.Itoa(w.c.broker.db)}, {"ssl", w.c.broker.tls != nil},
			{"userid", stringOrNull(w.c.broker.user)}, {"transport_options", w.transportOptions()}, {"alternates", []any{}}}},
		{"prefetch_count", w.cfg.Concurrency + w.cfg.Prefetch}, {"rusage", object{{"maxrss", int64(mem.Sys / 1024)}}}}
}

func (w *Worker) activeQueues() []any {
	out := []any{}
	for _, q := range w.cfg.Queues {
		exchange := object{{"name", q}, {"type", "direct"}, {"arguments", nil}, {"durable", true}, {"passive", false}, {"auto_delete", false},
			{"delivery_mode", nil}, {"no_declare", false}}
		out = append(out, object{{"name", q}, {"exchange", exchange}, {"routing_key", q}, {"queue_arguments", nil}, {"binding_arguments", nil},
			{"consumer_arguments", nil}, {"durable", true}, {"exclusive", false}, {"auto_delete", false}, {"no_ack", false}, {"alias", nil},
			{"bindings", []any{}}, {"no_declare", nil}, {"expires", nil}, {"message_ttl", nil}, {"max_length", nil}, {"max_length_bytes", nil}, {"max_priority", nil}})
	}
	return out
}

func (w *Worker) queryTask(ids Value) object {
	wanted := texts(ids)
	out := object{}
	w.state.mu.Lock()
	defer w.state.mu.Unlock()
	for _, h := range w.state.held {
		if h.d == nil || h.settled || !slices.Contains(wanted, h.d.ID) {
			continue
		}
		state := "reserved"
		if h.started.Load() != 0 {
			state = "active"
		}
		out = append(out, field{h.d.ID, []any{state, w.info(h, false)}})
	}
	return out
}

// texts reads one string or a list of them.
func texts(v Value) []string {
	list, err := listOf(v)
	if err != nil {
		return nil
	}
	var out []string
	for _, one := range list {
		if s, ok := asString(one); ok {
			out = append(out, s)
		}
	}
	return out
}

// hello is how Python workers get to know each other when they start; they also exchange revoked ids.
func (w *Worker) hello(r *request) (any, bool) {
	from, _ := asString(r.args["from_node"])
	if from == w.cfg.Hostname {
		return nil, true
	}
	if theirs := r.args["revoked"]; !isNull(theirs) {
		if fields, err := members(theirs); err == nil {
			for _, f := range fields {
				w.revoked.add(f.key, w.now())
			}
		}
	}
	revoked := object{}
	for _, id := range w.revoked.ids(w.now()) {
		if s, ok := id.(string); ok {
			revoked = append(revoked, field{s, []any{time.Since(w.born).Seconds() + 0.5, s}})
		}
	}
	return object{{"revoked", revoked}, {"clock", w.clock.forward()}}, true
}

func (w *Worker) revokeCommand(r *request) object {
	ids := texts(r.args["task_id"])
	terminate := string(r.args["terminate"]) == "true"
	now := w.now()
	for _, id := range ids {
		w.revoked.add(id, now)
	}
	var stopped []string
	for _, h := range w.state.all() {
		if h.d == nil || !slices.Contains(ids, h.d.ID) {
			continue
		}
		switch {
		case h.started.Load() == 0:
			w.revoke(h, "revoked")
		case terminate:
			if cancel := h.cancel.Load(); cancel != nil {
				(*cancel)(ErrRevoked)
				stopped = append(stopped, h.d.ID)
			}
		}
	}
	if terminate {
		if len(stopped) == 0 {
			return object{{"ok", "terminate: tasks unknown"}}
		}
		return object{{"ok", "terminate: " + strings.Join(stopped, ", ")}}
	}
	quoted := make([]string, len(ids))
	for i, id := range ids {
		quoted[i] = "'" + id + "'"
	}
	return object{{"ok", "tasks {" + strings.Join(quoted, ", ") + "} flagged as revoked"}}
}

// revokeStamped marks tasks by what they are stamped with, as celery.control.revoke_by_stamped_headers of 5.3 and later
// does; with terminate it stops those that run.
func (w *Worker) revokeStamped(r *request) object {
	fields, err := members(r.args["headers"])
	if err != nil {
		return object{{"error", "TypeError('headers')"}}
	}
	var keys []string
	for _, f := range fields {
		keys = append(keys, stampKeys(f.key, r.args["headers"][f.start:f.end])...)
	}
	now := w.now()
	for _, key := range keys {
		w.revokedStamps.add(key, now)
	}
	terminate, stopped := string(r.args["terminate"]) == "true", 0
	for _, h := range w.state.all() {
		if h.d == nil || !slices.ContainsFunc(h.d.stamps(), func(key string) bool { return slices.Contains(keys, key) }) {
			continue
		}
		if h.started.Load() == 0 {
			w.revoke(h, "revoked")
		} else if cancel := h.cancel.Load(); terminate && cancel != nil {
			(*cancel)(ErrRevoked)
			stopped++
		}
	}
	shown := pyRepr(r.args["headers"], false)
	switch {
	case !terminate:
		return object{{"ok", "headers " + shown + " flagged as revoked, but not terminated"}}
	case stopped == 0:
		return object{{"ok", "headers " + shown + " were not terminated"}}
	}
	return object{{"ok", "headers " + shown + " revoked"}}
}

func (w *Worker) rateLimit(r *request) object {
	name, _ := asString(r.args["task_name"])
	text, ok := asString(r.args["rate_limit"])
	if !ok {
		text = string(r.args["rate_limit"])
	}
	if text == "null" || text == "0" {
		text = ""
	}
	if _, err := parseRate(text); err != nil {
		return object{{"error", fmt.Sprintf("Invalid rate limit string: %v", err)}}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	reg, known := w.handlers[name]
	if !known {
		return object{{"error", "unknown task"}}
	}
	reg.opts.RateLimit = text
	w.handlers[name] = reg
	w.rates.set(name, text)
	if text == "" {
		return object{{"ok", "rate limit disabled successfully"}}
	}
	return object{{"ok", "new rate limit set successfully"}}
}

func (w *Worker) timeLimit(r *request) object {
	name, _ := asString(r.args["task_name"])
	w.mu.Lock()
	defer w.mu.Unlock()
	reg, known := w.handlers[name]
	if !known {
		return object{{"error", "unknown task"}}
	}
	reg.opts.TimeLimit, reg.opts.SoftTimeLimit = asSeconds(r.args["hard"]), asSeconds(r.args["soft"])
	w.handlers[name] = reg
	return object{{"ok", "time limits set successfully"}}
}

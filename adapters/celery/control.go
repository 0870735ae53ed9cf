package celery

import (
	"context"
	"errors"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Remote control: requests come on a channel every worker listens to, replies go to a list of the requester's
// (kombu/pidbox.py).

const (
	pidbox      = "celery.pidbox"
	replyPidbox = "reply.celery.pidbox"
)

// request is a remote control command.
type request struct {
	method      string
	args        map[string]Value
	destination []string
	pattern     string
	matcher     string
	ticket      Value
	replyTo     string // routing key; empty when no reply is wanted
	clock       int64
	expires     float64
}

func parseRequest(raw []byte) (*request, error) {
	m, err := parseEnvelope(raw)
	if err != nil {
		return nil, err
	}
	body, bad := m.payload(limits{body: 4 << 20})
	if bad != nil {
		return nil, bad
	}
	fields, err := members(body)
	if err != nil {
		return nil, err
	}
	get := func(key string) Value { return find(fields, body, key) }
	r := &request{args: map[string]Value{}, ticket: get("ticket")}
	r.method, _ = asString(get("method"))
	r.pattern, _ = asString(get("pattern"))
	r.matcher, _ = asString(get("matcher"))
	if args := get("arguments"); !isNull(args) {
		list, err := members(args)
		if err != nil {
			return nil, err
		}
		for _, f := range list {
			r.args[f.key] = args[f.start:f.end]
		}
	}
	if to := get("reply_to"); !isNull(to) {
		list, err := members(to)
		if err != nil {
			return nil, err
		}
		r.replyTo, _ = asString(find(list, to, "routing_key"))
	}
	nodes, err := listOf(get("destination"))
	if err != nil {
		return nil, err
	}
	for _, n := range nodes {
		if name, ok := asString(n); ok {
			r.destination = append(r.destination, name)
		}
	}
	if n, ok := asInt(m.header("clock")); ok {
		r.clock = int64(n)
	}
	if err := m.header("expires").Decode(&r.expires); err != nil {
		r.expires = 0
	}
	return r, nil
}

// concerns reports whether the request is meant for this node (kombu/pidbox.py: handle_message).
func (r *request) concerns(node string) bool {
	switch {
	case len(r.destination) > 0:
		return slices.Contains(r.destination, node)
	case r.pattern != "" && r.matcher == "glob":
		ok, err := path.Match(strings.ReplaceAll(r.pattern, "[!", "[^"), node) // fnmatch's negation
		return err == nil && ok
	case r.pattern != "" && r.matcher == "pcre":
		re, err := regexp.Compile("^(?:" + r.pattern + ")")
		return err == nil && re.MatchString(node)
	case r.pattern != "" && r.matcher != "":
		return false
	}
	return true
}

// control listens to remote control until ctx ends.
func (w *Worker) control(ctx context.Context) {
	if w.cfg.NoRemoteControl {
		return
	}
	binding, member := w.c.keys.binding(pidbox), w.c.keys.sep+w.c.keys.sep+w.cfg.Hostname+"."+pidbox
	sub := w.c.rdb.Subscribe(context.WithoutCancel(ctx), w.c.keys.channel(pidbox))
	defer func() {
		_ = sub.Close() // nothing is lost with it
		leave, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.c.cfg.IOTimeout)
		defer cancel()
		if err := w.c.rdb.SRem(leave, binding, member).Err(); err != nil {
			w.log.DebugContext(ctx, "celery remote control binding left behind", "error", err)
		}
	}()
	var trouble backoff
	for bound := false; !bound && ctx.Err() == nil; {
		if bound = w.c.rdb.SAdd(ctx, binding, member).Err() == nil; !bound {
			trouble.wait(ctx)
		}
	}
	messages := sub.Channel(redis.WithChannelHealthCheckInterval(5 * time.Second))
	for {
		select {
		case <-ctx.Done():
			return
		case m, ok := <-messages:
			if !ok {
				return
			}
			w.answer(ctx, []byte(m.Payload))
		}
	}
}

func (w *Worker) answer(ctx context.Context, raw []byte) {
	r, err := parseRequest(raw)
	if err != nil {
		w.log.WarnContext(ctx, "celery remote control message not readable", "error", err)
		return
	}
	w.clock.adjust(r.clock)
	if !r.concerns(w.cfg.Hostname) || r.expires > 0 && float64(w.now().UnixMilli())/1000 > r.expires {
		return
	}
	w.log.DebugContext(ctx, "celery remote control", "method", r.method)
	reply, answers := w.command(ctx, r)
	if !answers || r.replyTo == "" {
		return
	}
	body, err := object{{w.cfg.Hostname, reply}}.append(nil)
	if err != nil {
		w.log.WarnContext(ctx, "celery remote control reply does not encode", "method", r.method, "error", err)
		return
	}
	if err := w.c.reply(ctx, r, body, w.clock.forward()); err != nil && !errors.Is(err, context.Canceled) {
		w.log.WarnContext(ctx, "celery remote control reply not sent", "method", r.method, "error", err)
	}
}

// reply pushes to the lists bound to the requester's key; when it has gone there is none, and nothing is left behind.
func (c *Client) reply(ctx context.Context, r *request, body []byte, clock int64) error {
	msg, err := broadcastEnvelope(body, object{{"ticket", r.ticket}, {"clock", clock}}, 1, replyPidbox, r.replyTo)
	if err != nil {
		return err
	}
	bindings, err := c.rdb.SMembers(ctx, c.keys.binding(replyPidbox)).Result()
	if err != nil {
		return err
	}
	for _, b := range bindings {
		if parts := strings.Split(b, c.keys.sep); len(parts) == 3 && parts[0] == r.replyTo {
			if err := c.rdb.LPush(ctx, c.keys.prefix+parts[2], msg).Err(); err != nil {
				return err
			}
		}
	}
	return nil
}

package celery

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// outgoing is a message about to be pushed.
type outgoing struct {
	queue      string
	priority   int
	id         string
	replyTo    string
	headers    object
	body       []byte
	expiration string // milliseconds, only for show: Redis ignores it
	compress   bool
	properties object // more properties, after Celery's own
}

// reserved are the header names Celery writes itself.
var reserved = map[string]bool{
	"lang": true, "task": true, "id": true, "shadow": true, "eta": true, "expires": true, "group": true,
	"group_index": true, "retries": true, "timelimit": true, "root_id": true, "parent_id": true, "argsrepr": true,
	"kwargsrepr": true, "origin": true, "ignore_result": true, "replaced_task_nesting": true,
	"stamped_headers": true, "stamps": true, "compression": true, "redelivered": true,
}

// producerOrigin is the origin header: who sent the task.
func producerOrigin() string {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return "gen" + strconv.Itoa(os.Getpid()) + "@" + host
}

// outgoing turns a task into protocol 2 (celery/app/amqp.py: as_task_v2).
func (t *Task) outgoing(now time.Time, origin, replyTo string) (outgoing, error) {
	if t.Name == "" {
		return outgoing{}, invalid("no name")
	}
	id := t.ID
	if id == "" {
		id = uuid.NewString()
	}
	args, err := appendList(nil, t.Args)
	if err != nil {
		return outgoing{}, invalid("args: %w", err)
	}
	kwargs, err := appendMap(nil, t.Kwargs)
	if err != nil {
		return outgoing{}, invalid("kwargs: %w", err)
	}
	body, err := object{
		{"callbacks", orNull(t.Link)}, {"errbacks", orNull(t.LinkError)}, {"chain", orNull(t.Chain)}, {"chord", chordOrNull(t.Chord)},
	}.append(append(append(append(append([]byte{'['}, args...), ", "...), kwargs...), ", "...))
	if err != nil {
		return outgoing{}, invalid("links: %w", err)
	}
	eta, expires := t.ETA, t.Expires
	if eta.IsZero() && t.Countdown > 0 {
		eta = now.Add(t.Countdown)
	}
	if expires.IsZero() && t.ExpiresIn > 0 {
		expires = now.Add(t.ExpiresIn)
	}
	out := outgoing{queue: t.Queue, priority: t.Priority, id: id, replyTo: replyTo, body: append(body, ']')}
	if out.queue == "" {
		out.queue = DefaultQueue
	}
	if t.replyTo != "" {
		out.replyTo = t.replyTo
	}
	switch t.Compression {
	case "":
	case "zlib", "gzip":
		out.compress = true
	default:
		return outgoing{}, invalid("compression %q", t.Compression)
	}
	if !expires.IsZero() {
		out.expiration = strconv.FormatInt(expires.Sub(now).Milliseconds(), 10)
	}
	root := t.RootID
	if root == "" {
		root = id
	}
	var index any
	if t.GroupIndex != nil {
		index = *t.GroupIndex
	}
	out.headers = append(make(object, 0, 20+len(t.Headers)), object{
		{"lang", "py"}, {"task", t.Name}, {"id", id}, {"shadow", stringOrNull(t.Shadow)}, {"eta", timeOrNull(eta)},
		{"expires", timeOrNull(expires)}, {"group", stringOrNull(t.GroupID)}, {"group_index", index}, {"retries", t.Retries},
		{"timelimit", []any{seconds(t.TimeLimit), seconds(t.SoftTimeLimit)}}, {"root_id", root},
		{"parent_id", stringOrNull(t.ParentID)}, {"argsrepr", pyRepr(args, true)}, {"kwargsrepr", pyRepr(kwargs, false)},
		{"origin", origin}, {"ignore_result", t.IgnoreResult}, {"replaced_task_nesting", t.nesting},
		{"stamped_headers", nil}, {"stamps", object{}},
	}...)
	for _, name := range sortedKeys(t.Headers) {
		if reserved[name] {
			return outgoing{}, invalid("header %q is Celery's own", name)
		}
		out.headers = append(out.headers, field{name, t.Headers[name]})
	}
	return out, nil
}

func orNull(list []Signature) any {
	if len(list) == 0 {
		return nil
	}
	return list
}

func chordOrNull(s *Signature) any {
	if s == nil {
		return nil
	}
	return *s
}

func stringOrNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func timeOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return isoTime(t)
}

// encode writes the envelope. Every push has a delivery tag of its own: it names the message while it is held.
func (o *outgoing) encode() ([]byte, error) {
	body, headers := o.body, o.headers
	if o.compress {
		var buf bytes.Buffer
		z := zlib.NewWriter(&buf)
		if _, err := z.Write(body); err != nil {
			return nil, fmt.Errorf("compress: %w", err)
		}
		if err := z.Close(); err != nil {
			return nil, fmt.Errorf("compress: %w", err)
		}
		body, headers = buf.Bytes(), append(headers, field{"compression", "application/x-gzip"})
	}
	b := make([]byte, 0, 1024+base64.StdEncoding.EncodedLen(len(body)))
	b = append(b, `{"body": "`...)
	b = base64.StdEncoding.AppendEncode(b, body)
	b = append(b, `", "content-encoding": "utf-8", "content-type": "application/json", "headers": `...)
	b, err := headers.append(b)
	if err != nil {
		return nil, invalid("headers: %w", err)
	}
	b = append(appendString(append(b, `, "properties": {"correlation_id": `...), o.id), `, "reply_to": `...)
	b = append(appendString(b, o.replyTo), `, "delivery_mode": 2`...)
	if o.expiration != "" {
		b = appendString(append(b, `, "expiration": `...), o.expiration)
	}
	b = appendString(append(b, `, "delivery_info": {"exchange": "", "routing_key": `...), o.queue)
	b = strconv.AppendInt(append(b, `}, "priority": `...), int64(o.priority), 10)
	b = append(b, `, "body_encoding": "base64", "delivery_tag": "`...)
	b = append(append(b, uuid.NewString()...), '"')
	for _, p := range o.properties {
		if b, err = appendJSON(append(appendString(append(b, ", "...), p.key), ": "...), p.value); err != nil {
			return nil, invalid("property %s: %w", p.key, err)
		}
	}
	return append(b, "}}"...), nil
}

package celery

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// Reasons a message is quarantined for.
const (
	ReasonEnvelope    = "envelope"     // not a message of Celery's
	ReasonContentType = "content-type" // pickle, yaml, msgpack, …: never executed
	ReasonCompression = "compression"  // unknown, or the bytes do not inflate
	ReasonTooLarge    = "too-large"    // inflates past the limit
	ReasonBody        = "body"         // the envelope is well, its body is not
	ReasonUnknownTask = "unknown-task" // nobody took it in many rounds
	ReasonQueue       = "queue"        // a queue that it, or what follows it, must go to is a Redis key of another type
)

// DecodeError says why a message cannot be run.
type DecodeError struct {
	Reason string // one of the Reason constants
	TaskID string // where the envelope gave it
	Task   string
	Err    error
}

func (e *DecodeError) Error() string { return "celery: " + e.Reason + ": " + e.Err.Error() }
func (e *DecodeError) Unwrap() error { return e.Err }

// message is a decoded envelope. Offsets point into raw, so that headers pass on unchanged.
type message struct {
	raw             []byte
	body            Value // the envelope's body member, still quoted
	contentType     string
	contentEncoding string
	headers         []member
	properties      []member
	delivery        []member // properties.delivery_info
	headersStart    int      // offset of the headers object in raw, 0 if there is none
	deliveryStart   int
}

func find(list []member, raw []byte, key string) Value {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].key == key {
			return Value(raw[list[i].start:list[i].end])
		}
	}
	return nil
}

func (m *message) header(key string) Value   { return find(m.headers, m.raw, key) }
func (m *message) property(key string) Value { return find(m.properties, m.raw, key) }

func shift(list []member, by int) []member {
	for i := range list {
		list[i].start += by
		list[i].end += by
	}
	return list
}

// parseEnvelope splits a message into its parts without looking into the body.
func parseEnvelope(raw []byte) (*message, error) {
	if !utf8.Valid(raw) {
		return nil, errors.New("not UTF-8")
	}
	top, err := members(raw)
	if err != nil {
		return nil, err
	}
	m := &message{raw: raw}
	for _, f := range top {
		v := raw[f.start:f.end]
		switch f.key {
		case "body":
			m.body = v
		case "content-type":
			m.contentType, _ = asString(v)
		case "content-encoding":
			m.contentEncoding, _ = asString(v)
		case "headers":
			if isNull(v) {
				continue
			}
			if m.headers, err = members(v); err != nil {
				return nil, fmt.Errorf("headers: %w", err)
			}
			m.headersStart = f.start
			shift(m.headers, f.start)
		case "properties":
			if m.properties, err = members(v); err != nil {
				return nil, fmt.Errorf("properties: %w", err)
			}
			shift(m.properties, f.start)
		}
	}
	if m.properties == nil {
		return nil, errors.New("no properties")
	}
	for _, p := range m.properties {
		if p.key == "delivery_info" {
			if m.delivery, err = members(raw[p.start:p.end]); err != nil {
				return nil, fmt.Errorf("delivery_info: %w", err)
			}
			m.deliveryStart = p.start
			shift(m.delivery, p.start)
		}
	}
	return m, nil
}

// payload is the body's JSON: content type checked, transfer encoding and compression undone.
func (m *message) payload(lim limits) ([]byte, *DecodeError) {
	fail := func(reason, format string, args ...any) ([]byte, *DecodeError) {
		return nil, &DecodeError{Reason: reason, Err: fmt.Errorf(format, args...)}
	}
	if m.contentType != "application/json" {
		return fail(ReasonContentType, "content type %.60q is refused", m.contentType)
	}
	if len(m.body) < 2 || m.body[0] != '"' {
		return fail(ReasonBody, "body is not a string")
	}
	body := []byte(m.body[1 : len(m.body)-1])
	if bytes.IndexByte(body, '\\') >= 0 {
		body = []byte(unquote(m.body))
	}
	encoding, _ := asString(m.property("body_encoding"))
	switch encoding {
	case "base64":
		raw := make([]byte, base64.StdEncoding.DecodedLen(len(body)))
		n, err := base64.StdEncoding.Decode(raw, body)
		if err != nil {
			return fail(ReasonBody, "base64: %w", err)
		}
		body = raw[:n]
	case "", "utf-8":
	default:
		return fail(ReasonBody, "body_encoding %.40q", encoding)
	}
	if kind := m.header("compression"); !isNull(kind) {
		name, _ := asString(kind)
		inflated, err := inflate(name, body, lim.body)
		switch {
		case errors.Is(err, errTooLarge):
			return fail(ReasonTooLarge, "%w", err)
		case err != nil:
			return fail(ReasonCompression, "%.60q: %w", name, err)
		}
		body = inflated
	}
	if int64(len(body)) > lim.body {
		return fail(ReasonTooLarge, "%d bytes", len(body))
	}
	if !utf8.Valid(body) {
		return fail(ReasonBody, "not UTF-8")
	}
	return body, nil
}

// decodeDelivery reads a message of protocol 1 or 2, or the hybrid Celery accepts
// (celery/worker/strategy.py, celery/worker/consumer/consumer.py).
func decodeDelivery(raw []byte, lim limits) (*Delivery, *DecodeError) {
	m, err := parseEnvelope(raw)
	if err != nil {
		return nil, &DecodeError{Reason: ReasonEnvelope, Err: err}
	}
	d := &Delivery{msg: m}
	d.ID, _ = asString(m.header("id"))
	d.Name, _ = asString(m.header("task"))
	body, bad := m.payload(lim)
	if bad == nil {
		bad = d.decodeBody(body)
	}
	if bad != nil {
		bad.TaskID, bad.Task = d.ID, d.Name
		return nil, bad
	}
	d.readProperties()
	return d, nil
}

func (d *Delivery) decodeBody(body []byte) *DecodeError {
	fail := func(format string, args ...any) *DecodeError {
		return &DecodeError{Reason: ReasonBody, Err: fmt.Errorf(format, args...)}
	}
	trimmed := bytes.TrimLeft(body, " \n\t\r")
	switch {
	case len(trimmed) == 0:
		return fail("empty")
	case trimmed[0] == '[':
		if d.Name == "" {
			return &DecodeError{Reason: ReasonEnvelope, Err: errors.New("no task name")}
		}
		d.Protocol = 2
		parts, err := elements(body)
		if err != nil {
			return fail("%w", err)
		}
		if len(parts) != 3 {
			return fail("%d parts, not 3", len(parts))
		}
		part := func(i int) Value { return Value(body[parts[i][0]:parts[i][1]]) }
		if err := d.setArgs(part(0), part(1)); err != nil {
			return fail("%w", err)
		}
		if embed := part(2); !isNull(embed) {
			fields, err := members(embed)
			if err != nil {
				return fail("embed: %w", err)
			}
			d.embed.callbacks = orNothing(find(fields, embed, "callbacks"))
			d.embed.errbacks = orNothing(find(fields, embed, "errbacks"))
			d.embed.chain = orNothing(find(fields, embed, "chain"))
			d.embed.chord = orNothing(find(fields, embed, "chord"))
		}
		return d.readHeaders(d.msg.header)
	case trimmed[0] == '{':
		fields, err := members(body)
		if err != nil {
			return fail("%w", err)
		}
		get := func(key string) Value { return find(fields, body, key) }
		d.Protocol = 1
		if d.Name == "" {
			d.Name, _ = asString(get("task"))
			d.ID, _ = asString(get("id"))
		}
		if d.Name == "" {
			return &DecodeError{Reason: ReasonEnvelope, Err: errors.New("no task name")}
		}
		if err := d.setArgs(get("args"), get("kwargs")); err != nil {
			return fail("%w", err)
		}
		d.embed.callbacks, d.embed.errbacks = orNothing(get("callbacks")), orNothing(get("errbacks"))
		d.embed.chord = orNothing(get("chord"))
		if bad := d.readHeaders(get); bad != nil {
			return bad
		}
		if taskset, ok := asString(get("taskset")); ok {
			d.GroupID = taskset
		}
		return nil
	default:
		return fail("neither a list nor an object")
	}
}

func orNothing(v Value) Value {
	if isNull(v) {
		return nil
	}
	return v
}

// setArgs splits args and kwargs. Protocol 1 may leave either out; null is refused, as Python refuses it.
func (d *Delivery) setArgs(args, kwargs Value) error {
	if args != nil {
		parts, err := elements(args)
		if err != nil {
			return fmt.Errorf("args: %w", err)
		}
		d.Args = make([]Value, len(parts))
		for i, p := range parts {
			d.Args[i] = args[p[0]:p[1]:p[1]]
		}
	}
	if kwargs != nil {
		fields, err := members(kwargs)
		if err != nil {
			return fmt.Errorf("kwargs: %w", err)
		}
		if len(fields) > 0 {
			d.Kwargs = make(map[string]Value, len(fields))
		}
		for _, f := range fields {
			d.Kwargs[f.key] = kwargs[f.start:f.end:f.end]
		}
	}
	d.argsRaw, d.kwargsRaw = args, kwargs
	return nil
}

// readHeaders reads what protocol 2 has in headers and protocol 1 in its body.
func (d *Delivery) readHeaders(get func(string) Value) *DecodeError {
	if d.ID == "" {
		return &DecodeError{Reason: ReasonEnvelope, Err: errors.New("no task id")}
	}
	for _, at := range [...]struct {
		key string
		dst *time.Time
	}{{"eta", &d.ETA}, {"expires", &d.Expires}} {
		key, dst := at.key, at.dst
		v := get(key)
		if isNull(v) {
			continue
		}
		text, ok := asString(v)
		if !ok {
			return &DecodeError{Reason: ReasonBody, Err: fmt.Errorf("%s is not a time", key)}
		}
		t, err := parseTime(text)
		if err != nil {
			return &DecodeError{Reason: ReasonBody, Err: fmt.Errorf("%s: %w", key, err)}
		}
		*dst = t
	}
	d.RootID, _ = asString(get("root_id"))
	d.ParentID, _ = asString(get("parent_id"))
	d.GroupID, _ = asString(get("group"))
	d.Shadow, _ = asString(get("shadow"))
	d.Retries, _ = asInt(get("retries"))
	if n, ok := asInt(get("group_index")); ok {
		d.GroupIndex = &n
	}
	if v := get("ignore_result"); len(v) > 0 {
		d.IgnoreResult, d.ignoreSet = string(v) == "true", string(v) == "true" || string(v) == "false"
	}
	if v := get("timelimit"); !isNull(v) {
		if parts, err := elements(v); err == nil && len(parts) == 2 {
			d.TimeLimit = asSeconds(v[parts[0][0]:parts[0][1]])
			d.SoftTimeLimit = asSeconds(v[parts[1][0]:parts[1][1]])
		}
	}
	if d.RootID == "" {
		d.RootID = d.ID
	}
	return nil
}

func (d *Delivery) readProperties() {
	m := d.msg
	d.Priority, _ = asInt(m.property("priority"))
	d.CorrelationID, _ = asString(m.property("correlation_id"))
	d.ReplyTo, _ = asString(m.property("reply_to"))
	d.Redelivered = string(m.header("redelivered")) == "true" || string(find(m.delivery, m.raw, "redelivered")) == "true"
	for _, h := range m.headers {
		if !reserved[h.key] {
			if d.Headers == nil {
				d.Headers = map[string]Value{}
			}
			d.Headers[h.key] = Value(m.raw[h.start:h.end])
		}
	}
}

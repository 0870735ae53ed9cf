package celery

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"time"
)

// Delivery is a task as a worker received it.
type Delivery struct {
	ID       string
	Name     string
	Protocol int // 1 or 2
	Args     []Value
	Kwargs   map[string]Value // nil when there are none

	Queue       string // where it was taken from
	Priority    int
	Retries     int  // how many times it was retried before
	Redelivered bool // an earlier holder took it and did not finish: it may have run already

	ETA, Expires             time.Time     // zero: none
	TimeLimit, SoftTimeLimit time.Duration // zero: none in the message
	IgnoreResult             bool

	RootID, ParentID, GroupID string
	GroupIndex                *int
	Shadow                    string
	CorrelationID, ReplyTo    string
	Headers                   map[string]Value // custom headers; nil when there are none

	msg                *message
	argsRaw, kwargsRaw Value
	ignoreSet          bool // the message itself said whether to keep the result
	embed              struct{ callbacks, errbacks, chain, chord Value }
}

// Bind decodes the positional arguments into pointers, one for each. A task sent with another number of them
// gets Python's TypeError, which fails it for good.
func (d *Delivery) Bind(dst ...any) error {
	if len(d.Args) != len(dst) {
		return &Error{Type: "TypeError", Module: "builtins", Message: fmt.Sprintf("%s takes %d arguments, %d were given", d.Name, len(dst), len(d.Args))}
	}
	for i, p := range dst {
		if err := d.Args[i].Decode(p); err != nil {
			return &Error{Type: "TypeError", Module: "builtins", Message: fmt.Sprintf("%s: argument %d: %v", d.Name, i, err)}
		}
	}
	return nil
}

// BindKwargs decodes the keyword arguments into a struct or map, by encoding/json's rules.
func (d *Delivery) BindKwargs(dst any) error {
	raw := d.kwargsRaw
	if raw == nil {
		raw = Value("{}")
	}
	if err := raw.Decode(dst); err != nil {
		return &Error{Type: "TypeError", Module: "builtins", Message: fmt.Sprintf("%s: keyword arguments: %v", d.Name, err)}
	}
	return nil
}

// stamps are what a task is stamped with, as keys that stampKeys makes.
func (d *Delivery) stamps() []string {
	names, err := listOf(d.msg.header("stamped_headers"))
	if err != nil || len(names) == 0 {
		return nil
	}
	all := d.msg.header("stamps")
	fields, err := members(all)
	if err != nil {
		return nil
	}
	var keys []string
	for _, n := range names {
		name, _ := asString(n)
		keys = append(keys, stampKeys(name, find(fields, all, name))...)
	}
	return keys
}

// stampKeys names a stamp, one key for each value it has.
func stampKeys(header string, value Value) []string {
	list, err := listOf(value)
	if err != nil {
		return nil
	}
	var keys []string
	for _, v := range list {
		text, ok := asString(v)
		if !ok {
			text = string(v)
		}
		keys = append(keys, header+"="+text)
	}
	return keys
}

// asSeconds reads a number of seconds.
func asSeconds(v Value) time.Duration {
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil || !(f > 0) || f > math.MaxInt64/float64(time.Second)/2 {
		return 0
	}
	return time.Duration(f * float64(time.Second))
}

func sortedKeys[V any](m map[string]V) []string {
	if len(m) == 0 {
		return nil
	}
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// markRedelivered returns the message with both of kombu's flags set, every other byte as it was.
func (m *message) markRedelivered() []byte {
	type edit struct {
		at, end int
		text    string
	}
	var edits []edit
	set := func(list []member, objectStart int) {
		if objectStart == 0 {
			return
		}
		for _, f := range list {
			if f.key == "redelivered" {
				edits = append(edits, edit{f.start, f.end, "true"})
				return
			}
		}
		if len(list) == 0 {
			edits = append(edits, edit{objectStart + 1, objectStart + 1, `"redelivered": true`})
			return
		}
		last := list[len(list)-1].end
		edits = append(edits, edit{last, last, `, "redelivered": true`})
	}
	set(m.headers, m.headersStart)
	set(m.delivery, m.deliveryStart)
	slices.SortFunc(edits, func(a, b edit) int { return a.at - b.at })
	out := make([]byte, 0, len(m.raw)+48)
	from := 0
	for _, e := range edits {
		out = append(append(out, m.raw[from:e.at]...), e.text...)
		from = e.end
	}
	return append(out, m.raw[from:]...)
}

// withHeader returns the message with a header set to a JSON text, every other byte as it was.
func (m *message) withHeader(name, value string) []byte {
	at, end, text := 0, 0, ""
	for _, h := range m.headers {
		if h.key == name {
			at, end, text = h.start, h.end, value
		}
	}
	switch {
	case text != "":
	case m.headersStart == 0:
		return m.raw
	case len(m.headers) == 0:
		at = m.headersStart + 1
		end, text = at, string(appendString(nil, name))+": "+value
	default:
		at = m.headers[len(m.headers)-1].end
		end, text = at, ", "+string(appendString(nil, name))+": "+value
	}
	out := make([]byte, 0, len(m.raw)+len(text))
	return append(append(append(out, m.raw[:at]...), text...), m.raw[end:]...)
}

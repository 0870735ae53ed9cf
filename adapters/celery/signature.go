package celery

import (
	"fmt"

	"github.com/google/uuid"
)

// wireSignature is a signature as it travels: what is not understood is passed on.
type wireSignature struct {
	task      string
	args      []Value
	kwargs    Value
	options   map[string]Value
	subtask   string
	immutable bool
	extra     map[string]Value
}

func parseSignature(v Value) (*wireSignature, error) {
	fields, err := members(v)
	if err != nil {
		return nil, fmt.Errorf("signature: %w", err)
	}
	s := &wireSignature{kwargs: Value("{}"), options: map[string]Value{}, extra: map[string]Value{}}
	for _, f := range fields {
		part := v[f.start:f.end:f.end]
		switch f.key {
		case "task":
			s.task, _ = asString(part)
		case "args":
			if s.args, err = splitArray(part); err != nil {
				return nil, fmt.Errorf("signature: args: %w", err)
			}
		case "kwargs":
			if !isNull(part) {
				s.kwargs = part
			}
		case "options":
			if isNull(part) {
				continue
			}
			opts, err := members(part)
			if err != nil {
				return nil, fmt.Errorf("signature: options: %w", err)
			}
			for _, o := range opts {
				s.options[o.key] = part[o.start:o.end:o.end]
			}
		case "subtask_type":
			s.subtask, _ = asString(part)
		case "immutable":
			s.immutable = string(part) == "true"
		default:
			s.extra[f.key] = part
		}
	}
	if s.task == "" {
		return nil, fmt.Errorf("signature: no task")
	}
	if _, err := members(s.kwargs); err != nil {
		return nil, fmt.Errorf("signature: kwargs: %w", err)
	}
	return s, nil
}

func parseSignatures(v Value) ([]*wireSignature, error) {
	if isNull(v) {
		return nil, nil
	}
	list := []Value{v}
	if v[0] == '[' {
		var err error
		if list, err = splitArray(v); err != nil {
			return nil, err
		}
	}
	out := make([]*wireSignature, len(list))
	for i, one := range list {
		var err error
		if out[i], err = parseSignature(one); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func splitArray(v Value) ([]Value, error) {
	if isNull(v) {
		return nil, nil
	}
	parts, err := elements(v)
	if err != nil {
		return nil, err
	}
	out := make([]Value, len(parts))
	for i, p := range parts {
		out[i] = v[p[0]:p[1]:p[1]]
	}
	return out, nil
}

// value writes the signature. Its parts came off the wire or out of appendJSON, so they encode.
func (s *wireSignature) value() Value {
	var kind any
	if s.subtask != "" {
		kind = s.subtask
	}
	o := object{{"task", s.task}, {"args", arrayOf(s.args)}, {"kwargs", s.kwargs}, {"options", objectOf(s.options)}, {"subtask_type", kind}, {"immutable", s.immutable}}
	for _, key := range sortedKeys(s.extra) {
		o = append(o, field{key, s.extra[key]})
	}
	out, err := o.append(nil)
	if err != nil {
		return nil
	}
	return out
}

// id is the id of the task whose result is the signature's: itself, the last of a chain, the body of a chord; of a
// group, the group. One is chosen if need be, and written where it belongs. An id given before is kept, as Celery's
// freeze keeps it.
func (s *wireSignature) id() string {
	given := s.text("task_id")
	switch s.subtask {
	case "chain":
		list, err := steps(s)
		if err != nil || len(list) == 0 {
			break
		}
		last := list[len(list)-1]
		if given != "" && isNull(last.options["task_id"]) && last.subtask == "" {
			last.set("task_id", given)
		}
		id := last.id()
		parts := make([]Value, len(list))
		for i, one := range list {
			parts[i] = one.value()
		}
		s.setKwarg("tasks", arrayOf(parts))
		return id
	case "chord":
		body, err := parseSignature(kwarg(s, "body"))
		if err != nil {
			break
		}
		id := body.id()
		s.setKwarg("body", body.value())
		return id
	}
	if s.subtask == "group" {
		if list, err := parseSignatures(kwarg(s, "tasks")); err == nil {
			parts := make([]Value, len(list))
			for i, one := range list {
				one.id()
				parts[i] = one.value()
			}
			s.setKwarg("tasks", arrayOf(parts))
		}
	}
	if given != "" {
		return given
	}
	given = uuid.NewString()
	s.set("task_id", given)
	return given
}

func (s *wireSignature) setKwarg(name string, v Value) {
	fields, err := members(s.kwargs)
	if err != nil {
		return
	}
	m := map[string]Value{name: v}
	for _, f := range fields {
		if f.key != name {
			m[f.key] = s.kwargs[f.start:f.end]
		}
	}
	s.kwargs = objectOf(m)
}

func (s *wireSignature) text(option string) string {
	out, _ := asString(s.options[option])
	return out
}

func (s *wireSignature) set(option, text string) { s.options[option] = appendString(nil, text) }

// add appends signatures to a list option.
func (s *wireSignature) add(option string, more Value) {
	if isNull(more) {
		return
	}
	list, err := listOf(s.options[option])
	if err != nil {
		return
	}
	extra, err := listOf(more)
	if err != nil {
		return
	}
	s.options[option] = arrayOf(append(list, extra...))
}

// listOf reads an option that is null, one thing or a list of them.
func listOf(v Value) ([]Value, error) {
	switch {
	case isNull(v):
		return nil, nil
	case v[0] == '[':
		return splitArray(v)
	default:
		return []Value{v}, nil
	}
}

func arrayOf(list []Value) Value {
	out := Value{'['}
	for i, v := range list {
		if i > 0 {
			out = append(out, ", "...)
		}
		out = append(out, v...)
	}
	return append(out, ']')
}

func objectOf(m map[string]Value) Value {
	out := Value{'{'}
	for i, key := range sortedKeys(m) {
		if i > 0 {
			out = append(out, ", "...)
		}
		out = append(append(appendString(out, key), ": "...), m[key]...)
	}
	return append(out, '}')
}

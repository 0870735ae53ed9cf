package celery

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// plan collects what starting signatures will write: sizes of chords, then messages. Nothing is written yet, so a
// worker can write it together with a task's result, and a workflow that cannot be started writes nothing.
type plan struct {
	c       *Client
	now     time.Time
	origin  string
	replyTo string
	route   func(task string) string

	sizes  []storedDoc
	pushes []push
}

// storedDoc is a document for the result backend.
type storedDoc struct {
	key string
	doc []byte
}

// maxFanOut bounds what one signature may start.
const maxFanOut = 50_000

// place is where in a workflow a signature starts.
type place struct {
	result       Value // of the parent; nil for none
	parent, root string
	chain        []Value // what follows it, the next one last
}

// started is what a signature became: its own id, and its entry in the parent's list of children.
type started struct {
	id      string
	child   Value
	members []string // of a group or a chord's header
}

func childEntry(id string) Value { return Value("[[" + quoted(id) + ", null], null]") }

// start plans a signature of any kind (celery/canvas.py).
func (p *plan) start(s *wireSignature, at place) (started, error) {
	if len(p.pushes) > maxFanOut {
		return started{}, invalid("a workflow of more than %d messages", maxFanOut)
	}
	switch s.subtask {
	case "chain":
		return p.startChain(s, at)
	case "group":
		return p.startGroup(s, at)
	case "chord":
		return p.startChord(s, at)
	case "", "xmap", "xstarmap", "map", "starmap", "chunks":
		return p.startTask(s, at) // the latter ones are tasks of every Python worker
	default:
		return started{}, &Error{Type: "NotImplementedError", Module: "builtins", Message: "subtask type " + s.subtask}
	}
}

func (p *plan) startTask(s *wireSignature, at place) (started, error) {
	id := s.id()
	args := s.args
	if at.result != nil && !s.immutable {
		args = append([]Value{at.result}, args...)
	}
	argsText := arrayOf(args)
	out := outgoing{id: id, replyTo: p.replyTo, queue: p.queueOf(s)}
	if reply := s.text("reply_to"); reply != "" {
		out.replyTo = reply
	}
	if n, ok := asInt(s.options["priority"]); ok {
		out.priority = n
	}
	chain := at.chain
	if own, err := listOf(s.options["chain"]); err == nil && len(own) > 0 {
		chain = append(slices.Clone(chain), own...)
	}
	links := func(option string) any {
		if list, err := listOf(s.options[option]); err == nil && len(list) > 0 {
			return arrayOf(list)
		}
		return nil
	}
	var rest any
	if len(chain) > 0 {
		rest = arrayOf(chain)
	}
	body, err := object{{"callbacks", links("link")}, {"errbacks", links("link_error")}, {"chain", rest}, {"chord", s.options["chord"]}}.
		append(append(append(append(append([]byte{'['}, argsText...), ", "...), s.kwargs...), ", "...))
	if err != nil {
		return started{}, invalid("signature %s: %w", s.task, err)
	}
	out.body = append(body, ']')
	eta, expires, err := p.times(s)
	if err != nil {
		return started{}, err
	}
	root, parent := at.root, at.parent
	if root == "" {
		root = id
	}
	retries, _ := asInt(s.options["retries"])
	out.headers = object{
		{"lang", "py"}, {"task", s.task}, {"id", id}, {"shadow", s.options["shadow"]}, {"eta", eta}, {"expires", expires},
		{"group", s.options["group_id"]}, {"group_index", s.options["group_index"]}, {"retries", retries},
		{"timelimit", []any{s.options["time_limit"], s.options["soft_time_limit"]}}, {"root_id", root}, {"parent_id", stringOrNull(parent)},
		{"argsrepr", pyRepr(argsText, at.parent == "" || !s.immutable)}, {"kwargsrepr", pyRepr(s.kwargs, false)}, {"origin", p.origin},
		{"ignore_result", string(s.options["ignore_result"]) == "true"}, {"replaced_task_nesting", 0},
	}
	out.headers = append(out.headers, stampsOf(s)...)
	if custom := s.options["headers"]; !isNull(custom) {
		fields, err := members(custom)
		if err != nil {
			return started{}, invalid("signature %s: headers: %w", s.task, err)
		}
		for _, f := range fields {
			if !reserved[f.key] {
				out.headers = append(out.headers, field{f.key, custom[f.start:f.end]})
			}
		}
	}
	one, err := p.c.seal(&out)
	if err != nil {
		return started{}, fmt.Errorf("signature %s: %w", s.task, err)
	}
	p.pushes = append(p.pushes, one)
	return started{id: id, child: childEntry(id)}, nil
}

func stampsOf(s *wireSignature) object {
	names, err := listOf(s.options["stamped_headers"])
	if err != nil || len(names) == 0 {
		return object{{"stamped_headers", nil}, {"stamps", object{}}}
	}
	stamps := map[string]Value{}
	for _, n := range names {
		if name, ok := asString(n); ok && len(s.options[name]) > 0 {
			stamps[name] = s.options[name]
		}
	}
	return object{{"stamped_headers", arrayOf(names)}, {"stamps", objectOf(stamps)}}
}

// queueOf is the queue a signature asks for, else what the routes say.
func (p *plan) queueOf(s *wireSignature) string {
	if q := s.text("queue"); q != "" {
		return q
	}
	if p.route != nil {
		if q := p.route(s.task); q != "" {
			return q
		}
	}
	return DefaultQueue
}

// times reads countdown, eta and expires.
func (p *plan) times(s *wireSignature) (eta, expires any, err error) {
	read := func(option string) (any, error) {
		v := s.options[option]
		if isNull(v) {
			return nil, nil
		}
		if text, ok := asString(v); ok {
			if _, err := parseTime(text); err != nil {
				return nil, invalid("signature %s: %s: %w", s.task, option, err)
			}
			return v, nil
		}
		sec, err := strconv.ParseFloat(string(v), 64)
		if err != nil || sec != sec || sec > 1e9 || sec < -1e9 {
			return nil, invalid("signature %s: %s is no number of seconds", s.task, option)
		}
		return isoTime(p.now.Add(time.Duration(sec * float64(time.Second)))), nil
	}
	if eta, err = read("eta"); err != nil {
		return nil, nil, err
	}
	if eta == nil {
		if eta, err = read("countdown"); err != nil {
			return nil, nil, err
		}
	}
	expires, err = read("expires")
	return eta, expires, err
}

// steps are the parts of a chain; a group that something follows is the header of a chord with it.
func steps(s *wireSignature) ([]*wireSignature, error) {
	list, err := parseSignatures(kwarg(s, "tasks"))
	if err != nil {
		return nil, err
	}
	var out []*wireSignature
	for _, one := range list {
		if n := len(out); n > 0 && out[n-1].subtask == "group" {
			out[n-1] = chordOf(out[n-1], one)
			continue
		}
		out = append(out, one)
	}
	return out, nil
}

func chordOf(header, body *wireSignature) *wireSignature {
	return &wireSignature{task: "celery.chord", subtask: "chord", options: map[string]Value{}, immutable: header.immutable,
		kwargs: Value(`{"kwargs": {}, "header": ` + string(header.value()) + `, "body": ` + string(body.value()) + `}`)}
}

func kwarg(s *wireSignature, name string) Value {
	fields, err := members(s.kwargs)
	if err != nil {
		return nil
	}
	return find(fields, s.kwargs, name)
}

// startChain starts the first step and gives it the others to carry.
func (p *plan) startChain(s *wireSignature, at place) (started, error) {
	s.id()
	list, err := steps(s)
	if err != nil {
		return started{}, invalid("chain: %w", err)
	}
	if len(list) == 0 {
		return started{}, invalid("an empty chain")
	}
	last := list[len(list)-1]
	for _, option := range []string{"group_id", "group_index", "chord"} {
		if v := s.options[option]; !isNull(v) && (option != "group_id" || isNull(last.options[option])) {
			last.options[option] = v
		}
	}
	last.add("link", s.options["link"])
	if last.subtask == "group" && !isNull(last.options["chord"]) {
		if err := last.joinMembers(); err != nil {
			return started{}, invalid("chain: %w", err)
		}
	}
	for _, one := range list {
		one.add("link_error", s.options["link_error"])
		one.id()
	}
	if s.immutable {
		list[0].immutable = true
	}
	first := place{result: at.result, parent: at.parent, root: at.root, chain: slices.Clone(at.chain)}
	if own, err := listOf(s.options["chain"]); err == nil {
		first.chain = append(first.chain, own...)
	}
	for i := len(list) - 1; i > 0; i-- {
		first.chain = append(first.chain, list[i].value())
	}
	if _, err := p.start(list[0], first); err != nil {
		return started{}, err
	}
	return started{id: last.id(), child: childEntry(list[0].id())}, nil
}

// startGroup starts all members.
func (p *plan) startGroup(s *wireSignature, at place) (started, error) {
	list, err := groupMembers(s)
	if err != nil {
		return started{}, invalid("group: %w", err)
	}
	gid := s.id()
	var out []string
	for i, one := range list {
		one.add("link", s.options["link"])
		one.add("link_error", s.options["link_error"])
		if s.immutable {
			one.immutable = true
		}
		if chord := s.options["chord"]; isNull(chord) {
			one.set("group_id", gid)
			one.options["group_index"] = Value(strconv.Itoa(i))
		} else {
			one.join(s)
		}
		st, err := p.start(one, at)
		if err != nil {
			return started{}, err
		}
		out = append(out, st.id)
	}
	return started{id: gid, child: groupEntry(gid, out), members: out}, nil
}

// join makes a member of a group that ends a chain in a chord's header a member of that header, where it is not one yet.
func (s *wireSignature) join(group *wireSignature) {
	for _, option := range []string{"chord", "group_id", "group_index"} {
		if isNull(s.options[option]) && !isNull(group.options[option]) {
			s.options[option] = group.options[option]
		}
	}
}

// joinMembers writes that into the group itself: a Python worker that starts it reads it there.
func (s *wireSignature) joinMembers() error {
	list, err := groupMembers(s)
	if err != nil {
		return err
	}
	parts := make([]Value, len(list))
	for i, one := range list {
		one.join(s)
		parts[i] = one.value()
	}
	s.setKwarg("tasks", arrayOf(parts))
	return nil
}

func groupEntry(gid string, members []string) Value {
	list := make([]Value, len(members))
	for i, id := range members {
		list[i] = childEntry(id)
	}
	return Value("[[" + quoted(gid) + ", null], " + string(arrayOf(list)) + "]")
}

// groupMembers are the members of a group, those of nested groups among them.
func groupMembers(s *wireSignature) ([]*wireSignature, error) {
	list, err := parseSignatures(kwarg(s, "tasks"))
	if err != nil {
		return nil, err
	}
	return flatten(list, maxNesting)
}

func flatten(list []*wireSignature, depth int) ([]*wireSignature, error) {
	var out []*wireSignature
	for _, one := range list {
		if one.subtask != "group" {
			out = append(out, one)
			continue
		}
		if depth == 0 {
			return nil, invalid("groups nested too deep")
		}
		inner, err := parseSignatures(kwarg(one, "tasks"))
		if err != nil {
			return nil, err
		}
		if inner, err = flatten(inner, depth-1); err != nil {
			return nil, err
		}
		out = append(out, inner...)
	}
	return out, nil
}

// startChord starts the header, whose members carry the body.
func (p *plan) startChord(s *wireSignature, at place) (started, error) {
	header := kwarg(s, "header")
	list, err := parseSignatures(header)
	if err != nil {
		return started{}, invalid("chord: header: %w", err)
	}
	gid := ""
	if len(list) == 1 && list[0].subtask == "group" && header[0] == '{' {
		gid = list[0].text("task_id")
		if list[0].immutable {
			s.immutable = true
		}
	}
	if list, err = flatten(list, maxNesting); err != nil {
		return started{}, err
	}
	if gid == "" {
		gid = uuid.NewString()
	}
	body, err := parseSignature(kwarg(s, "body"))
	if err != nil {
		return started{}, invalid("chord: body: %w", err)
	}
	body.add("link", s.options["link"])
	body.add("link_error", s.options["link_error"])
	body.add("chain", arrayOf(at.chain))
	for _, option := range []string{"chord", "group_id", "group_index"} { // the chord is itself a member of something
		if v := s.options[option]; !isNull(v) {
			body.options[option] = v
		}
	}
	if isNull(body.options["group_id"]) {
		body.set("group_id", gid)
	}
	bodyID := body.id()
	if len(list) == 0 {
		return p.start(body, place{result: Value("[]"), parent: at.parent, root: at.root})
	}
	if at.parent != "" {
		body.set("parent_id", at.parent)
		body.set("root_id", at.root)
	}
	size, nested := 0, false
	entries := make([]Value, len(list))
	for i, one := range list {
		n, entry, err := headerMember(one, maxNesting)
		if err != nil {
			return started{}, invalid("chord: header: %w", err)
		}
		size, entries[i], nested = size+n, entry, nested || endsInGroup(entry)
	}
	if size == 0 {
		return started{}, invalid("chord: an empty group in the header")
	}
	p.sizes = append(p.sizes, storedDoc{p.c.keys.group(gid) + ".s", []byte(strconv.Itoa(size))})
	if nested { // whoever completes the header reads from this how its results are nested
		doc := object{{"result", Value("[[" + quoted(gid) + ", null], " + string(arrayOf(entries)) + "]")}}
		text, err := doc.append(nil)
		if err != nil {
			return started{}, err
		}
		p.sizes = append(p.sizes, storedDoc{p.c.keys.group(gid), text})
	}
	carried := body.value()
	var ids []string
	for i, one := range list {
		if s.immutable {
			one.immutable = true
		}
		one.set("group_id", gid)
		one.options["group_index"] = Value(strconv.Itoa(i))
		one.options["chord"] = carried
		st, err := p.start(one, place{result: at.result, parent: at.parent, root: at.root})
		if err != nil {
			return started{}, err
		}
		ids = append(ids, st.id)
	}
	return started{id: bodyID, child: childEntry(bodyID), members: ids}, nil
}

// maxNesting bounds how deep groups and chains may lie in each other.
const maxNesting = 8

// headerMember is how many reports a member of a chord's header makes, and its entry in the list of results: a chain
// makes those of its last step, a chord those of its body, a group those of its members (celery/canvas.py: _chord._descend).
func headerMember(s *wireSignature, depth int) (int, Value, error) {
	if depth == 0 {
		return 0, nil, fmt.Errorf("nested too deep")
	}
	switch s.subtask {
	case "chain":
		list, err := steps(s)
		if err != nil || len(list) == 0 {
			return 0, nil, fmt.Errorf("an unreadable chain: %w", err)
		}
		s.id()
		if list, err = steps(s); err != nil { // now with their ids
			return 0, nil, err
		}
		return headerMember(list[len(list)-1], depth-1)
	case "chord":
		s.id()
		body, err := parseSignature(kwarg(s, "body"))
		if err != nil {
			return 0, nil, err
		}
		return headerMember(body, depth-1)
	case "group":
		gid := s.id()
		list, err := groupMembers(s)
		if err != nil {
			return 0, nil, err
		}
		size, ids := 0, make([]string, len(list))
		for i, one := range list {
			n, _, err := headerMember(one, depth-1)
			if err != nil {
				return 0, nil, err
			}
			size, ids[i] = size+n, one.id()
		}
		return size, groupEntry(gid, ids), nil
	}
	return 1, childEntry(s.id()), nil
}

// endsInGroup reports whether a result's entry has children.
func endsInGroup(entry Value) bool {
	pair, err := splitArray(entry)
	return err == nil && len(pair) == 2 && !isNull(pair[1])
}

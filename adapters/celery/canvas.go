package celery

import (
	"context"
	"fmt"
)

// Chain is one task after the other, each given the result of the one before as its first argument. A group that
// something follows becomes a chord with it.
func Chain(steps ...Signature) Signature {
	return Signature{Task: "celery.chain", SubtaskType: "chain", Kwargs: map[string]any{"tasks": steps}}
}

// Group is tasks side by side.
func Group(members ...Signature) Signature {
	return Signature{Task: "celery.group", SubtaskType: "group", Kwargs: map[string]any{"tasks": members}}
}

// Chord runs the body with the list of the header's results once all are there.
func Chord(body Signature, header ...Signature) Signature {
	return Signature{Task: "celery.chord", SubtaskType: "chord", Kwargs: map[string]any{"kwargs": map[string]any{}, "header": Group(header...), "body": body}}
}

// Sig is a task with its arguments, to hang on others or to compose.
func Sig(task string, args ...any) Signature { return Signature{Task: task, Args: args} }

// With returns the signature with one more option, as apply_async's: "queue", "countdown", "priority", "link_error", …
func (s Signature) With(option string, value any) Signature {
	options := make(map[string]any, len(s.Options)+1)
	for k, v := range s.Options {
		options[k] = v
	}
	options[option] = value
	s.Options = options
	return s
}

// Started is a workflow on its way.
type Started struct {
	ID      string   // of the task whose result is the workflow's: the last of a chain, the body of a chord; of a group, the group
	Members []string // of a group, or a chord's header
}

// Start sends a workflow: a chain, a group, a chord, nested as in Celery. A nil error means that Redis has it. When
// the connection fails on the way some of its tasks may have been sent.
func (p *Producer) Start(ctx context.Context, s Signature) (Started, error) {
	raw, err := s.appendTo(nil)
	if err != nil {
		return Started{}, invalid("%s: %w", s.Task, err)
	}
	wire, err := parseSignature(raw)
	if err != nil {
		return Started{}, invalid("%w", err)
	}
	work := plan{c: p.c, now: p.c.now(), origin: p.origin, replyTo: p.replyTo}
	st, err := work.start(wire, place{})
	if err != nil {
		return Started{}, err
	}
	if err := p.c.writeSizes(ctx, work.sizes); err != nil {
		return Started{}, fmt.Errorf("celery: start: %w", err)
	}
	return Started{ID: st.id, Members: st.members}, p.push(ctx, work.pushes)
}

// writeSizes stores the sizes of chords; it must happen before the last member can finish.
func (c *Client) writeSizes(ctx context.Context, sizes []storedDoc) error {
	if len(sizes) == 0 {
		return nil
	}
	return runScripts(ctx, c.results, c.storeCalls(sizes))
}

func (c *Client) storeCalls(docs []storedDoc) []*call {
	calls := make([]*call, len(docs))
	for i, d := range docs {
		calls[i] = c.completeCall("", d.key, d.doc, nil)
	}
	return calls
}

package memory

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"math/bits"
	"slices"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// LearningState implements ports.Learning.
func (u unit) LearningState(ctx context.Context, owner domain.Owner) (ports.LearningState, error) {
	leave, err := u.enter(ctx, "LearningState")
	if err != nil {
		return ports.LearningState{}, err
	}
	defer leave()
	var facts []string
	for _, topic := range u.topicsOf(owner) {
		facts = append(facts, fmt.Sprintf("%s %q %q", topic.ID, topic.Name, topic.Description))
	}
	ready := u.documents(func(s storedDocument) bool { return s.Owner == owner && s.Status == domain.Ready })
	for _, s := range ready {
		for _, f := range s.Topics {
			if f.Confirmed {
				facts = append(facts, fmt.Sprint(s.ID, f.Topic, true))
			}
		}
		for _, topic := range s.Rejected {
			facts = append(facts, fmt.Sprint(s.ID, topic, false))
		}
	}
	slices.Sort(facts)
	return ports.LearningState{Basis: sha256.Sum256(fmt.Appendf(nil, "%q %d", facts, bits.Len(uint(len(ready))))), Documents: len(ready)}, nil
}

// Examples implements ports.Learning.
func (u unit) Examples(ctx context.Context, owner domain.Owner, query ports.ExampleQuery, each func(ports.Example) error) error {
	leave, err := u.enter(ctx, "Examples")
	if err != nil {
		return err
	}
	defer leave()
	found := u.documents(func(s storedDocument) bool {
		decided := len(s.Rejected) > 0 || slices.ContainsFunc(s.Topics, func(f domain.Filing) bool { return f.Confirmed })
		wanted := map[ports.ExampleKind]bool{ports.Decided: decided, ports.Undecided: !decided, ports.Unfiled: len(s.Topics) == 0}[query.Kind]
		return s.Owner == owner && s.Status == domain.Ready && s.text != "" && wanted
	})
	slices.SortFunc(found, func(a, b storedDocument) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), compareIDs(b.ID, a.ID))
	})
	for _, s := range found[:min(max(query.Limit, 0), len(found))] {
		text := []rune(s.text)
		example := ports.Example{Document: s.ID, Text: string(text[:min(max(query.MaxText, 0), len(text))]), Rejected: slices.Clone(s.Rejected)}
		filed := slices.SortedFunc(slices.Values(s.Topics), func(a, b domain.Filing) int { return compareIDs(a.Topic, b.Topic) })
		for _, f := range filed {
			if f.Confirmed {
				example.Confirmed = append(example.Confirmed, f.Topic)
			} else {
				example.Suggested = append(example.Suggested, f.Topic)
			}
		}
		if err := each(example); err != nil {
			return err
		}
	}
	return nil
}

// TopicOwners implements ports.Learning.
func (u unit) TopicOwners(ctx context.Context, after *domain.Owner, limit int) ([]domain.Owner, error) {
	leave, err := u.enter(ctx, "TopicOwners")
	if err != nil {
		return nil, err
	}
	defer leave()
	var owners []domain.Owner
	for _, topic := range u.rows.topics {
		if !slices.Contains(owners, topic.Owner) && (after == nil || compareIDs(topic.Owner, *after) > 0) {
			owners = append(owners, topic.Owner)
		}
	}
	slices.SortFunc(owners, func(a, b domain.Owner) int { return compareIDs(a, b) })
	return owners[:min(max(limit, 0), len(owners))], nil
}

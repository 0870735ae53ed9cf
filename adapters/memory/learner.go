package memory

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// Learner is a ports.Learner and ports.Grouper by rote: a text belongs under a topic if half of its words stand in one document
// that a person filed there, and documents that begin with the same word belong together. The zero Learner is ready to use.
type Learner struct{}

var (
	_ ports.Learner = Learner{}
	_ ports.Grouper = Learner{}
)

// rote is a model: behind the SHA-256 of its JSON.
type rote struct {
	Basis  domain.Digest
	Topics map[string][]string // by id, the texts of each
}

// Learn implements ports.Learner.
func (Learner) Learn(ctx context.Context, lesson ports.Lesson) ([]byte, error) {
	learnt := rote{Basis: lesson.Basis, Topics: map[string][]string{}}
	err := lesson.Examples(func(e ports.Example) error {
		for _, topic := range e.Confirmed {
			learnt.Topics[topic.String()] = append(learnt.Topics[topic.String()], e.Text)
		}
		return contextError(ctx)
	})
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(learnt)
	if err != nil {
		return nil, domain.Wrap(domain.Internal, err, "the model cannot be written")
	}
	sum := sha256.Sum256(text)
	return append(sum[:], text...), nil
}

// Recall implements ports.Learner.
func (Learner) Recall(model []byte) (ports.Learned, error) {
	learned := &byRote{}
	err := errors.New("it is too short")
	if len(model) > sha256.Size && [sha256.Size]byte(model[:sha256.Size]) == sha256.Sum256(model[sha256.Size:]) {
		err = json.Unmarshal(model[sha256.Size:], &learned.rote)
	}
	if err != nil {
		return nil, domain.Wrap(domain.Malformed, err, "this is no model of ours, or it is damaged")
	}
	return learned, nil
}

// byRote is a classifier with a model.
type byRote struct {
	Classifier
	rote rote
}

// Basis implements ports.Learned.
func (l *byRote) Basis() domain.Digest { return l.rote.Basis }

// Classify implements ports.Classifier.
func (l *byRote) Classify(ctx context.Context, text string, topics []domain.Topic) ([]domain.Suggestion, error) {
	found, err := l.Classifier.Classify(ctx, text, topics)
	if err != nil {
		return nil, err
	}
	words := strings.Fields(text)
	for _, topic := range topics {
		known := slices.ContainsFunc(found, func(s domain.Suggestion) bool { return s.Topic == topic.ID })
		if !known && slices.ContainsFunc(l.rote.Topics[topic.ID.String()], func(example string) bool { return alike(words, strings.Fields(example)) }) {
			found = append([]domain.Suggestion{{Topic: topic.ID, Confidence: 1}}, found...)
		}
	}
	slices.SortStableFunc(found, func(a, b domain.Suggestion) int { return cmp.Compare(b.Confidence, a.Confidence) })
	return found, nil
}

func alike(words, example []string) bool {
	same := 0
	for _, word := range words {
		if slices.Contains(example, word) {
			same++
		}
	}
	return same > 0 && 2*same >= len(words)
}

// Group implements ports.Grouper.
func (Learner) Group(ctx context.Context, documents []ports.Example) ([]ports.Group, error) {
	if err := contextError(ctx); err != nil {
		return nil, err
	}
	var groups []ports.Group
	for _, doc := range documents {
		words := strings.Fields(doc.Text)
		if len(words) == 0 {
			continue
		}
		i := slices.IndexFunc(groups, func(g ports.Group) bool { return g.Name == words[0] })
		if i < 0 {
			i, groups = len(groups), append(groups, ports.Group{Name: words[0], Keywords: words[:1]})
		}
		groups[i].Documents = append(groups[i].Documents, doc.Document)
	}
	groups = slices.DeleteFunc(groups, func(g ports.Group) bool { return len(g.Documents) < 3 })
	slices.SortStableFunc(groups, func(a, b ports.Group) int { return cmp.Compare(len(b.Documents), len(a.Documents)) })
	return groups, nil
}

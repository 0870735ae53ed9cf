package classify

import (
	"context"
	"slices"
	"strings"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// leastLearnt is the confidence from which on the best of the learnt topics is suggested although no topic reaches the
// threshold: with few decisions chances are estimated low, and the best is right far more often than they say.
const leastLearnt = 0.2

// knownWords is how many different words of the model a text needs before it can be judged by it.
const knownWords = 3

// learned is a classifier with a model.
type learned struct {
	base   *Classifier
	basis  domain.Digest
	places map[string]uint32
	idf    []float32
	topics map[domain.TopicID]learnt
}

// Recall implements ports.Learner.
func (l *Learner) Recall(b []byte) (ports.Learned, error) {
	m, err := decode(b)
	if err != nil {
		return nil, err
	}
	out := &learned{base: l.base, basis: m.basis, places: make(map[string]uint32, len(m.terms)), idf: m.idf, topics: make(map[domain.TopicID]learnt, len(m.topics))}
	for i, term := range m.terms {
		out.places[term] = uint32(i)
	}
	for _, t := range m.topics {
		out.topics[t.topic] = t
	}
	return out, nil
}

// Name implements ports.Classifier.
func (l *learned) Name() string { return Name }

// Basis implements ports.Learned.
func (l *learned) Basis() domain.Digest { return l.basis }

// Classify implements ports.Classifier. What people decided outweighs a topic's name and description; what was learnt from
// texts that merely match these two counts as much as they do, and alone where they say nothing.
func (l *learned) Classify(ctx context.Context, text string, topics []domain.Topic) ([]domain.Suggestion, error) {
	if err := domain.ContextError(ctx, "classifying took too long"); err != nil {
		return nil, err
	}
	confidences := l.base.match(text, topics)
	v := l.vector(firstBytes(text, l.base.cfg.MaxText))
	best := domain.Suggestion{Confidence: leastLearnt, By: Name}
	var found []domain.Suggestion
	for i, topic := range topics {
		t, known := l.topics[topic.ID]
		chance := confidences[i]
		if known && len(v) >= knownWords {
			chance = t.sure.chance(t.score(v))
			if t.kind == byMatches && confidences[i] > 0 {
				chance = (chance + confidences[i]) / 2
			}
			if chance > best.Confidence || chance == best.Confidence && strings.Compare(string(topic.ID[:]), string(best.Topic[:])) < 0 {
				best.Topic, best.Confidence = topic.ID, chance
			}
		}
		if chance >= l.base.cfg.Threshold {
			found = append(found, domain.Suggestion{Topic: topic.ID, Confidence: chance, By: Name})
		}
	}
	if len(found) == 0 && best.Topic != (domain.TopicID{}) {
		found = append(found, best)
	}
	return l.base.best(found), nil
}

// vector is the text over the model's vocabulary.
func (l *learned) vector(text string) vector {
	counts := make(map[string]uint32, 512) // by word as written
	eachWord(text, func(word string) {
		if len(word) <= longestTerm && says(word) {
			counts[word]++
		}
	})
	terms := make(map[uint32]uint32, len(counts))
	l.base.mu.Lock()
	for word, n := range counts {
		if place, ok := l.places[l.base.stems.of(word)]; ok {
			terms[place] += n
		}
	}
	l.base.mu.Unlock()
	b := make(bag, 0, len(terms))
	for term, n := range terms {
		b = append(b, struct{ term, count uint32 }{term, n})
	}
	slices.SortFunc(b, func(x, y struct{ term, count uint32 }) int { return int(x.term) - int(y.term) })
	return vectorOf(b, l.idf)
}

// score goes through both lists at once: they are in order of the terms.
func (t learnt) score(v vector) float64 {
	sum, i := float64(t.bias), 0
	for _, f := range v {
		for i < len(t.weights) && t.weights[i].term < f.term {
			i++
		}
		if i < len(t.weights) && t.weights[i].term == f.term {
			sum += float64(f.weight) * float64(t.weights[i].weight)
		}
	}
	return sum
}

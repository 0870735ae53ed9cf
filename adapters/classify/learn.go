package classify

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// When there is enough to learn from.
const (
	enoughDecisions = 5   // documents that belong under a topic, and as many that do not, for people's decisions to suffice
	enoughMatches   = 3   // documents that match a topic's name and description, and as many that match others
	cleanMatch      = 0.5 // confidence from which on a document without a decision counts as matching
	folds           = 3   // parts of the documents, each scored by what was learnt from the others, to know how sure scores are
)

// Learner implements ports.Learner. It is safe for concurrent use.
type Learner struct{ base *Classifier }

var _ ports.Learner = (*Learner)(nil)

// NewLearner makes a learner, whose classifiers are configured like New's.
func NewLearner(cfg Config) *Learner { return &Learner{base: New(cfg)} }

// lesson is a ports.Lesson as numbers.
type lesson struct {
	topics   []domain.TopicID // in order, none twice
	texts    []vector
	terms    int
	decided  []map[int]bool // for each text, topics of which it is known whether it belongs there
	leanings []leaning      // what a decision or else the best match says of each text; 0 is nothing
}

// Learn implements ports.Learner. Memory grows with the number of examples, not with the length of their texts.
func (l *Learner) Learn(ctx context.Context, in ports.Lesson) ([]byte, error) {
	m := &model{basis: in.Basis}
	lesson, err := l.read(ctx, in, m)
	if err != nil {
		return nil, err
	}
	for _, topic := range lesson.worthwhile() {
		if err := domain.ContextError(ctx, "classifying took too long"); err != nil {
			return nil, err
		}
		if t, ok := lesson.learn(topic); ok {
			m.topics = append(m.topics, t)
		}
	}
	for size := len(m.encode()); size > ports.MaxModel; size = len(m.encode()) {
		m.topics = m.topics[:len(m.topics)/2] // 500 topics of 5,000 weights are 20 MB: bounds that somebody raised
	}
	return m.encode(), nil
}

// read goes through the examples once.
func (l *Learner) read(ctx context.Context, in ports.Lesson, m *model) (*lesson, error) {
	topics := slices.Clone(in.Topics)
	slices.SortFunc(topics, func(a, b domain.Topic) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	topics = slices.CompactFunc(topics, func(a, b domain.Topic) bool { return a.ID == b.ID })
	place := make(map[domain.TopicID]int, len(topics))
	out := &lesson{topics: make([]domain.TopicID, len(topics))}
	for i, topic := range topics {
		out.topics[i], place[topic.ID] = topic.ID, i
	}
	words := newCounting()
	err := in.Examples(func(e ports.Example) error {
		if err := domain.ContextError(ctx, "classifying took too long"); err != nil {
			return err
		}
		text := firstBytes(e.Text, l.base.cfg.MaxText)
		words.add(text)
		known := out.decide(e, place)
		out.decided = append(out.decided, known)
		out.leanings = append(out.leanings, l.lean(e, text, topics, place))
		return nil
	})
	if err != nil {
		return nil, err
	}
	m.vocabulary, out.texts = words.settle()
	out.terms = len(m.terms)
	return out, nil
}

// decide says of which topics a person's decision makes known whether the document belongs there.
func (l *lesson) decide(e ports.Example, place map[domain.TopicID]int) map[int]bool {
	known := map[int]bool{}
	if e.Decided() {
		for i := range l.topics {
			known[i] = false
		}
		for _, id := range e.Suggested {
			if i, ok := place[id]; ok {
				delete(known, i) // nobody said yes or no
			}
		}
	}
	for _, id := range e.Rejected {
		if i, ok := place[id]; ok {
			known[i] = false
		}
	}
	for _, id := range e.Confirmed {
		if i, ok := place[id]; ok {
			known[i] = true
		}
	}
	return known
}

// lean says which topic a text is an example of: the first that was decided, or else the best match.
func (l *Learner) lean(e ports.Example, text string, topics []domain.Topic, place map[domain.TopicID]int) leaning {
	for _, id := range e.Confirmed {
		if i, ok := place[id]; ok {
			return leaning{i, 1}
		}
	}
	best := leaning{topic: -1}
	for i, much := range l.base.match(text, topics) {
		if much >= cleanMatch && much > best.much && !slices.Contains(e.Rejected, topics[i].ID) {
			best = leaning{i, much}
		}
	}
	return best
}

// worthwhile returns the topics to learn: all, or those with the most examples.
func (l *lesson) worthwhile() []int {
	examples := make([]int, len(l.topics))
	for i, lean := range l.leanings {
		if lean.much > 0 {
			examples[lean.topic]++
		}
		for topic, belongs := range l.decided[i] {
			if belongs {
				examples[topic] += enoughDecisions
			}
		}
	}
	all := make([]int, len(l.topics))
	for i := range all {
		all[i] = i
	}
	slices.SortStableFunc(all, func(a, b int) int { return cmp.Compare(examples[b], examples[a]) })
	all = all[:min(len(all), mostTopics)]
	slices.Sort(all)
	return all
}

// learn learns one topic from people's decisions if there are enough, or else from what matches.
func (l *lesson) learn(topic int) (learnt, bool) {
	var samples []sample
	yes := 0
	for i, known := range l.decided {
		if belongs, ok := known[topic]; ok {
			samples = append(samples, sample{l.texts[i], belongs})
			if belongs {
				yes++
			}
		}
	}
	if yes >= enoughDecisions && len(samples)-yes >= enoughDecisions {
		plane := trainSVM(samples, l.terms)
		sure := calibrate(crossScores(samples, func(rest []sample) linear { return trainSVM(rest, l.terms) }))
		return l.result(topic, byDecisions, plane, sure), true
	}
	return l.learnMatches(topic)
}

// learnMatches is the one round of self-training: what matches a topic's name and description stands for what belongs there.
func (l *lesson) learnMatches(topic int) (learnt, bool) {
	var samples []sample
	var leanings []leaning
	yes := 0
	for i, lean := range l.leanings {
		if lean.much == 0 {
			continue
		}
		samples, leanings = append(samples, sample{l.texts[i], lean.topic == topic}), append(leanings, lean)
		if lean.topic == topic {
			yes++
		}
	}
	if yes < enoughMatches || len(samples)-yes < enoughMatches {
		return learnt{}, false
	}
	train := func(rest []sample) linear {
		texts := make([]vector, len(rest))
		sides := make([]leaning, len(rest))
		for i, s := range rest {
			texts[i], sides[i] = s.vector, leaning{topic + 1, 1}
			if s.belongs {
				sides[i].topic = topic
			}
		}
		return trainBayes(texts, sides, topic, l.terms)
	}
	texts := make([]vector, len(samples))
	for i, s := range samples {
		texts[i] = s.vector
	}
	return l.result(topic, byMatches, trainBayes(texts, leanings, topic, l.terms), calibrate(crossScores(samples, train))), true
}

// crossScores scores every sample by what was learnt from the other parts of the samples. Each part has its share of those that
// belong and of those that do not.
func crossScores(samples []sample, train func([]sample) linear) []scored {
	part := make([]int, len(samples))
	var seen [2]int
	for i, s := range samples {
		side := 0
		if s.belongs {
			side = 1
		}
		part[i] = seen[side] % folds
		seen[side]++
	}
	scores := make([]scored, len(samples))
	for fold := range folds {
		var rest []sample
		for i, s := range samples {
			if part[i] != fold {
				rest = append(rest, s)
			}
		}
		scorer := train(rest)
		for i, s := range samples {
			if part[i] == fold {
				scores[i] = scored{scorer.score(s.vector), s.belongs}
			}
		}
	}
	return scores
}

// result keeps the heaviest weights of a topic.
func (l *lesson) result(topic int, kind kind, scorer linear, sure sigmoid) learnt {
	t := learnt{topic: l.topics[topic], kind: kind, bias: float32(bounded(scorer.bias)), sure: sigmoid{bounded(sure.slope), bounded(sure.offset)}}
	for term, weight := range scorer.weights {
		if w := float32(bounded(weight)); w != 0 {
			t.weights = append(t.weights, feature{uint32(term), w})
		}
	}
	if len(t.weights) > mostWeights {
		slices.SortStableFunc(t.weights, func(a, b feature) int {
			return cmp.Compare(math.Abs(float64(b.weight)), math.Abs(float64(a.weight)))
		})
		t.weights = t.weights[:mostWeights]
		slices.SortFunc(t.weights, func(a, b feature) int { return cmp.Compare(a.term, b.term) })
	}
	return t
}

func bounded(v float64) float64 { return max(-largestWeight, min(v, largestWeight)) }

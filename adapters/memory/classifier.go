package memory

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// Classifier is a ports.Classifier that suggests the topics whose name the text contains, in any case: the longer the name,
// the surer. The zero Classifier is ready to use.
type Classifier struct {
	mu    sync.Mutex
	fail  error
	plan  []domain.Suggestion
	calls int
}

var _ ports.Classifier = (*Classifier)(nil)

// Fail makes every Classify return err until Fail(nil).
func (c *Classifier) Fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fail = err
}

// Answer makes every Classify return these suggestions, whatever it is asked, also ones that break the port's promises. Without
// arguments it thinks for itself again.
func (c *Classifier) Answer(suggestions ...domain.Suggestion) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.plan = slices.Clone(suggestions)
}

// Calls returns how often Classify was called.
func (c *Classifier) Calls() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls
}

// Name implements ports.Classifier.
func (c *Classifier) Name() string { return "memory" }

// Classify implements ports.Classifier.
func (c *Classifier) Classify(ctx context.Context, text string, topics []domain.Topic) ([]domain.Suggestion, error) {
	c.mu.Lock()
	c.calls++
	planned, plan := c.fail, slices.Clone(c.plan)
	c.mu.Unlock()
	if err := contextError(ctx); err != nil {
		return nil, err
	}
	if planned != nil {
		return nil, planned
	}
	if len(plan) > 0 {
		return plan, nil
	}
	text = strings.ToLower(text)
	var found []domain.Suggestion
	seen := map[domain.TopicID]bool{}
	for _, topic := range topics {
		if name := strings.ToLower(string(topic.Name)); !seen[topic.ID] && strings.Contains(text, name) {
			seen[topic.ID] = true
			length := float64(len(name))
			found = append(found, domain.Suggestion{Topic: topic.ID, Confidence: length / (length + 1)})
		}
	}
	slices.SortFunc(found, func(a, b domain.Suggestion) int {
		return cmp.Or(cmp.Compare(b.Confidence, a.Confidence), bytes.Compare(a.Topic[:], b.Topic[:]))
	})
	return found, nil
}

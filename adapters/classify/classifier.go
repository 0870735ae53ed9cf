package classify

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"slices"
	"sync"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// Config says when a topic fits. The zero value is the documented default of each field.
type Config struct {
	MaxText   int     // bytes of the text that are looked at, from its start; 24,000
	MaxTopics int     // most suggestions; 5
	Threshold float64 // least confidence of a suggestion; 0.4
}

// What the figures below were chosen for: one mention of a topic's whole name is enough for a suggestion, one word of its
// description is not, three are; a longer text needs more mentions, but not many.
const (
	saturation  = 0.6 // BM25's k1: how fast further mentions stop to count
	lengthShare = 0.3 // BM25's b: how much a long text discounts a mention
	usualLength = 400 // words of a text of ordinary length
	certainty   = 0.9 // what a full match of either kind is worth
	evidence    = 2.0 // well-matched words of a description until it is two thirds certain
	beside      = 0.6 // a further topic needs this share of the best one's confidence
)

// Classifier implements ports.Classifier. It is safe for concurrent use.
type Classifier struct {
	cfg Config

	mu    sync.Mutex
	known map[described]*profile
	stems stems
}

var _ ports.Classifier = (*Classifier)(nil)

// New makes a classifier.
func New(cfg Config) *Classifier {
	if cfg.MaxText <= 0 {
		cfg.MaxText = 24_000
	}
	if cfg.MaxTopics <= 0 {
		cfg.MaxTopics = 5
	}
	if cfg.Threshold <= 0 {
		cfg.Threshold = 0.4
	}
	return &Classifier{cfg: cfg, known: map[described]*profile{}, stems: stems{}}
}

// Name is what every classifier of this package goes by.
const Name = "local"

// Name implements ports.Classifier.
func (c *Classifier) Name() string { return Name }

// Classify implements ports.Classifier. Confidence grows with the share of a topic's name and the number of its description's
// words that the text has. Words that many of the topics share count less.
func (c *Classifier) Classify(ctx context.Context, text string, topics []domain.Topic) ([]domain.Suggestion, error) {
	if err := domain.ContextError(ctx, "classifying took too long"); err != nil {
		return nil, err
	}
	var found []domain.Suggestion
	for i, confidence := range c.match(text, topics) {
		if confidence >= c.cfg.Threshold {
			found = append(found, domain.Suggestion{Topic: topics[i].ID, Confidence: confidence, By: Name})
		}
	}
	return c.best(found), nil
}

// match returns for each topic how sure its name and description make that the text belongs under it.
func (c *Classifier) match(text string, topics []domain.Topic) []float64 {
	confidences := make([]float64, len(topics))
	if text == "" || len(topics) == 0 {
		return confidences
	}
	profiles := make([]*profile, len(topics))
	spread := make(map[string]int, 16*len(topics)) // how many topics have a term
	for i, topic := range topics {
		profiles[i] = c.profile(topic)
		for _, term := range profiles[i].terms {
			spread[term]++
		}
	}
	mentions := c.mentions(text, spread)
	for i := range topics {
		confidences[i] = mentions.confidence(profiles[i], spread, len(topics))
	}
	return confidences
}

// best orders suggestions, equal ones by id, and leaves out repetitions and what is far behind the first.
func (c *Classifier) best(found []domain.Suggestion) []domain.Suggestion {
	slices.SortFunc(found, func(a, b domain.Suggestion) int {
		return cmp.Or(cmp.Compare(b.Confidence, a.Confidence), bytes.Compare(a.Topic[:], b.Topic[:]))
	})
	var kept []domain.Suggestion
	seen := map[domain.TopicID]bool{}
	for _, s := range found {
		if len(kept) == c.cfg.MaxTopics || len(kept) > 0 && s.Confidence < beside*kept[0].Confidence {
			break
		}
		if !seen[s.Topic] {
			seen[s.Topic] = true
			kept = append(kept, s)
		}
	}
	return kept
}

// described is what a profile depends on.
type described struct {
	name        domain.TopicName
	description string
}

// profile is a topic's terms: those of the name first, then those that only the description has, each once.
type profile struct {
	terms []string
	names int // how many of them are the name's
}

// mostKnown is how many profiles are remembered: making one costs as much as reading a page of text.
const mostKnown = 4096

func (c *Classifier) profile(topic domain.Topic) *profile {
	key := described{topic.Name, topic.Description}
	c.mu.Lock()
	defer c.mu.Unlock()
	if p, ok := c.known[key]; ok {
		return p
	}
	p := &profile{}
	add := func(word string, only bool) {
		if only && !says(word) {
			return
		}
		if term := c.stems.of(word); !slices.Contains(p.terms, term) {
			p.terms = append(p.terms, term)
		}
	}
	eachWord(string(topic.Name), func(word string) { add(word, true) })
	if len(p.terms) == 0 { // a name like "Other" or "X": it is all there is
		eachWord(string(topic.Name), func(word string) { add(word, false) })
	}
	p.names = len(p.terms)
	eachWord(topic.Description, func(word string) { add(word, true) })
	if len(c.known) >= mostKnown {
		clear(c.known)
	}
	c.known[key] = p
	return p
}

// mentions counts in a text the terms that topics have.
type mentions struct {
	counts map[string]int
	words  int
}

func (c *Classifier) mentions(text string, wanted map[string]int) mentions {
	counts := make(map[string]int, 512) // by word as written
	m := mentions{counts: make(map[string]int, len(wanted))}
	eachWord(firstBytes(text, c.cfg.MaxText), func(word string) {
		m.words++
		counts[word]++
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	for word, n := range counts {
		if term := c.stems.of(word); wanted[term] > 0 {
			m.counts[term] += n
		}
	}
	return m
}

// confidence is the chance, on a scale that only orders topics, that the text belongs under the topic: it does if its name is
// mentioned or its description matches, taken as independent signs.
func (m mentions) confidence(p *profile, spread map[string]int, topics int) float64 {
	var name, whole, description float64
	rarest := rarity(1, topics)
	for i, term := range p.terms {
		weight := rarity(spread[term], topics) / rarest
		match := weight * m.saturated(term)
		if i < p.names {
			name += match
			whole += weight
		} else {
			description += match
		}
	}
	if whole > 0 {
		covered := name / whole
		name = covered * m.covered(p) // half a name is much less than half a sign
	}
	return 1 - (1-certainty*name)*(1-certainty*(1-math.Exp(-description/evidence*1.1)))
}

// covered is the share of the name's terms that the text has at all.
func (m mentions) covered(p *profile) float64 {
	has := 0
	for _, term := range p.terms[:p.names] {
		if m.counts[term] > 0 {
			has++
		}
	}
	return float64(has) / float64(p.names)
}

// saturated is BM25's term frequency, from 0 to 1.
func (m mentions) saturated(term string) float64 {
	n := float64(m.counts[term])
	if n == 0 {
		return 0
	}
	length := max(float64(m.words)/usualLength, 0.5)
	return n / (n + saturation*(1-lengthShare+lengthShare*length))
}

// rarity is BM25's inverse document frequency among the topics.
func rarity(have, topics int) float64 {
	return math.Log(1 + (float64(topics)-float64(have)+0.5)/(float64(have)+0.5))
}

// firstBytes returns at most n bytes of s without breaking a character.
func firstBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}

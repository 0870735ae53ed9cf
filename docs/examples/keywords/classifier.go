// Package keywords shows how to give the vault an adapter of your own: a classifier that files a document under a topic if one of
// the words in the topic's description stands in the text.
package keywords

import (
	"context"
	"strings"
	"unicode"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// Classifier implements ports.Classifier.
type Classifier struct{}

var _ ports.Classifier = Classifier{}

// Name implements ports.Classifier.
func (Classifier) Name() string { return "keywords" }

// Classify implements ports.Classifier. Finding more of a topic's words makes it more confident.
func (Classifier) Classify(_ context.Context, text string, topics []domain.Topic) ([]domain.Suggestion, error) {
	inText := make(map[string]bool)
	for _, word := range words(text) {
		inText[word] = true
	}
	var suggestions []domain.Suggestion
	for _, topic := range topics {
		keywords, found := words(topic.Description), 0
		for _, word := range keywords {
			if inText[word] {
				found++
			}
		}
		if found > 0 {
			suggestions = append(suggestions, domain.Suggestion{Topic: topic.ID, Confidence: float64(found) / float64(len(keywords))})
		}
	}
	return suggestions, nil
}

func words(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) })
}

package classify_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/adapters/classify"
	"github.com/docuvault/docuvault/domain"
)

// BenchmarkClassify measures a letter of 4 KiB against 50 topics with descriptions of 25 words.
func BenchmarkClassify(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	words := make([]string, 3000)
	for i := range words {
		words[i] = fmt.Sprintf("%c%c%s", 'a'+random.IntN(26), 'a'+random.IntN(26), []string{"ation", "ing", "ed", "ness", "able", "er"}[random.IntN(6)])
	}
	some := func(n int) string {
		var s strings.Builder
		for range n {
			s.WriteString(words[random.IntN(len(words))])
			s.WriteByte(' ')
		}
		return s.String()
	}
	text := some(1000)[:4096]
	topics := make([]domain.Topic, 50)
	for i := range topics {
		topics[i] = domain.Topic{ID: domain.TopicID(uuid.New()), Name: domain.TopicName(words[i]), Description: some(25)}
	}
	c := classify.New(classify.Config{})
	for b.Loop() {
		if _, err := c.Classify(b.Context(), text, topics); err != nil {
			b.Fatal(err)
		}
	}
}

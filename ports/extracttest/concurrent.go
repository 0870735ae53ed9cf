package extracttest

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// concurrent reads many documents of a few owners at once, each of which holds a word of its own many times.
func concurrent(t *testing.T, s Subject) {
	const readers, documents = 32, 8
	owners := []domain.Owner{domain.Nobody, domain.Owner(uuid.New()), domain.Owner(uuid.New())}
	var wg sync.WaitGroup
	for reader := range readers {
		wg.Go(func() {
			for n := range documents {
				word := fmt.Sprintf("d%d-%d ", reader, n)
				text := strings.Repeat(word, 1+reader*n%(s.MaxText/20))
				got, err := s.Extractor.Extract(t.Context(), ports.Source{
					Owner: owners[reader%len(owners)], ContentType: plain, Size: int64(len(text)), Content: strings.NewReader(text),
				})
				if err != nil {
					t.Errorf("reader %d: %v", reader, err)
					return
				}
				if strings.TrimSpace(got.Text) != strings.TrimSpace(text) {
					t.Errorf("reader %d got %.40q…, want only %q", reader, got.Text, word)
				}
			}
		})
	}
	wg.Wait()
}

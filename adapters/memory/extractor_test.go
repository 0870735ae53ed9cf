package memory_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/docuvault/docuvault/adapters/memory"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
	"github.com/docuvault/docuvault/ports/extracttest"
)

func TestExtractorConformance(t *testing.T) {
	t.Parallel()
	extracttest.Run(t, func(*testing.T) extracttest.Subject {
		s := extracttest.Subject{
			Extractor: memory.NewExtractor(1000), MaxText: 1000,
			Samples: []extracttest.Sample{{Name: "table", ContentType: "text/csv", Content: []byte("a,b\n1,2\n"), Text: "a,b\n1,2\n"}},
		}
		for _, reason := range []string{ports.ReasonCorrupt, ports.ReasonEncrypted, ports.ReasonTooComplex, ports.ReasonTimeout,
			ports.ReasonCrashed, ports.ReasonUnsupported} {
			s.Unreadable = append(s.Unreadable, extracttest.Unreadable{Name: reason, ContentType: "unreadable/" + reason, Reason: reason})
		}
		return s
	})
}

func TestExtractorFaults(t *testing.T) {
	t.Parallel()
	x := memory.NewExtractor(0)
	source := func() ports.Source {
		return ports.Source{Name: "n", ContentType: "text/plain", Content: strings.NewReader("text")}
	}
	x.Fail(domain.Errorf(domain.Unavailable, "no children today"))
	if _, err := x.Extract(t.Context(), source()); domain.ErrorCode(err) != domain.Unavailable {
		t.Fatalf("planned failure: got %v", err)
	}
	x.Fail(nil)
	stop := errors.New("stop")
	x.Before(func(_ context.Context, s ports.Source) error {
		if s.Name != "n" {
			t.Errorf("hook sees %q", s.Name)
		}
		return stop
	})
	if _, err := x.Extract(t.Context(), source()); !errors.Is(err, stop) {
		t.Fatalf("hook: got %v", err)
	}
	x.Before(nil)
	if got, err := x.Extract(t.Context(), source()); err != nil || got.Text != "text" {
		t.Fatalf("afterwards: %+v, %v", got, err)
	}
	if n := len(x.Seen()); n != 3 {
		t.Fatalf("%d documents were seen, want 3", n)
	}
}

package memory_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/jpeg"
	"strings"
	"testing"

	"github.com/docuvault/docuvault/adapters/memory"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
	"github.com/docuvault/docuvault/ports/extracttest"
)

func TestExtractorConformance(t *testing.T) {
	t.Parallel()
	extracttest.Run(t, func(t *testing.T) extracttest.Subject {
		s := extracttest.Subject{
			Extractor: memory.NewExtractor(1000), MaxText: 1000,
			Samples: []extracttest.Sample{{Name: "table", ContentType: "text/csv", Content: []byte("a,b\n1,2\n"), Text: "a,b\n1,2\n"},
				{Name: "pages", ContentType: "text/plain", Content: []byte("one\ftwo"), Text: "one\ntwo", Pages: 2, Starts: []int{0, 4}},
				{Name: "picture", ContentType: "image/jpeg", Content: picture(t), Picture: true}},
		}
		for _, reason := range []string{ports.ReasonCorrupt, ports.ReasonEncrypted, ports.ReasonTooComplex, ports.ReasonTimeout,
			ports.ReasonCrashed, ports.ReasonUnsupported} {
			s.Unreadable = append(s.Unreadable, extracttest.Unreadable{Name: reason, ContentType: "unreadable/" + reason, Reason: reason})
		}
		return s
	})
}

func picture(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
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

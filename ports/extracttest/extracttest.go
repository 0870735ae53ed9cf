// Package extracttest holds every promise of ports.Extractor against an implementation.
package extracttest

import (
	"bytes"
	"context"
	"errors"
	"image/jpeg"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// Subject is an extractor under test and what the suite has to know to test it.
type Subject struct {
	Extractor ports.Extractor

	// MaxText is the most characters of text that the extractor was configured to give, from 100 to 100,000.
	MaxText int

	// Samples are documents of the formats it reads; plain text is tried without being one of them.
	Samples []Sample

	// Unreadable are documents that it cannot read, with the reason it has to give.
	Unreadable []Unreadable
}

// Sample is a document and its text.
type Sample struct {
	Name        string
	ContentType string
	Content     []byte
	Text        string
	Pages       int   // 0 where the format has none
	Starts      []int // where its pages begin
	Picture     bool  // it has something to show

	// What the document says about itself; zero where it says nothing.
	Title, Author, Language string
	Created, Modified       time.Time
}

// Unreadable is a document that cannot be read.
type Unreadable struct {
	Name        string
	ContentType string
	Content     []byte
	Reason      string
}

// Run runs the suite. Open is called once for each subtest, which may run in parallel with others, and cleans up after itself.
func Run(t *testing.T, open func(t *testing.T) Subject) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, s Subject)
	}{
		{"plain text is read as it is", plainText},
		{"samples are read", samples},
		{"what a document says about itself is clean", cleanAbout},
		{"pages begin in the text", pageStarts},
		{"thumbnails are small and JPEG", thumbnails},
		{"a name that hides a program is warned of", warned},
		{"unreadable documents say why and harm no other", unreadable},
		{"a type that is not read is unsupported", unsupported},
		{"a document without text gives none", empty},
		{"the same bytes give the same text", sameText},
		{"text is valid UTF-8 in NFC without control characters", cleanText},
		{"long text is cut between characters", cutText},
		{"the reader is read from where it stands and not closed", readerKept},
		{"the size is not trusted", sizeHint},
		{"an error of the reader is passed on", readerError},
		{"a canceled context", canceledBefore},
		{"canceling in the middle returns soon", canceledWithin},
		{"a deadline that passes in the middle returns soon", deadlineWithin},
		{"documents at the same time are not mixed up", concurrent},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, open(t))
		})
	}
}

const plain = "text/plain"

// soon is how long something that returns soon may take on a busy machine.
const soon = 10 * time.Second

func source(contentType string, content []byte) ports.Source {
	return ports.Source{Name: "a file", ContentType: contentType, Size: int64(len(content)), Content: struct{ io.Reader }{bytes.NewReader(content)}}
}

func must(t *testing.T, x ports.Extractor, s ports.Source) ports.Extraction {
	t.Helper()
	got, err := x.Extract(t.Context(), s)
	if err != nil {
		t.Fatalf("Extract: %v", err)
	}
	return got
}

// mustStillWork checks that a document is read after something went wrong.
func mustStillWork(t *testing.T, x ports.Extractor) {
	t.Helper()
	if got := must(t, x, source(plain, []byte("still here"))); got.Text != "still here" {
		t.Fatalf("text of the next document is %q", got.Text)
	}
}

func mustCode(t *testing.T, err error, code domain.Code) {
	t.Helper()
	if got := domain.ErrorCode(err); got != code {
		t.Fatalf("error is %v with code %q, want %q", err, got, code)
	}
}

func plainText(t *testing.T, s Subject) {
	const text = "Dear Zoë,\n\tthe total is 10 €.\n\n日本 😀"
	got := must(t, s.Extractor, source(plain, []byte(text)))
	if !reflect.DeepEqual(got, ports.Extraction{Text: text}) {
		t.Fatalf("got %+v, want the text itself and nothing else", got)
	}
}

func samples(t *testing.T, s Subject) {
	for _, sample := range s.Samples {
		t.Run(sample.Name, func(t *testing.T) {
			got := must(t, s.Extractor, source(sample.ContentType, sample.Content))
			if got.Text != sample.Text {
				t.Errorf("text is %q, want %q", got.Text, sample.Text)
			}
			if got.Title != sample.Title || got.Author != sample.Author || got.Language != sample.Language ||
				!got.Created.Equal(sample.Created) || !got.Modified.Equal(sample.Modified) {
				t.Errorf("it says %q by %q in %q, made %s, changed %s, want %+v", got.Title, got.Author, got.Language, got.Created, got.Modified, sample)
			}
			switch {
			case sample.Pages == 0 && got.PageCount != nil:
				t.Errorf("page count is %d, the format has no pages", *got.PageCount)
			case sample.Pages != 0 && (got.PageCount == nil || *got.PageCount != sample.Pages):
				t.Errorf("page count is %v, want %d", got.PageCount, sample.Pages)
			}
		})
	}
}

func cleanAbout(t *testing.T, s Subject) {
	for _, sample := range s.Samples {
		got := must(t, s.Extractor, source(sample.ContentType, sample.Content))
		for _, text := range []string{got.Title, got.Author, got.Language} {
			if !utf8.ValidString(text) || !norm.NFC.IsNormalString(text) || strings.ContainsFunc(text, unicode.IsControl) || text != strings.TrimSpace(text) {
				t.Errorf("%s: %q is not one clean line", sample.Name, text)
			}
			if utf8.RuneCountInString(text) > ports.MaxTitle {
				t.Errorf("%s: a text of %d characters", sample.Name, utf8.RuneCountInString(text))
			}
		}
		for _, moment := range []time.Time{got.Created, got.Modified} {
			if moment.Location() != time.UTC || moment.Nanosecond() != 0 {
				t.Errorf("%s: %s is not UTC in whole seconds", sample.Name, moment)
			}
		}
	}
}

func pageStarts(t *testing.T, s Subject) {
	for _, sample := range s.Samples {
		got := must(t, s.Extractor, source(sample.ContentType, sample.Content))
		if !slices.Equal(got.PageStarts, sample.Starts) {
			t.Errorf("%s: pages begin at %v, want %v", sample.Name, got.PageStarts, sample.Starts)
		}
		if starts := got.PageStarts; len(starts) > 0 &&
			(starts[0] != 0 || !slices.IsSorted(starts) || starts[len(starts)-1] > utf8.RuneCountInString(got.Text) || len(starts) > *got.PageCount) {
			t.Errorf("%s: %v are no page starts of %d characters on %d pages", sample.Name, starts, utf8.RuneCountInString(got.Text), *got.PageCount)
		}
	}
}

func thumbnails(t *testing.T, s Subject) {
	for _, sample := range s.Samples {
		got := must(t, s.Extractor, source(sample.ContentType, sample.Content)).Thumbnail
		if !sample.Picture {
			if got != nil {
				t.Errorf("%s: a thumbnail of %d bytes, there is nothing to show", sample.Name, len(got))
			}
			continue
		}
		picture, err := jpeg.Decode(bytes.NewReader(got))
		if err != nil {
			t.Errorf("%s: the thumbnail of %d bytes is no JPEG: %v", sample.Name, len(got), err)
			continue
		}
		if size := picture.Bounds().Size(); size.X > ports.ThumbnailSize || size.Y > ports.ThumbnailSize {
			t.Errorf("%s: the thumbnail has %d by %d pixels", sample.Name, size.X, size.Y)
		}
		if again := must(t, s.Extractor, source(sample.ContentType, sample.Content)).Thumbnail; !bytes.Equal(again, got) {
			t.Errorf("%s: another thumbnail the second time", sample.Name)
		}
	}
}

func warned(t *testing.T, s Subject) {
	for name, want := range map[domain.FileName]bool{
		"letter.txt": false, "letter": false, "letter.pdf": false, "exe": false, "letter.exe.txt": false,
		"letter.exe": true, "letter.pdf.EXE": true,
	} {
		in := source(plain, []byte("text"))
		in.Name = name
		if got := must(t, s.Extractor, in); (got.Warning != "") != want {
			t.Errorf("%s: the warning is %q", name, got.Warning)
		}
	}
}

func unreadable(t *testing.T, s Subject) {
	if len(s.Unreadable) == 0 {
		t.Fatal("the subject has no unreadable documents to try")
	}
	for _, bad := range s.Unreadable {
		t.Run(bad.Name, func(t *testing.T) {
			got, err := s.Extractor.Extract(t.Context(), source(bad.ContentType, bad.Content))
			mustCode(t, err, domain.Unreadable)
			if reason := domain.ErrorReason(err); reason != bad.Reason {
				t.Errorf("reason is %q, want %q (%v)", reason, bad.Reason, err)
			}
			if message := domain.ErrorMessage(err); message == "" || message == string(domain.Unreadable) {
				t.Errorf("message is %q: it has to tell the owner something", message)
			}
			if !reflect.DeepEqual(got, ports.Extraction{}) {
				t.Errorf("something was read: %+v", got)
			}
			mustStillWork(t, s.Extractor)
		})
	}
}

func unsupported(t *testing.T, s Subject) {
	for _, contentType := range []string{"application/octet-stream", "application/x-nobody-reads-this", ""} {
		_, err := s.Extractor.Extract(t.Context(), source(contentType, []byte("text")))
		mustCode(t, err, domain.Unreadable)
		if reason := domain.ErrorReason(err); reason != ports.ReasonUnsupported {
			t.Errorf("%q: reason is %q", contentType, reason)
		}
	}
}

func empty(t *testing.T, s Subject) {
	if got := must(t, s.Extractor, source(plain, nil)); got.Text != "" || got.Truncated {
		t.Fatalf("got %+v", got)
	}
}

func sameText(t *testing.T, s Subject) {
	content := []byte(strings.Repeat("The same bytes give the same text: été.\n", s.MaxText/50))
	want := must(t, s.Extractor, source(plain, content))
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"again":              func(r io.Reader) io.Reader { return r },
		"byte by byte":       iotest.OneByteReader,
		"in halves":          iotest.HalfReader,
		"the end with bytes": iotest.DataErrReader,
	} {
		in := source(plain, content)
		in.Content, in.Owner = wrap(in.Content), domain.Owner(uuid.New())
		if got := must(t, s.Extractor, in); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %d bytes of text, want %d", name, len(got.Text), len(want.Text))
		}
	}
	for _, sample := range s.Samples {
		for range 3 {
			if got := must(t, s.Extractor, source(sample.ContentType, sample.Content)); got.Text != sample.Text {
				t.Errorf("%s: text is %q, want %q", sample.Name, got.Text, sample.Text)
			}
		}
	}
}

func cleanText(t *testing.T, s Subject) {
	for in, want := range map[string]string{
		"e\u0301te\u0301":               "été",
		"a\x00b\x01c\x7fd\u0085":        "",
		"one\r\ntwo\rthree\n\tfour":     "one\ntwo\nthree\n\tfour",
		"\ufeffmarked":                  "marked",
		"broken \xff\xfe here\xc3":      "",
		"\u1100\u1161 and A\u030a":      "가 and Å",
		"q\u0323\u0307 = q\u0307\u0323": "",
	} {
		got := must(t, s.Extractor, source(plain, []byte(in))).Text
		switch {
		case want != "" && got != want:
			t.Errorf("%q gives %q, want %q", in, got, want)
		case !utf8.ValidString(got):
			t.Errorf("%q gives invalid UTF-8 %q", in, got)
		case !norm.NFC.IsNormalString(got):
			t.Errorf("%q gives %q, which is not NFC", in, got)
		case strings.ContainsAny(got, "\x00\x01\x7f\r\ufeff"):
			t.Errorf("%q gives %q with control characters", in, got)
		}
	}
}

func cutText(t *testing.T, s Subject) {
	for _, character := range []string{"x", "é", "€", "😀"} {
		exact := strings.Repeat(character, s.MaxText)
		if got := must(t, s.Extractor, source(plain, []byte(exact))); got.Text != exact || got.Truncated {
			t.Errorf("%d × %s: %d bytes, truncated %v, want all of them", s.MaxText, character, len(got.Text), got.Truncated)
		}
		if got := must(t, s.Extractor, source(plain, []byte(exact+character))); got.Text != exact || !got.Truncated {
			t.Errorf("%d × %s: %d bytes, truncated %v, want one character less", s.MaxText+1, character, len(got.Text), got.Truncated)
		}
	}
	// What is one character in NFC counts as one.
	decomposed, composed := strings.Repeat("e\u0301", s.MaxText), strings.Repeat("é", s.MaxText)
	if got := must(t, s.Extractor, source(plain, []byte(decomposed))); got.Text != composed || got.Truncated {
		t.Errorf("decomposed text: %d bytes, truncated %v", len(got.Text), got.Truncated)
	}
	if got := must(t, s.Extractor, source(plain, []byte(strings.Repeat(composed, 50)))); got.Text != composed || !got.Truncated {
		t.Errorf("a text 50 times too long: %d bytes, truncated %v", len(got.Text), got.Truncated)
	}
}

func readerKept(t *testing.T, s Subject) {
	r := &closing{Reader: strings.NewReader("skipped, read")}
	if _, err := r.Read(make([]byte, len("skipped, "))); err != nil {
		t.Fatal(err)
	}
	if got := must(t, s.Extractor, ports.Source{ContentType: plain, Size: 4, Content: r}); got.Text != "read" {
		t.Errorf("text is %q, want what was left in the reader", got.Text)
	}
	if r.closed {
		t.Error("the reader was closed")
	}
}

type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error {
	c.closed = true
	return nil
}

func sizeHint(t *testing.T, s Subject) {
	for _, size := range []int64{0, -1, 1, 1 << 20} {
		in := source(plain, []byte("eleven byte"))
		in.Size = size
		if got := must(t, s.Extractor, in); got.Text != "eleven byte" {
			t.Errorf("size %d: text is %q", size, got.Text)
		}
	}
}

var errBroken = errors.New("the reader broke")

func readerError(t *testing.T, s Subject) {
	for name, before := range map[string]string{"at once": "", "after some bytes": "some", "after many": strings.Repeat("many ", 100_000)} {
		in := source(plain, nil)
		in.Content = io.MultiReader(strings.NewReader(before), iotest.ErrReader(errBroken))
		got, err := s.Extractor.Extract(t.Context(), in)
		if !errors.Is(err, errBroken) {
			t.Errorf("%s: error is %v, want the reader's", name, err)
		}
		if domain.ErrorCode(err) == domain.Unreadable {
			t.Errorf("%s: the document was blamed: %v", name, err)
		}
		if !reflect.DeepEqual(got, ports.Extraction{}) {
			t.Errorf("%s: something was read: %d bytes", name, len(got.Text))
		}
		mustStillWork(t, s.Extractor)
	}
}

func canceledBefore(t *testing.T, s Subject) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Extractor.Extract(ctx, source(plain, []byte("text")))
	mustCode(t, err, domain.Canceled)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want the context's wrapped", err)
	}
	mustStillWork(t, s.Extractor)
}

func canceledWithin(t *testing.T, s Subject) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	in := source(plain, nil)
	in.Content = &endless{after: 300_000, do: cancel}
	start := time.Now()
	_, err := s.Extractor.Extract(ctx, in)
	mustCode(t, err, domain.Canceled)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want the context's wrapped", err)
	}
	if took := time.Since(start); took > soon {
		t.Errorf("it took %s to notice", took)
	}
	mustStillWork(t, s.Extractor)
}

func deadlineWithin(t *testing.T, s Subject) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	in := source(plain, nil)
	in.Content = &endless{after: 10, do: func() { <-ctx.Done() }}
	_, err := s.Extractor.Extract(ctx, in)
	mustCode(t, err, domain.Unavailable)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error is %v, want the context's wrapped", err)
	}
	mustStillWork(t, s.Extractor)
}

// endless yields bytes for ever, and does something once after some of them.
type endless struct {
	after int
	do    func()
	read  int
}

func (e *endless) Read(b []byte) (int, error) {
	if len(b) > 4096 {
		b = b[:4096]
	}
	for i := range b {
		b[i] = 'x'
	}
	if before := e.read; before < e.after && before+len(b) >= e.after {
		e.do()
	}
	e.read += len(b)
	return len(b), nil
}

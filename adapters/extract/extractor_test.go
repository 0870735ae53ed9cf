package extract

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/extract/formats"
	"github.com/docuvault/docuvault/adapters/extract/formats/formatstest"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
	"github.com/docuvault/docuvault/ports/extracttest"
)

const (
	ooxml = "application/vnd.openxmlformats-officedocument."
	docx  = ooxml + "wordprocessingml.document"
)

// said adds what office documents of package formatstest say about themselves.
func said(s extracttest.Sample) extracttest.Sample {
	s.Title, s.Author, s.Language = "The Title", "Zoë", "de-DE"
	s.Created, s.Modified = time.Date(2024, 5, 17, 9, 30, 0, 0, time.UTC), time.Date(2024, 5, 18, 8, 0, 0, 0, time.UTC)
	return s
}

func file(name, content string) formatstest.Part {
	return formatstest.Part{Name: name, Content: strings.NewReader(content)}
}

// programsOwn as a CacheDir is the folder that the program uses too, and its own worker instead of the misbehaving one.
const programsOwn = "the program's own"

// open makes an extractor whose children may misbehave. It keeps no compiled code unless told where.
func open(t testing.TB, cfg Config) *Extractor {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Command == nil {
		cfg.Command = []string{self, misbehave}
	}
	switch cfg.CacheDir {
	case "":
		cfg.CacheDir = "-"
	case programsOwn:
		cfg.CacheDir = "" // compiling takes seconds, with the race detector a minute, and comes out the same
		cfg.Command[1] = WorkerCommand
	}
	x, err := New(cfg, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	for _, contentType := range badTypes() {
		x.reads[contentType] = true
	}
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return x
}

func source(contentType, content string) ports.Source {
	return ports.Source{Name: "a file", ContentType: contentType, Size: int64(len(content)), Content: strings.NewReader(content)}
}

func mustReason(t *testing.T, err error, reason string) {
	t.Helper()
	if domain.ErrorCode(err) != domain.Unreadable || domain.ErrorReason(err) != reason {
		t.Fatalf("error is %v (%s/%s), want unreadable/%s", err, domain.ErrorCode(err), domain.ErrorReason(err), reason)
	}
}

func mustWork(t *testing.T, x *Extractor) {
	t.Helper()
	got, err := x.Extract(t.Context(), source("text/plain", "still here"))
	if err != nil || got.Text != "still here" {
		t.Fatalf("the next document: %+v, %v", got, err)
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	extracttest.Run(t, func(t *testing.T) extracttest.Subject {
		page := "<title>Title</title><p>Hello <b>world</b>"
		return extracttest.Subject{
			Extractor: open(t, Config{Limits: formats.Limits{MaxText: 5000, MaxPages: 10, MaxPixels: 2_000_000}, CacheDir: programsOwn}),
			MaxText:   5000,
			Samples: []extracttest.Sample{
				{Name: "markdown", ContentType: "text/markdown", Content: []byte("# Head\n\n*text*"), Text: "# Head\n\n*text*"},
				{Name: "csv", ContentType: "text/csv", Content: []byte("a;b\r\n1;2\r\n"), Text: "a;b\n1;2\n"},
				{Name: "json", ContentType: "application/json", Content: []byte(`{"key": "value"}`), Text: `{"key": "value"}`},
				{Name: "html", ContentType: "text/html", Content: []byte(page), Text: "Title\nHello world", Title: "Title"},
				{Name: "pdf", ContentType: "application/pdf", Content: formatstest.PDF("page one", "page two"), Text: "page one\npage two", Pages: 2, Starts: []int{0, 9}, Picture: true},
				{Name: "docx", ContentType: docx, Content: formatstest.DOCX(formatstest.Paragraphs("one", "two"), nil), Text: "one\ntwo"},
				said(extracttest.Sample{Name: "pptx", ContentType: ooxml + "presentationml.presentation", Content: formatstest.PPTX("one"), Text: "one\nleft\tright\nsay this", Pages: 1, Starts: []int{0}}),
				said(extracttest.Sample{Name: "xlsx", ContentType: ooxml + "spreadsheetml.sheet", Content: formatstest.XLSX(`<row><c s="1"><v>45429</v></c></row>`), Text: "Budget\n2024-05-17\na remark"}),
				said(extracttest.Sample{Name: "odt", ContentType: "application/vnd.oasis.opendocument.text", Content: formatstest.ODF("text", "<text:p>one</text:p>", ""), Text: "the footer\none"}),
				{Name: "rtf", ContentType: "application/rtf", Content: []byte(`{\rtf1{\info{\title T}}one\par two}`), Text: "one\ntwo", Title: "T"},
				{Name: "xml", ContentType: "application/xml", Content: []byte("<a><b>one</b></a>"), Text: "one"},
				{Name: "png", ContentType: "image/png", Content: formatstest.PNG(formatstest.Picture(1240, 200, "Invoice number 4711")), Text: "Invoice number 4711", Picture: true},
				{Name: "tiff", ContentType: "image/tiff", Text: "First page\nSecond page", Pages: 2, Starts: []int{0, 11}, Picture: true,
					Content: formatstest.TIFF(formatstest.Picture(1240, 200, "First page"), formatstest.Picture(1240, 200, "Second page"))},
				{Name: "heic", ContentType: "image/heic", Content: formatstest.HEIC(0), Text: formatstest.HEICText, Language: "en", Picture: true},
				{Name: "scanned pdf", ContentType: "application/pdf", Text: "Scanned page", Pages: 1, Starts: []int{0}, Picture: true,
					Content: formatstest.ScannedPDF("", formatstest.Picture(1240, 200, "Scanned page"))},
				{Name: "zip, with a file that cannot be read", ContentType: "application/zip", Text: "a.txt\nay\nb.docx\nc.pdf\npage",
					Content: formatstest.Zip(file("a.txt", "ay"), file("b.docx", "PK\x03\x04"), file("c.pdf", string(formatstest.PDF("page"))))},
				{Name: "mail", ContentType: "message/rfc822", Content: formatstest.Mail("body", formatstest.File{Name: "a.pdf", Content: formatstest.PDF("page")}),
					Text:  "Subject: Grüße aus Köln\nFrom: Zoë <zoe@example.org>\nTo: Bob <bob@example.org>\nDate: Fri, 17 May 2024 09:30:00 +0000\nbody\na.pdf\npage",
					Title: "Grüße aus Köln", Author: "Zoë <zoe@example.org>", Created: formatstest.Sent},
				{Name: "msg", ContentType: "application/vnd.ms-outlook", Content: formatstest.MSG("Grüße", "body"),
					Text:  "Subject: Grüße\nFrom: Zoë <zoe@example.org>\nTo: Bob\nDate: Fri, 17 May 2024 09:30:00 +0000\nbody",
					Title: "Grüße", Author: "Zoë <zoe@example.org>", Created: formatstest.Sent},
			},
			Unreadable: []extracttest.Unreadable{
				{Name: "encrypted pdf", ContentType: "application/pdf", Content: formatstest.EncryptedPDF(), Reason: ports.ReasonEncrypted},
				{Name: "encrypted docx", ContentType: docx, Content: formatstest.OLE(), Reason: ports.ReasonEncrypted},
				{Name: "corrupt pdf", ContentType: "application/pdf", Content: []byte("%PDF-1.4 nothing"), Reason: ports.ReasonCorrupt},
				{Name: "corrupt docx", ContentType: docx, Content: []byte("PK\x03\x04"), Reason: ports.ReasonCorrupt},
				{Name: "nested docx", ContentType: docx, Content: formatstest.DOCX(strings.Repeat("<w:p>", 1000), nil), Reason: ports.ReasonTooComplex},
				{Name: "corrupt png", ContentType: "image/png", Content: []byte("\x89PNG"), Reason: ports.ReasonCorrupt},
				{Name: "corrupt heic", ContentType: "image/heic", Content: []byte("\x00\x00\x00\x18ftypheic"), Reason: ports.ReasonCorrupt},
				{Name: "kept but not read", ContentType: "audio/mpeg", Content: []byte("ID3"), Reason: ports.ReasonUnsupported},
				{Name: "too large a png", ContentType: "image/png", Content: formatstest.PNG(formatstest.Picture(2100, 1000, "")), Reason: ports.ReasonTooComplex},
			},
		}
	})
}

func TestWarmingUpHappensOnce(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "cache")
	read := func(x *Extractor) {
		t.Helper()
		if _, err := x.Extract(t.Context(), source(testSelf, "x")); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		x := open(t, Config{CacheDir: dir})
		x.Warm(t.Context())
		x.Warm(t.Context())
		read(x)
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the cache is %v, %v: it holds native code and must be private", info, err)
	}
	// A badReader notes each time it is warmed.
	if notes, err := filepath.Glob(filepath.Join(dir, "warmed-*")); err != nil || len(notes) != 1 {
		t.Errorf("warmed up %d times (%v), want once", len(notes), err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	x := open(t, Config{CacheDir: filepath.Join(t.TempDir(), "another")})
	x.Warm(canceled) // returns
	read(x)
}

func TestMisbehaviourCostsOneDocument(t *testing.T) {
	t.Parallel()
	for contentType, reason := range map[string]string{
		testCrash: ports.ReasonCrashed, testExit: ports.ReasonCrashed, testOverflow: ports.ReasonCrashed, testLie: ports.ReasonCrashed,
		testLong: ports.ReasonCrashed, testHang: ports.ReasonTimeout, testSpin: ports.ReasonTimeout,
		testHog: ports.ReasonTooComplex, testHogAtOnce: ports.ReasonTooComplex,
	} {
		t.Run(contentType, func(t *testing.T) {
			t.Parallel()
			cfg := Config{Children: 1, Memory: 200 << 20, Timeout: 3 * time.Minute}
			if reason == ports.ReasonTimeout {
				cfg.Timeout = 200 * time.Millisecond
			}
			x := open(t, cfg)
			mustWork(t, x)
			_, err := x.Extract(t.Context(), source(contentType, "bad"))
			mustReason(t, err, reason)
			mustWork(t, x)
		})
	}
}

func TestOurOwnFaultsAreUnavailable(t *testing.T) {
	t.Parallel()
	mustUnavailable := func(t *testing.T, x *Extractor, contentType string) {
		t.Helper()
		_, err := x.Extract(t.Context(), source(contentType, "text"))
		if domain.ErrorCode(err) != domain.Unavailable {
			t.Fatalf("error is %v, want Unavailable", err)
		}
	}
	t.Run("no such program", func(t *testing.T) {
		t.Parallel()
		mustUnavailable(t, open(t, Config{Command: []string{filepath.Join(t.TempDir(), "absent")}}), "text/plain")
	})
	t.Run("another program", func(t *testing.T) {
		t.Parallel()
		x := open(t, Config{})
		x.pool.cfg.Command[1] = "some-other-program"
		mustUnavailable(t, x, "text/plain")
	})
	t.Run("an engine that does not load", func(t *testing.T) {
		t.Parallel()
		mustUnavailable(t, open(t, Config{}), testFault)
	})
	t.Run("closed", func(t *testing.T) {
		t.Parallel()
		x := open(t, Config{})
		mustWork(t, x)
		if err := errors.Join(x.Close(), x.Close()); err != nil {
			t.Fatal(err)
		}
		mustUnavailable(t, x, "text/plain")
	})
}

func TestCloseEndsWhatIsRunning(t *testing.T) {
	t.Parallel()
	x := open(t, Config{Children: 2})
	started := make(chan struct{}, 4)
	var wg sync.WaitGroup
	for range 4 { // two hang, two wait for their turn
		wg.Go(func() {
			started <- struct{}{}
			_, err := x.Extract(t.Context(), source(testHang, "x"))
			if domain.ErrorCode(err) != domain.Unavailable {
				t.Errorf("error is %v, want Unavailable", err)
			}
		})
	}
	for range 4 {
		<-started
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	x.pool.mu.Lock()
	defer x.pool.mu.Unlock()
	if len(x.pool.running) != 0 || len(x.pool.idle) != 0 {
		t.Errorf("%d running, %d idle", len(x.pool.running), len(x.pool.idle))
	}
}

func TestTooLargeIsNotRead(t *testing.T) {
	t.Parallel()
	x := open(t, Config{MaxInput: 100_000})
	in := source("text/plain", "")
	in.Size, in.Content = 100_001, failing{t}
	_, err := x.Extract(t.Context(), in)
	mustReason(t, err, ports.ReasonTooComplex)
	in.Size, in.Content = 10, bytes.NewReader(make([]byte, 100_001)) // it lies
	_, err = x.Extract(t.Context(), in)
	mustReason(t, err, ports.ReasonTooComplex)
	exact := strings.Repeat("x", 100_000)
	if got, err := x.Extract(t.Context(), source("text/plain", exact)); err != nil || got.Text != exact {
		t.Fatalf("exactly the limit: %d bytes, %v", len(got.Text), err)
	}
}

type failing struct{ t *testing.T }

func (f failing) Read([]byte) (int, error) {
	f.t.Error("it was read")
	return 0, io.EOF
}

func TestSlowReaderIsNotTheDocumentsFault(t *testing.T) {
	t.Parallel()
	x := open(t, Config{Timeout: time.Second})
	mustWork(t, x)
	in := source("text/plain", "slow text")
	in.Content = &slow{rest: "slow text", pause: 1500 * time.Millisecond}
	if got, err := x.Extract(t.Context(), in); err != nil || got.Text != "slow text" {
		t.Fatalf("got %+v, %v: the deadline is the child's, not the storage's", got, err)
	}
}

// slow yields all but one byte, waits, and yields the last.
type slow struct {
	rest  string
	pause time.Duration
}

func (s *slow) Read(b []byte) (int, error) {
	switch len(s.rest) {
	case 0:
		return 0, io.EOF
	case 1:
		<-time.After(s.pause)
	}
	n := copy(b, s.rest[:max(1, len(s.rest)-1)])
	s.rest = s.rest[n:]
	return n, nil
}

//go:build bench && linux

package extract

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"

	"github.com/docuvault/docuvault/adapters/extract/formats/formatstest"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// benchFile is a document on disk, for programs, and in memory, for us.
type benchFile struct {
	path, kind string
	data       []byte
}

func (f benchFile) source() ports.Source {
	return ports.Source{Name: domain.FileName(filepath.Base(f.path)), ContentType: f.kind, Size: int64(len(f.data)), Content: bytes.NewReader(f.data)}
}

// TestBenchExtract prints what reading costs, beside programs that do the same, both in one run. It fails if something cannot be
// read, never because of a time.
func TestBenchExtract(t *testing.T) {
	table := tabwriter.NewWriter(t.Output(), 0, 0, 2, ' ', 0)
	defer func() { _ = table.Flush() }()
	fmt.Fprintln(table, "MEASURED\tOURS\tOTHER\tRATIO\t")
	t.Run("PDF", func(t *testing.T) { benchPDF(t, table) })
	t.Run("OCR", func(t *testing.T) { benchOCR(t, table) })
	t.Run("Thumbnails", func(t *testing.T) { benchThumbnails(t, table) })
	t.Run("Many", func(t *testing.T) { benchMany(t, table) })
}

// benchReader is an extractor of one warm child.
func benchReader(t *testing.T, cfg Config) *Extractor {
	t.Helper()
	cfg.CacheDir, cfg.Timeout = programsOwn, 10*time.Minute // a busy machine is no reason to fail
	x := open(t, cfg)
	x.Warm(t.Context())
	return x
}

// spent is what something took: on a busy machine the time says little, and the processor's time much.
type spent struct{ wall, cpu time.Duration }

func (s spent) plus(o spent) spent { return spent{s.wall + o.wall, s.cpu + o.cpu} }

func (s spent) each(n int) spent { return spent{s.wall / time.Duration(n), s.cpu / time.Duration(n)} }

// compare prints a row of the table.
func compare(w io.Writer, what string, ours, theirs spent, aim string) {
	const digits = 100 * time.Microsecond
	fmt.Fprintf(w, "%s\t%s\t%s\t%.2f\t%s\n", what, ours.wall.Round(digits), theirs.wall.Round(digits), float64(ours.wall)/float64(theirs.wall), aim)
	fmt.Fprintf(w, "  processor time\t%s\t%s\t%.2f\t\n", ours.cpu.Round(digits), theirs.cpu.Round(digits), float64(ours.cpu)/float64(theirs.cpu))
}

func benchRead(t *testing.T, x *Extractor, f benchFile) (ports.Extraction, spent) {
	t.Helper()
	c, err := x.pool.take(t.Context(), domain.Nobody, x.cfg.setup().Needs(f.kind))
	if err != nil {
		t.Fatal(err)
	}
	start, used := time.Now(), cpuOf(t, c.cmd.Process.Pid)
	got, _, err := x.read(t.Context(), c, f.source())
	if err != nil {
		t.Fatalf("%s: %v", f.path, err)
	}
	took := spent{time.Since(start), cpuOf(t, c.cmd.Process.Pid) - used}
	x.pool.give(c, true)
	return got, took
}

func cpuOf(t *testing.T, pid int) time.Duration {
	t.Helper()
	var used unix.Timespec
	if err := unix.ClockGettime(^int32(pid)<<3|2, &used); err != nil { // as limitCPU does
		t.Fatal(err)
	}
	return time.Duration(used.Nano())
}

func benchRun(t *testing.T, name string, args ...string) spent {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "OMP_THREAD_LIMIT=1")
	start := time.Now()
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %v: %v", name, args, err)
	}
	return spent{time.Since(start), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
}

// samplePDFs are those of CORPUS_DIR that are no attacks; without the folder, some made here.
func samplePDFs(t *testing.T) []benchFile {
	t.Helper()
	var files []benchFile
	names, err := filepath.Glob(filepath.Join(os.Getenv("CORPUS_DIR"), "files", "*.pdf"))
	if err != nil || os.Getenv("CORPUS_DIR") == "" {
		names = nil
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if base := filepath.Base(name); !strings.HasPrefix(base, "h-") && !strings.Contains(base, "OCR") {
			files = append(files, benchFile{name, "application/pdf", data})
		}
	}
	for pages := 1; len(files) == 0 || names == nil && pages <= 32; pages *= 2 {
		texts := slices.Repeat([]string{strings.Repeat("a line of text on a page of a document\n", 45)}, pages)
		files = append(files, onDisk(t, fmt.Sprintf("%d.pdf", pages), "application/pdf", formatstest.PDF(texts...)))
	}
	return files
}

func onDisk(t *testing.T, name, kind string, data []byte) benchFile {
	t.Helper()
	f := benchFile{filepath.Join(t.TempDir(), name), kind, data}
	if err := os.WriteFile(f.path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

// benchPDF reads PDFs with and without a thumbnail. A file inside an archive has none; the archive's own name and sum are extra.
func benchPDF(t *testing.T, w io.Writer) {
	x := benchReader(t, Config{Children: 1})
	files := samplePDFs(t)
	const rounds = 5
	var whole, text, theirs spent
	each := make([]struct{ text, other time.Duration }, len(files))
	for round := range rounds + 1 {
		for i, f := range files {
			_, took := benchRead(t, x, f)
			inside := formatstest.Zip(formatstest.Part{Name: "a.pdf", Content: bytes.NewReader(f.data)})
			_, alone := benchRead(t, x, benchFile{"a.zip", "application/zip", inside})
			other := benchRun(t, "pdftotext", "-q", f.path, os.DevNull)
			if round > 0 { // the first warms up
				whole, text, theirs = whole.plus(took), text.plus(alone), theirs.plus(other)
				each[i].text += alone.wall
				each[i].other += other.wall
			}
		}
	}
	var ratios []float64
	for _, f := range each {
		ratios = append(ratios, f.text.Seconds()/f.other.Seconds())
	}
	slices.Sort(ratios)
	n := rounds * len(files)
	compare(w, fmt.Sprintf("text of one of %d PDFs; pdftotext", len(files)), text.each(n), theirs.each(n), "aim: at most 1")
	fmt.Fprintf(w, "  file by file: the best, the median, the worst\t%.2f\t%.2f\t%.2f\t\n", ratios[0], ratios[len(ratios)/2], ratios[len(ratios)-1])
	compare(w, "  text and thumbnail; pdftotext, which makes none", whole.each(n), theirs.each(n), "")
}

// benchLetter is an A4 page at 300 pixels per inch.
func benchLetter() *image.Gray {
	return formatstest.Picture(2480, 3508, strings.Repeat("Dear Madam or Sir, the invoice of last month over 1,250.40 is still open, and we ask you to settle it.\n", 60))
}

func benchOCR(t *testing.T, w io.Writer) {
	x := benchReader(t, Config{Children: 1})
	page := onDisk(t, "page.png", "image/png", formatstest.PNG(benchLetter()))
	const rounds = 3
	var ours, theirs spent
	for range rounds {
		got, took := benchRead(t, x, page)
		if !strings.Contains(got.Text, "the invoice of last month") {
			t.Fatalf("read %.200q", got.Text)
		}
		ours = ours.plus(took)
		theirs = theirs.plus(benchRun(t, "tesseract", page.path, filepath.Join(t.TempDir(), "out"), "-l", "eng", "--psm", "3"))
	}
	compare(w, "OCR of a dense A4 page; native Tesseract, one thread", ours.each(rounds), theirs.each(rounds), "aim: at most 2.2")
}

// benchThumbnails measures whole documents whose text costs nothing, so that the thumbnail is most of it.
func benchThumbnails(t *testing.T, w io.Writer) {
	x := benchReader(t, Config{Children: 1, NoOCR: true})
	page := benchLetter()
	files := map[string][]benchFile{
		"PDFs": samplePDFs(t),
		"A4 pictures": {{"a.png", "image/png", formatstest.PNG(page)}, {"a.jpg", "image/jpeg", formatstest.JPEG(page, 0)},
			{"a.tif", "image/tiff", formatstest.TIFF(page)}},
	}
	for _, kind := range []string{"PDFs", "A4 pictures"} {
		var took, cpu []time.Duration
		for round := range 8 {
			for _, f := range files[kind] {
				got, one := benchRead(t, x, f)
				if len(got.Thumbnail) == 0 {
					t.Fatalf("%s has no thumbnail", f.path)
				}
				if round > 0 {
					took, cpu = append(took, one.wall), append(cpu, one.cpu)
				}
			}
		}
		fmt.Fprintf(w, "thumbnails of %s with all else, p50 and p95\t%s\t%s\t\taim: p95 under 50 ms\n", kind, part(took, 50), part(took, 95))
		fmt.Fprintf(w, "  processor time\t%s\t%s\t\t\n", part(cpu, 50), part(cpu, 95))
	}
}

// part is the time that so many per cent are below.
func part(all []time.Duration, percent int) time.Duration {
	slices.Sort(all)
	return all[len(all)*percent/100].Round(100 * time.Microsecond)
}

// benchMany sends a thousand small documents of all kinds through the pool.
func benchMany(t *testing.T, w io.Writer) {
	x := benchReader(t, Config{Children: runtime.NumCPU()})
	kinds := []benchFile{
		{"a.txt", "text/plain", []byte(strings.Repeat("Dear Sir or Madam, the invoice is still open. ", 80))},
		{"a.html", "text/html", []byte("<title>Title</title>" + strings.Repeat("<p>a paragraph of text", 80))},
		{"a.docx", docx, formatstest.DOCX(formatstest.Paragraphs("one", "two", "three"), nil)},
		{"a.xlsx", ooxml + "spreadsheetml.sheet", formatstest.XLSX(`<row><c s="1"><v>45429</v></c></row>`)},
		{"a.pdf", "application/pdf", formatstest.PDF(strings.Repeat("a line of text on a page\n", 40))},
		{"a.eml", "message/rfc822", formatstest.Mail("body", formatstest.File{Name: "a.pdf", Content: formatstest.PDF("page")})},
		{"a.png", "image/png", formatstest.PNG(formatstest.Picture(1240, 200, "Invoice number 4711"))},
	}
	const documents = 1000
	next := make(chan benchFile)
	var wg sync.WaitGroup
	start := time.Now()
	for range runtime.NumCPU() {
		wg.Go(func() {
			for f := range next {
				if _, err := x.Extract(t.Context(), f.source()); err != nil {
					t.Errorf("%s: %v", f.path, err)
				}
			}
		})
	}
	for i := range documents {
		next <- kinds[i%len(kinds)]
	}
	close(next)
	wg.Wait()
	took := time.Since(start)
	own, children := peakOf(os.Getpid()), int64(0)
	x.pool.mu.Lock()
	for c := range x.pool.running {
		children += peakOf(c.cmd.Process.Pid)
	}
	x.pool.mu.Unlock()
	fmt.Fprintf(w, "%d small documents, a seventh of them pictures, %d children: rate and time\t%.0f/s\t%s\t\t\n", documents, runtime.NumCPU(),
		documents/took.Seconds(), took.Round(time.Millisecond))
	fmt.Fprintf(w, "peak memory of this process, and of all children\t%d MiB\t%d MiB\t\t\n", own>>20, children>>20)
}

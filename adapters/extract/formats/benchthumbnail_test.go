//go:build bench

package formats

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/klippa-app/go-pdfium/requests"

	"github.com/docuvault/docuvault/adapters/extract/formats/formatstest"
)

// TestBenchThumbnails prints what a thumbnail costs beside the opening of its document, which its text needs as well: a PDF is
// parsed, a picture decoded. It fails if something has no thumbnail, never because of a time.
func TestBenchThumbnails(t *testing.T) {
	table := tabwriter.NewWriter(t.Output(), 0, 0, 2, ' ', 0)
	defer func() { _ = table.Flush() }()
	fmt.Fprintln(table, "THUMBNAILS\tp50\tp95\t")
	base, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	r := New(Limits{}, Setup{CacheDir: filepath.Join(base, "docuvault", "wasm")}, nil, slog.New(slog.DiscardHandler))
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := r.Warm(PDFium); err != nil {
		t.Fatal(err)
	}
	var opening, showing []time.Duration
	const rounds = 9
	for round := range rounds {
		for _, data := range benchPDFs(t) {
			opened, shown := benchPDFThumbnail(t, r, data)
			if round > 0 { // the first warms up
				opening, showing = append(opening, opened), append(showing, shown)
			}
		}
	}
	row := func(what string, all []time.Duration) {
		slices.Sort(all)
		at := func(percent int) time.Duration { return all[len(all)*percent/100].Round(100 * time.Microsecond) }
		fmt.Fprintf(table, "%s\t%s\t%s\t\n", what, at(50), at(95))
	}
	row("opening a PDF", opening)
	row("its thumbnail (aim: p95 under 50 ms)", showing)
	page := formatstest.Picture(2480, 3508, strings.Repeat("Dear Madam or Sir, the invoice of last month is still open, and we ask you to settle it.\n", 60))
	for kind, data := range map[string][]byte{"image/png": formatstest.PNG(page), "image/jpeg": formatstest.JPEG(page, 0)} {
		opening, showing = nil, nil
		for range rounds {
			start := time.Now()
			seen, err := pictures[kind].open(r, data)
			if err != nil {
				t.Fatal(err)
			}
			middle := time.Now()
			if len(thumbnail(seen)) == 0 {
				t.Fatal("no thumbnail")
			}
			opening, showing = append(opening, middle.Sub(start)), append(showing, time.Since(middle))
		}
		row("opening an A4 page of 300 pixels per inch, "+kind, opening)
		row("its thumbnail (aim: p95 under 50 ms)", showing)
	}
}

func benchPDFThumbnail(t *testing.T, r *Reader, data []byte) (opened, shown time.Duration) {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	start := time.Now()
	instance, err := r.pdf.pool.GetInstanceWithContext(context.Background())
	must(err)
	defer func() { must(instance.Close()) }()
	document, err := instance.OpenDocument(&requests.OpenDocument{File: &data})
	must(err)
	loaded, err := instance.FPDF_LoadPage(&requests.FPDF_LoadPage{Document: document.Document})
	must(err)
	out := newPage(r.limits)
	p := pdfReader{Reader: r, instance: instance, document: document.Document, out: out}
	middle := time.Now()
	p.show(requests.Page{ByReference: &loaded.Page})
	end := time.Now()
	if len(out.thumbnail) == 0 {
		t.Fatal("no thumbnail")
	}
	return middle.Sub(start), end.Sub(middle)
}

// benchPDFs are those of CORPUS_DIR that are no attacks and need no password, or one made here.
func benchPDFs(t *testing.T) [][]byte {
	t.Helper()
	dir := os.Getenv("CORPUS_DIR")
	if dir == "" {
		return [][]byte{formatstest.PDF(strings.Repeat("a line of text on a page of a document\n", 45))}
	}
	names, err := filepath.Glob(filepath.Join(dir, "files", "*.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for _, name := range names {
		if base := filepath.Base(name); strings.HasPrefix(base, "h-") || strings.Contains(base, "protected") {
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data)
	}
	return all
}

package extract

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/extract/formats"
	"github.com/docuvault/docuvault/adapters/extract/formats/formatstest"
	"github.com/docuvault/docuvault/adapters/filetype"
)

// BenchmarkLetter reads texts of 4 KiB in a warm child and prints what the child costs over parsing in this process, both from
// the same run.
func BenchmarkLetter(b *testing.B) {
	text := strings.Repeat("Dear Sir or Madam, the invoice of last month is still open. ", 70)[:4096]
	x := open(b, Config{Children: 1})
	inside := formats.New(formats.Limits{}, formats.Setup{}, filetype.New(), slog.New(slog.DiscardHandler))
	var outer, inner time.Duration
	for b.Loop() {
		start := time.Now()
		if _, err := x.Extract(b.Context(), source("text/plain", text)); err != nil {
			b.Fatal(err)
		}
		middle := time.Now()
		if _, err := inside.Read("text/plain", []byte(text)); err != nil {
			b.Fatal(err)
		}
		outer, inner = outer+middle.Sub(start), inner+time.Since(middle)
	}
	b.ReportMetric(float64(outer.Microseconds())/float64(b.N), "µs/child")
	b.ReportMetric(float64(inner.Nanoseconds())/1000/float64(b.N), "µs/in-process")
	b.ReportMetric(float64(outer)/float64(inner), "ratio")
}

// BenchmarkStart is the cost of a new child with its first text.
func BenchmarkStart(b *testing.B) {
	x := open(b, Config{Children: 1, Documents: 1})
	for b.Loop() {
		if _, err := x.Extract(b.Context(), source("text/plain", "x")); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPDF reads one page in a warm child, and in a new one each time with compiled code at hand.
func BenchmarkPDF(b *testing.B) {
	cache := b.TempDir()
	page := string(formatstest.PDF(strings.Repeat("a line of text on a page\n", 40)))
	for name, documents := range map[string]int{"warm": 1 << 20, "new": 1} {
		b.Run(name, func(b *testing.B) {
			x := open(b, Config{Children: 1, Documents: documents, CacheDir: cache})
			read := func() {
				if _, err := x.Extract(b.Context(), source("application/pdf", page)); err != nil {
					b.Fatal(err)
				}
			}
			read()
			for b.Loop() {
				read()
			}
		})
	}
}

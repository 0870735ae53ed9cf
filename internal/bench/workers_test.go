//go:build bench && linux

package bench

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/embedded/childproc"
	"github.com/docuvault/docuvault/adapters/extract/formats/formatstest"
)

// manyDocuments is how many wait when the workers of TestBenchWorkers begin.
const manyDocuments = 1000

// mixed makes the nth of many small documents, none like another: of seven kinds, one of them a picture.
func mixed(n int) (name string, content []byte) {
	line := fmt.Sprintf("Document %d: the invoice is still open. ", n)
	switch n % 7 {
	case 0:
		return "a.txt", []byte(strings.Repeat(line, 80))
	case 1:
		return "a.html", []byte("<title>Title</title>" + strings.Repeat("<p>"+line, 80))
	case 2:
		return "a.docx", formatstest.DOCX(formatstest.Paragraphs(line, strings.Repeat(line, 10)), nil)
	case 3:
		return "a.xlsx", formatstest.XLSX(fmt.Sprintf(`<row><c s="1"><v>45429</v></c><c><v>%d</v></c></row>`, n))
	case 4:
		return "a.pdf", formatstest.PDF(strings.Repeat(line+"\n", 40))
	case 5:
		return "a.eml", formatstest.Mail(line, formatstest.File{Name: "a.pdf", Content: formatstest.PDF(line)})
	default:
		return "a.png", formatstest.PNG(formatstest.Picture(1240, 200, fmt.Sprintf("Invoice number %d", n)))
	}
}

// TestBenchWorkers measures how long one worker and two need for a thousand mixed documents that wait, from the first taken to the
// last ready, and what memory they take. Every worker runs one task at a time, so that two are twice one.
func TestBenchWorkers(t *testing.T) {
	one, memory := drain(t, 1)
	Add(t, Row{What: "1,000 mixed documents by one worker", Figures: fmt.Sprintf("%.0f/s; %s", float64(one), memory), Value: float64(one)})
	two, memory := drain(t, 2)
	Add(t, Row{What: "1,000 mixed documents, two workers to one", Figures: fmt.Sprintf("%.0f/s and %.0f/s; %s", float64(two), float64(one), memory), Value: float64(two / one)})
}

// drain uploads the documents, starts so many workers, and returns documents a second and the memory of workers and children.
func drain(t *testing.T, workers int) (rate, string) {
	s := newStack(t)
	bare, api := newBare(t, s), s.startAPI(t)
	var next atomic.Int64
	times(t, clients, manyDocuments, func() error {
		name, content := mixed(int(next.Add(1)))
		return api.upload(t.Context(), name, content)
	})
	var running []*process
	began := time.Now()
	for range workers {
		running = append(running, start(t, s.bin, append(s.env(), "WORKER_CONCURRENCY=1"), "worker"))
	}
	var first time.Time
	await(t, func() error {
		var ready, failed int
		if err := bare.db.QueryRow(t.Context(), `SELECT count(*) FILTER (WHERE status = 'ready'), count(*) FILTER (WHERE status = 'failed') FROM documents`).Scan(&ready, &failed); err != nil {
			return err
		}
		if failed > 0 {
			t.Fatalf("%d documents failed", failed)
		}
		if ready > 0 && first.IsZero() {
			first = time.Now()
		}
		if ready < manyDocuments {
			return fmt.Errorf("%d of %d ready", ready, manyDocuments)
		}
		return nil
	})
	v := since(first, manyDocuments)
	t.Logf("%d workers: the first document was ready after %.1f s, all after %.1f s", workers, first.Sub(began).Seconds(), time.Since(began).Seconds())
	own, children := int64(0), int64(0)
	for _, p := range running {
		_, peak := p.memory(t)
		own += peak
		for _, pid := range childproc.Children(p.cmd.Process.Pid) {
			if _, peak, err := memoryOf(pid); err == nil { // else it is gone
				children += peak
			}
		}
	}
	return v, fmt.Sprintf("peak %d MiB, children %d MiB", own>>20, children>>20)
}

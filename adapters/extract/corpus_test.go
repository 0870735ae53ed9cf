//go:build corpus && linux

package extract

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/docuvault/docuvault/adapters/filetype"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// sampleFile is one entry of CORPUS_DIR/index.json: a file, what it is, and what to expect of it: "text" with a reference text,
// "contains" with words, or a kind of failure.
type sampleFile struct {
	File     string   `json:"file"`
	Type     string   `json:"type"`
	Expect   string   `json:"expect"`
	TextFile string   `json:"text_file"`
	Tool     string   `json:"ref_tool"`
	Contains []string `json:"contains"`
}

// hostile samples must fail cleanly or succeed within the limits.
func (s sampleFile) hostile() bool { return strings.HasPrefix(filepath.Base(s.File), "h-") }

type outcome struct {
	sampleFile
	kind   string // content type found
	result string // ok, cut, or the reason of the failure
	detail string
	took   time.Duration
	peak   int64 // bytes the child had in memory at most
	f1     float64
	scored bool
	text   string

	missing, extra []string // tokens
}

// TestCorpus reads every sample of the folder CORPUS_DIR in a child of its own and prints what came of it. It fails when a
// hostile sample does anything but fail cleanly or succeed within the limits.
func TestCorpus(t *testing.T) {
	dir := os.Getenv("CORPUS_DIR")
	if dir == "" {
		t.Fatal("CORPUS_DIR does not say where the samples are")
	}
	var index struct{ Files []sampleFile }
	b, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &index); err != nil {
		t.Fatal(err)
	}
	x := open(t, Config{Children: 1, CacheDir: programsOwn, Documents: 1})
	x.log = slog.New(slog.DiscardHandler)
	x.Warm(t.Context())
	var all []outcome
	for _, sample := range index.Files {
		all = append(all, readSample(t, x, dir, sample))
	}
	report(t.Output(), all)
	for _, o := range all {
		if problem := o.problem(x.cfg); problem != "" {
			t.Errorf("%s: %s", o.File, problem)
		}
	}
}

func readSample(t *testing.T, x *Extractor, dir string, sample sampleFile) outcome {
	t.Helper()
	o := outcome{sampleFile: sample}
	data, err := os.ReadFile(filepath.Join(dir, sample.File))
	if err != nil {
		t.Fatal(err)
	}
	name := domain.FileName(filepath.Base(sample.File))
	o.kind = filetype.New().DetectType(data[:min(len(data), ports.DetectBytes)], name)
	if !slices.Contains(filetype.DefaultTypes(), o.kind) {
		o.result = "refused at upload"
		return o
	}
	if !x.reads[o.kind] {
		o.result, o.detail = ports.ReasonUnsupported, "kept, but not read"
		return o
	}
	c, err := x.pool.take(t.Context(), domain.Nobody, x.cfg.setup().Needs(o.kind))
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	got, _, err := x.read(t.Context(), c, ports.Source{Name: name, ContentType: o.kind, Size: int64(len(data)), Content: bytes.NewReader(data)})
	o.took, o.peak, o.text = time.Since(start), peakOf(c.cmd.Process.Pid), got.Text
	x.pool.give(c, false)
	if o.peak == 0 { // it is gone, and what it ends with is all there is
		o.peak = c.cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
	}
	switch {
	case err == nil && got.Truncated:
		o.result = "cut"
	case err == nil:
		o.result = "ok"
	case domain.ErrorCode(err) == domain.Unreadable:
		o.result, o.detail = domain.ErrorReason(err), domain.ErrorMessage(err)
	default:
		o.result, o.detail = string(domain.ErrorCode(err)), err.Error()
	}
	o.detail = cmp.Or(got.Warning, o.detail)
	o.score(t, dir)
	return o
}

// score compares the tokens read with those expected. F1 is the harmonic mean of how many of the tokens read are right and how
// many of the right ones were read.
func (o *outcome) score(t *testing.T, dir string) {
	t.Helper()
	var want []string
	switch {
	case o.TextFile != "":
		b, err := os.ReadFile(filepath.Join(dir, o.TextFile))
		if err != nil {
			t.Fatal(err)
		}
		want = tokens(string(b))
	case len(o.Contains) > 0: // only what is missing counts
		want = tokens(strings.Join(o.Contains, " "))
	}
	if len(want) == 0 {
		return
	}
	o.scored = true
	got := map[string]int{}
	read := 0
	for _, token := range tokens(o.text) {
		got[token]++
		read++
	}
	right := 0
	for _, token := range want {
		if got[token] > 0 {
			got[token]--
			right++
		} else if len(o.missing) < 6 {
			o.missing = append(o.missing, token)
		}
	}
	if o.TextFile == "" {
		read = len(want)
	}
	for token, n := range got {
		if n > 0 {
			o.extra = append(o.extra, token)
		}
	}
	slices.Sort(o.extra)
	o.f1 = 2 * float64(right) / float64(max(1, read+len(want)))
}

func tokens(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// problem says what is wrong with what came of a sample, "" if nothing is.
func (o outcome) problem(cfg Config) string {
	switch {
	case o.result == "refused at upload":
	case strings.Contains(o.text, "root:"):
		return "a file of this machine was read"
	case !o.hostile():
	case !slices.Contains([]string{"ok", "cut", ports.ReasonCorrupt, ports.ReasonTooComplex, ports.ReasonTimeout, ports.ReasonEncrypted, ports.ReasonUnsupported}, o.result):
		return "the outcome is " + o.result + ": " + o.detail
	case o.took > cfg.Timeout+10*time.Second: // killed, and seen to be gone
		return "it took " + o.took.String()
	case o.peak > cfg.Memory+addressSlack:
		return fmt.Sprintf("it took %d MiB", o.peak>>20)
	}
	return ""
}

func report(w io.Writer, all []outcome) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(o outcome) {
		score := "-"
		if o.scored {
			score = fmt.Sprintf("%.2f", o.f1)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%d\t%s\t%s\n", strings.TrimPrefix(o.File, "files/"), short(o.kind), o.Expect, o.result,
			o.took.Milliseconds(), o.peak>>20, score, o.detail)
	}
	fmt.Fprintln(table, "SAMPLE\tTYPE\tEXPECTED\tOUTCOME\tms\tMiB\tF1\t")
	byType := map[string][]float64{}
	for _, o := range all {
		if !o.hostile() {
			row(o)
		}
		if o.scored {
			byType[o.Type] = append(byType[o.Type], o.f1)
		}
	}
	fmt.Fprintln(table, "\nHOSTILE\tTYPE\tEXPECTED\tOUTCOME\tms\tMiB\tF1\t")
	for _, o := range all {
		if o.hostile() {
			row(o)
		}
	}
	fmt.Fprintln(table, "\nTYPE\tSAMPLES\tMEAN F1")
	for _, kind := range slices.Sorted(maps.Keys(byType)) {
		fmt.Fprintf(table, "%s\t%d\t%.3f\n", kind, len(byType[kind]), mean(byType[kind]))
	}
	scored := slices.DeleteFunc(slices.Clone(all), func(o outcome) bool { return !o.scored })
	slices.SortStableFunc(scored, func(a, b outcome) int { return cmp.Compare(a.f1, b.f1) })
	var every []float64
	for _, o := range scored {
		every = append(every, o.f1)
	}
	fmt.Fprintf(table, "all\t%d\t%.3f\n", len(every), mean(every))
	fmt.Fprintln(table, "\nWORST\tF1\tOUTCOME\tMISSING\tNOT EXPECTED\tREFERENCE")
	for _, o := range scored[:min(5, len(scored))] {
		fmt.Fprintf(table, "%s\t%.2f\t%s %s\t%s\t%s\t%s\n", strings.TrimPrefix(o.File, "files/"), o.f1, o.result, o.detail,
			strings.Join(o.missing, " "), strings.Join(o.extra[:min(6, len(o.extra))], " "), o.Tool)
	}
	_ = table.Flush()
}

func mean(all []float64) float64 {
	sum := 0.0
	for _, f := range all {
		sum += f
	}
	return sum / float64(max(1, len(all)))
}

// short is a content type's last words.
func short(kind string) string {
	kind = kind[strings.LastIndexByte(kind, '/')+1:]
	return kind[strings.LastIndexByte(kind, '.')+1:]
}

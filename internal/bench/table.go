//go:build bench

package bench

import (
	"fmt"
	"os"
	"testing"
)

// Row is one line of the table that `make bench` ends with.
type Row struct {
	What    string  // that was measured
	Figures string  // what the ratio is made of
	Value   float64 // the ratio, or whatever Reach is in
	Reach   float64 // the promise
	Aim     float64 // what would be better than the promise; zero is no such thing
	Most    bool    // Reach is the most that Value may be, not the least
}

// Add prints the row, and appends it to the file that BENCH_TABLE names, which other packages' benchmarks share.
func Add(t *testing.T, row Row) {
	t.Helper()
	line := fmt.Sprintf("%-44s %-40s %8s %10s %8s  %s", row.What, row.Figures, number(row.Value), row.bound(row.Reach), row.bound(row.Aim), row.verdict())
	t.Log(line)
	path := os.Getenv("BENCH_TABLE")
	if path == "" {
		return
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if at, err := file.Stat(); err == nil && at.Size() == 0 {
		line = fmt.Sprintf("%-44s %-40s %8s %10s %8s  %s\n%s", "measured", "figures", "value", "reach", "aim", "verdict", line)
	}
	if _, err := fmt.Fprintln(file, line); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

func (r Row) verdict() string {
	reached := func(bound float64) bool { return r.Most && r.Value <= bound || !r.Most && r.Value >= bound }
	switch {
	case r.Reach == 0 && r.Aim == 0:
		return ""
	case r.Reach != 0 && !reached(r.Reach):
		return "MISSED"
	case r.Aim == 0:
		return "reached"
	case reached(r.Aim):
		return "aim reached"
	case r.Reach == 0:
		return "below the aim"
	default:
		return "reached, below the aim"
	}
}

func (r Row) bound(v float64) string {
	switch {
	case v == 0:
		return "-"
	case r.Most:
		return "<= " + number(v)
	default:
		return ">= " + number(v)
	}
}

func number(v float64) string {
	if v == float64(int(v)) {
		return fmt.Sprint(int(v))
	}
	return fmt.Sprintf("%.2f", v)
}

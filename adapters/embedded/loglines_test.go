package embedded

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// What somebody at a terminal should see is a warning. That a name was taken is between the API and its client.
func TestServerLinesHaveTheirLevel(t *testing.T) {
	t.Parallel()
	for line, level := range map[string]string{
		"LOG:  checkpoint starting: time":                                          "DEBUG",
		"WARNING:  out of shared memory":                                           "INFO",
		"ERROR:  duplicate key value violates unique constraint \"topics_key\"":    "INFO",
		"FATAL:  could not write lock file \"postmaster.pid\": No space left":      "WARN",
		"PANIC:  could not write to file \"pg_wal/xlogtemp.1\": No space left":     "WARN",
		"FATAL:  the database system is starting up":                               "DEBUG",
		"FATAL:  terminating connection due to administrator command":              "DEBUG",
		"something without a severity that a library wrote to standard error here": "DEBUG",
	} {
		var out bytes.Buffer
		lines := newLogLines(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})))
		for _, piece := range []string{line[:5], line[5:], "\n"} {
			if n, err := lines.Write([]byte(piece)); n != len(piece) || err != nil {
				t.Fatal(n, err)
			}
		}
		if got := out.String(); !strings.Contains(got, "level="+level+" ") || strings.Count(got, "\n") != 1 {
			t.Errorf("%s: want level %s, got %s", line, level, got)
		}
	}
}

package boundaries

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestThreatsNameRealTests reads the table of SECURITY.md: every row names tests, and each of them exists.
func TestThreatsNameRealTests(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("git", "-C", "../..", "grep", "--untracked", "-hoE", "^func (Test|Fuzz)[A-Za-z0-9_]+", "--", "*_test.go").Output()
	if err != nil {
		t.Fatalf("look for tests: %v", err)
	}
	there := make(map[string]bool)
	for line := range strings.Lines(string(out)) {
		there[strings.TrimPrefix(strings.TrimSpace(line), "func ")] = true
	}
	named := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9_]+)`")
	rows := 0
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| threat |") {
			continue
		}
		rows++
		if len(cells) != 3 {
			t.Fatalf("this row has %d cells: %s", len(cells), line)
		}
		tests := named.FindAllStringSubmatch(cells[2], -1)
		if len(tests) == 0 {
			t.Errorf("this row names no test: %s", line)
		}
		for _, test := range tests {
			if !there[test[1]] {
				t.Errorf("there is no test %s: %s", test[1], line)
			}
		}
	}
	if rows < 20 {
		t.Errorf("only %d threats were found", rows)
	}
}

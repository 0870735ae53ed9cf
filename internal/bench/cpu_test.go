//go:build bench

package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/extract"
)

// clockTick is the unit of the times in /proc/PID/stat: a hundredth of a second on every Linux there is (USER_HZ).
const clockTick = 10 * time.Millisecond

// usage is the processor time of our processes by name, their ended children included. See proc(5).
type usage map[string]time.Duration

// used returns what this process's descendants have used up to now. A figure that others on the machine cannot spoil.
func used(t *testing.T) usage {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	type process struct {
		parent int
		name   string
		spent  time.Duration
	}
	processes := map[int]process{}
	for _, path := range stats {
		content, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// The name stands in parentheses and may hold anything: the fields begin after the last one.
		end := strings.LastIndexByte(string(content), ')')
		begin := strings.IndexByte(string(content), '(')
		fields := strings.Fields(string(content[end+1:]))
		pid, _ := strconv.Atoi(strings.TrimSpace(string(content[:begin])))
		parent, _ := strconv.Atoi(fields[1])
		ticks := 0
		for _, field := range fields[11:15] { // utime, stime, cutime, cstime
			n, _ := strconv.Atoi(field)
			ticks += n
		}
		processes[pid] = process{parent, nameOf(pid, string(content[begin+1:end])), time.Duration(ticks) * clockTick}
	}
	total := usage{}
	for _, p := range processes {
		for parent := p.parent; parent > 1; parent = processes[parent].parent {
			if parent == os.Getpid() {
				name := p.name
				if name == extract.WorkerCommand { // its time is its parent's once it has ended
					name = processes[p.parent].name
				}
				total[name] += p.spent
				break
			}
		}
	}
	return total
}

// nameOf tells the program's commands apart.
func nameOf(pid int, name string) string {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if args := strings.Split(string(line), "\x00"); err == nil && name == "docuvault" && len(args) > 1 {
		return args[1]
	}
	return name
}

// since returns what was used from before to u, for each of n documents.
func (u usage) since(before usage, n int) string {
	var parts []string
	var total time.Duration
	for name, spent := range u {
		if spent -= before[name]; spent > 0 {
			total += spent
			parts = append(parts, fmt.Sprintf("%s %.2f", name, spent.Seconds()*1000/float64(n)))
		}
	}
	slices.Sort(parts)
	return fmt.Sprintf("processor ms a document: %.2f (%s)", total.Seconds()*1000/float64(n), strings.Join(parts, ", "))
}

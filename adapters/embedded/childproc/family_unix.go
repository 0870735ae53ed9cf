//go:build unix

package childproc

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// Children lists the direct children of a process, also those that lead groups of their own. It needs /proc: elsewhere
// there are none.
func Children(pid int) []int {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil
	}
	var found []int
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		// pid (name) state ppid …; the name may hold anything, so the fields are counted from its end.
		fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			if child, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
				found = append(found, child)
			}
		}
	}
	return found
}

// Running tells a process that runs from one that is gone and from one that has ended and waits to be taken note of (a
// zombie). It needs /proc: elsewhere it cannot see zombies.
func Running(pid int) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist) || runtime.GOOS != "linux" && syscall.Kill(pid, 0) == nil
	}
	return !strings.HasPrefix(string(stat[strings.LastIndexByte(string(stat), ')')+1:]), " Z")
}

// SignalPID sends a signal to one process, which need not be a child. A process that is gone is no error.
func SignalPID(pid int, sig syscall.Signal) { _ = syscall.Kill(pid, sig) }

//go:build unix

package testenv

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/docuvault/docuvault/adapters/embedded/childproc"
)

// freeze stops processes and returns when none of their threads runs any more: the signal alone only asks for that, and a thread
// on another processor may go on to answer a request or two.
func freeze(ctx context.Context, pids ...int) error {
	for _, pid := range pids {
		childproc.SignalPID(pid, syscall.SIGSTOP)
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for _, pid := range pids {
		for moving(pid) {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-tick.C:
			}
		}
	}
	return nil
}

// moving reports whether any thread of a process is neither stopped nor gone, by the third field of proc_pid_stat(5). Where there
// is no such file it reports false.
func moving(pid int) bool {
	stats, _ := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task", "*", "stat"))
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // the thread has ended meanwhile
		}
		_, fields, _ := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" "))
		if len(fields) > 0 && bytes.IndexByte([]byte("TtZX"), fields[0]) < 0 {
			return true
		}
	}
	return false
}

//go:build unix

package testenv

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
)

// runDir is this test binary's folder for servers' data. It lies in /tmp, where a server that dropped root can enter, or
// in the folder that TESTENV_DIR names. A lock tells living runs from dead ones, whose folders the next run removes.
type runDir struct {
	path string
	lock *os.File
	next atomic.Int64
}

const runDirPrefix = "docuvault-test-"

func openRunDir() (*runDir, error) {
	base := os.Getenv("TESTENV_DIR")
	if base == "" {
		base = "/tmp"
	}
	sweep(base)
	path, err := os.MkdirTemp(base, runDirPrefix)
	if err != nil {
		return nil, err
	}
	d := &runDir{path: path}
	if err := os.Chmod(path, 0o711); err != nil {
		return nil, err
	}
	// The lock is taken before the file has the name that others look for: they never see it free while we live.
	d.lock, err = os.Create(filepath.Join(path, "lock.new"))
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(d.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, err
	}
	return d, os.Rename(d.lock.Name(), filepath.Join(path, "lock"))
}

// sweep removes the folders of test binaries that were killed.
func sweep(base string) {
	locks, err := filepath.Glob(filepath.Join(base, runDirPrefix+"*", "lock"))
	if err != nil {
		return
	}
	for _, lock := range locks {
		f, err := os.Open(lock)
		if err != nil {
			continue
		}
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			_ = os.RemoveAll(filepath.Dir(lock)) // another user's: theirs to sweep
		}
		_ = f.Close()
	}
}

// sub makes a new folder in the run's.
func (d *runDir) sub(name string) (string, error) {
	path := filepath.Join(d.path, name+strconv.FormatInt(d.next.Add(1), 10))
	return path, os.Mkdir(path, 0o711)
}

func (d *runDir) remove() error {
	return errors.Join(os.RemoveAll(d.path), d.lock.Close())
}

// tempDir makes a folder for a server's data. It is removed with the run.
func tempDir(name string) (string, error) {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.dir == nil {
		d, err := openRunDir()
		if err != nil {
			return "", fmt.Errorf("make a folder for servers' data: %w", err)
		}
		shared.dir = d
	}
	return shared.dir.sub(name + "-")
}

// testDir is tempDir for a server of one test's own: it is removed with the test.
func testDir(t testing.TB, name string) string {
	t.Helper()
	path, err := tempDir(name)
	if err != nil {
		t.Fatal("testenv:", err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(path); err != nil {
			t.Errorf("testenv: remove the data of %s: %v", name, err)
		}
	})
	return path
}

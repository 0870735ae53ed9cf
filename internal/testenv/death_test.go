//go:build unix

package testenv_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/embedded/childproc"
	"github.com/docuvault/docuvault/internal/testenv"
)

// roleTB stands in for a test in a child's role, where there is none. It never cleans up: the role is killed.
type roleTB struct{ testing.TB }

func (roleTB) Helper()        {}
func (roleTB) Cleanup(func()) {}
func (roleTB) Fatal(args ...any) {
	fmt.Println(append([]any{"error"}, args...)...)
	os.Exit(1)
}
func (t roleTB) Fatalf(format string, args ...any) { t.Fatal(fmt.Sprintf(format, args...)) }

// servers has one of everything and waits to be killed.
func servers() {
	t := roleTB{}
	testenv.Schema(t)
	testenv.S3(t)
	testenv.Versity(t)
	r := testenv.Redis(t)
	testenv.Celery(t, testenv.CeleryOptions{RedisURL: r.URL, Files: map[string]string{"celery_app.py": app}})
	testenv.Child(t, "hang")
	for _, pid := range family(os.Getpid()) {
		dir, _ := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
		fmt.Println("server", pid, dir)
	}
	fmt.Println("ready")
	select {}
}

func family(pid int) []int {
	var all []int
	for _, child := range childproc.Children(pid) {
		all = append(all, child)
		all = append(all, family(child)...)
	}
	return all
}

// A test binary that is killed leaves no process, and the next one removes its files. Containers are not its own: testcontainers' reaper
// ends those, so the servers here are processes wherever the test runs.
func TestEverythingDiesWithTheTestBinary(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	for dir := base; dir != os.TempDir(); dir = filepath.Dir(dir) { // PostgreSQL's user passes through
		must(t, os.Chmod(dir, 0o711))
	}
	c := testenv.Child(t, "servers", "TESTENV_DIR="+base, "TESTENV=local")
	var pids []int
	var dir string
	for {
		line := c.WaitLine(t, "")
		if line == "ready" {
			break
		}
		fields := strings.Fields(line)
		if fields[0] != "server" {
			t.Fatal(line)
		}
		pid, err := strconv.Atoi(fields[1])
		must(t, err)
		pids = append(pids, pid)
		if len(fields) > 2 && strings.Contains(fields[2], "/redis-") {
			dir = filepath.Dir(fields[2])
		}
	}
	// PostgreSQL's first process and its five, MinIO, versitygw, Redis, Celery's two, the child.
	if len(pids) < 12 || dir == "" {
		t.Fatalf("processes %v, folder %q", pids, dir)
	}
	c.Kill()
	for _, pid := range pids {
		testenv.Eventually(t, 20*time.Second, func() error {
			if childproc.Running(pid) {
				return fmt.Errorf("process %d runs", pid)
			}
			return nil
		})
	}
	if _, err := os.Stat(dir); err != nil {
		t.Fatalf("the folder went without a sweep: %v", err)
	}
	next := testenv.Child(t, "servers", "TESTENV_DIR="+base, "TESTENV=local")
	next.WaitLine(t, "server")
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Fatalf("the next run leaves the folder: %v", err)
	}
	alive, err := filepath.Glob(filepath.Join(base, "*", "lock"))
	if err != nil || len(alive) != 1 {
		t.Fatalf("folders of living runs: %v, %v", alive, err)
	}
	next.Kill()
}

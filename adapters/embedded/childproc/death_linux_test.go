package childproc_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/embedded/childproc"
	"github.com/docuvault/docuvault/internal/testenv"
)

func TestChildDiesWithAKilledParent(t *testing.T) {
	t.Parallel()
	c := testenv.Child(t, "parent")
	pid, err := strconv.Atoi(strings.TrimPrefix(c.WaitLine(t, "child "), "child "))
	if err != nil {
		t.Fatal(err)
	}
	c.Kill()
	testenv.Eventually(t, 10*time.Second, gone(pid))
}

// The thread that called Start ends: the child must not notice.
func TestChildOutlivesTheThreadThatStartedIt(t *testing.T) {
	t.Parallel()
	leave := t.TempDir() + "/leave"
	tid, p := startOnOwnThread(t, shell("while [ ! -e "+leave+" ]; do sleep 0.01; done"))
	for tid == os.Getpid() { // the process's first thread, which never ends; it is taken now
		tid, p = startOnOwnThread(t, shell("while [ ! -e "+leave+" ]; do sleep 0.01; done"))
	}
	testenv.Eventually(t, 10*time.Second, func() error {
		if _, err := os.Stat(fmt.Sprintf("/proc/self/task/%d", tid)); err == nil {
			return errors.New("the thread is still there")
		}
		return nil
	})
	if err := os.WriteFile(leave, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if p.Err() != nil {
		t.Fatalf("the child died with the thread: %v", p.Err())
	}
}

// startOnOwnThread calls Start on a thread that ends thereafter, and returns that thread's id.
func startOnOwnThread(t *testing.T, cfg childproc.Config) (int, *childproc.Process) {
	t.Helper()
	started, thread := make(chan *childproc.Process, 1), make(chan int, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		thread <- syscall.Gettid()
		p, err := childproc.Start(cfg)
		if err != nil {
			t.Error(err)
		}
		started <- p
	}()
	tid, p := <-thread, <-started
	if p == nil {
		t.FailNow()
	}
	t.Cleanup(p.Kill)
	return tid, p
}

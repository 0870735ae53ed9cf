//go:build linux

package extract

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// describe asks the child that reads for owner about itself.
func describe(t *testing.T, x *Extractor, owner domain.Owner) (pid int, about []string) {
	t.Helper()
	in := source(testSelf, "x")
	in.Owner = owner
	got, err := x.Extract(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	about = strings.Split(strings.TrimSpace(got.Text), "\n")
	pid, err = strconv.Atoi(strings.TrimPrefix(about[0], "pid="))
	if err != nil {
		t.Fatal(err)
	}
	return pid, about[1:]
}

func alive(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

func mustDie(t *testing.T, pid int) {
	t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for alive(pid) {
		select {
		case <-deadline.C:
			t.Fatalf("process %d lives on", pid)
		case <-tick.C:
		}
	}
}

func TestChildIsUsedAgainForItsOwnerAlone(t *testing.T) {
	t.Parallel()
	x := open(t, Config{Children: 2})
	alice, bob, carol := domain.Owner(uuid.New()), domain.Owner(uuid.New()), domain.Owner(uuid.New())
	first, _ := describe(t, x, alice)
	if again, _ := describe(t, x, alice); again != first {
		t.Errorf("process %d and then %d for one owner", first, again)
	}
	second, _ := describe(t, x, bob)
	third, _ := describe(t, x, carol) // takes the place of alice's, the oldest
	if first == second || second == third || first == third {
		t.Errorf("owners met: %d, %d, %d", first, second, third)
	}
	mustDie(t, first)
	if again, _ := describe(t, x, bob); again != second {
		t.Errorf("bob's process was %d and is %d, though there was room", second, again)
	}
}

func TestChildIsReplacedAfterSoManyDocuments(t *testing.T) {
	t.Parallel()
	x := open(t, Config{Children: 1, Documents: 3})
	counts := map[int]int{}
	for range 7 {
		pid, _ := describe(t, x, domain.Nobody)
		if counts[pid]++; counts[pid] > 3 {
			t.Fatalf("process %d read %d documents", pid, counts[pid])
		}
	}
	if len(counts) != 3 {
		t.Errorf("%d processes for seven documents, want three", len(counts))
	}
}

func TestOwnersNeverMeet(t *testing.T) {
	t.Parallel()
	x := open(t, Config{Children: 3, Documents: 5})
	owners := []domain.Owner{domain.Nobody, domain.Owner(uuid.New()), domain.Owner(uuid.New()), domain.Owner(uuid.New())}
	var mu sync.Mutex
	served := map[int]domain.Owner{}
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			for n := range 6 {
				owner := owners[(i+n)%len(owners)]
				pid, _ := describe(t, x, owner)
				mu.Lock()
				if before, ok := served[pid]; ok && before != owner {
					t.Errorf("process %d served %s and %s", pid, before, owner)
				}
				served[pid] = owner
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	for pid := range served {
		if alive(pid) {
			t.Errorf("process %d lives on", pid)
		}
	}
}

func TestIdleChildEnds(t *testing.T) {
	t.Parallel()
	x := open(t, Config{Idle: 50 * time.Millisecond})
	pid, _ := describe(t, x, domain.Nobody)
	mustDie(t, pid)
	if again, _ := describe(t, x, domain.Nobody); again == pid {
		t.Error("it was not replaced")
	}
}

func TestCancelKillsTheChild(t *testing.T) {
	t.Parallel()
	x := open(t, Config{Children: 1})
	pid, _ := describe(t, x, domain.Nobody)
	ctx, cancel := context.WithCancel(t.Context())
	in := source(testHang, "x")
	in.Content = &onEnd{do: cancel}
	start := time.Now()
	_, err := x.Extract(ctx, in)
	if domain.ErrorCode(err) != domain.Canceled || !errors.Is(err, context.Canceled) {
		t.Fatalf("error is %v", err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	if alive(pid) {
		t.Error("the child lives on")
	}
	mustWork(t, x)
}

// onEnd is a reader that does something when it is asked for more than it has.
type onEnd struct {
	sent bool
	do   func()
}

func (o *onEnd) Read(b []byte) (int, error) {
	if !o.sent {
		o.sent = true
		return copy(b, "text"), nil
	}
	o.do()
	return 0, io.EOF
}

func TestWaitingForATurnCanBeCanceled(t *testing.T) {
	t.Parallel()
	x := open(t, Config{Children: 1})
	busy, release := context.WithCancel(t.Context())
	defer release()
	reading := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		in := source(testHang, "")
		in.Content = &onEnd{do: func() { close(reading); <-busy.Done() }}
		_, _ = x.Extract(busy, in)
	})
	<-reading
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := x.Extract(ctx, source("text/plain", "x")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error is %v", err)
	}
	release()
	wg.Wait()
	mustWork(t, x)
}

func TestKilledFromOutsideIsNotTheDocumentsFault(t *testing.T) {
	t.Parallel()
	x := open(t, Config{Children: 1})
	pid, _ := describe(t, x, domain.Nobody)
	in := source(testHang, "")
	in.Content = &onEnd{do: func() { _ = syscall.Kill(pid, syscall.SIGKILL) }}
	_, err := x.Extract(t.Context(), in)
	if domain.ErrorCode(err) != domain.Unavailable {
		t.Fatalf("error is %v, want Unavailable: another try may succeed", err)
	}
	mustWork(t, x)
	pid, _ = describe(t, x, domain.Nobody)
	x.pool.mu.Lock()
	idle := x.pool.idle[0]
	x.pool.mu.Unlock()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil { // this time while it is idle
		t.Fatal(err)
	}
	<-idle.done
	mustWork(t, x)
}

func TestChildrenDieWithTheirParent(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	parent := exec.Command(self, parentRole)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(line, "pid=")))
	if err != nil || !alive(pid) {
		t.Fatalf("child %q: %v", line, err)
	}
	if err := parent.Process.Kill(); err != nil { // nothing of its own can run any more
		t.Fatal(err)
	}
	_ = parent.Wait()
	mustDie(t, pid)
}

func TestTerminalSignalsDoNotReachChildren(t *testing.T) {
	t.Parallel()
	x := open(t, Config{Children: 1})
	pid, _ := describe(t, x, domain.Nobody)
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if err := syscall.Kill(pid, signal); err != nil {
			t.Fatal(err)
		}
	}
	if again, _ := describe(t, x, domain.Nobody); again != pid {
		t.Errorf("process %d ended by a signal that was not for it", pid)
	}
	if group, err := syscall.Getpgid(pid); err != nil || group == syscall.Getpgrp() {
		t.Errorf("the child is in our process group (%v)", err)
	}
}

func TestParentMemoryDoesNotMove(t *testing.T) {
	x := open(t, Config{Children: 1})
	mustWork(t, x)
	before := resident(t)
	for range 3 {
		in := ports.Source{ContentType: "text/plain", Size: 64 << 20, Content: &spaces{left: 64 << 20}}
		if _, err := x.Extract(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	// The text itself, two million characters at most, comes back; the document does not.
	if grown := resident(t) - before; grown > 40<<20 {
		t.Errorf("the parent grew by %d MiB", grown>>20)
	}
}

type spaces struct{ left int }

func (s *spaces) Read(b []byte) (int, error) {
	n := min(len(b), s.left)
	for i := range n {
		b[i] = ' '
	}
	s.left -= n
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func resident(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(b))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

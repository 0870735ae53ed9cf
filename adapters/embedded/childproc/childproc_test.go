//go:build unix

package childproc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/embedded/childproc"
	"github.com/docuvault/docuvault/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m, testenv.Roles{"parent": parent}) }

// parent starts a child of its own and waits to be killed.
func parent() {
	p, err := childproc.Start(shell("sleep 600"))
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	fmt.Println("child", p.PID())
	<-p.Done()
}

func shell(script string) childproc.Config {
	return childproc.Config{Path: "/bin/sh", Args: []string{"-c", script}}
}

func start(t *testing.T, cfg childproc.Config) *childproc.Process {
	t.Helper()
	p, err := childproc.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

func gone(pid int) func() error {
	return func() error {
		if childproc.Running(pid) {
			return fmt.Errorf("process %d runs", pid)
		}
		return nil
	}
}

func TestOutputAndExit(t *testing.T) {
	t.Parallel()
	var out, problems bytes.Buffer
	cfg := shell("echo one; echo two >&2; pwd; echo $X; exit 3")
	cfg.Stdout, cfg.Stderr, cfg.Dir, cfg.Env = &out, &problems, "/", []string{"X=given"}
	p := start(t, cfg)
	<-p.Done()
	var exit *exec.ExitError
	if !errors.As(p.Err(), &exit) || exit.ExitCode() != 3 {
		t.Errorf("ended with %v", p.Err())
	}
	if out.String() != "one\n/\ngiven\n" || problems.String() != "two\n" {
		t.Errorf("stdout %q, stderr %q", out.String(), problems.String())
	}
	for _, want := range []string{"one\n", "two\n", "given\n"} {
		if !strings.Contains(p.Tail(), want) {
			t.Errorf("the tail %q lacks %q", p.Tail(), want)
		}
	}
	if err := p.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("a signal to an ended child: %v", err)
	}
	p.Kill()
	if err := p.Stop(t.Context(), time.Second, syscall.SIGTERM); err != nil {
		t.Errorf("a stop of an ended child: %v", err)
	}
}

func TestStartFails(t *testing.T) {
	t.Parallel()
	if _, err := childproc.Start(childproc.Config{Path: "/nonexistent/server"}); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("%v", err)
	}
}

// ready waits until the child has set its traps.
func ready(t *testing.T, p *childproc.Process) {
	t.Helper()
	testenv.Eventually(t, 10*time.Second, func() error {
		if !strings.Contains(p.Tail(), "ready") {
			return errors.New("not ready")
		}
		return nil
	})
}

func TestStopEscalates(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	p := start(t, shell("trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.01; done"))
	ready(t, p)
	if err := p.Stop(ctx, 10*time.Second, syscall.SIGTERM); err != nil || !strings.Contains(p.Tail(), "bye") {
		t.Errorf("polite child: %v %q", err, p.Tail())
	}
	p = start(t, shell("trap '' TERM; trap 'exit 0' INT; echo ready; while :; do sleep 0.01; done"))
	ready(t, p)
	if err := p.Stop(ctx, time.Second, syscall.SIGTERM, syscall.SIGINT); err != nil {
		t.Errorf("slow child: %v", err)
	}
	p = start(t, shell("trap '' TERM; echo ready; while :; do sleep 0.01; done"))
	ready(t, p)
	if err := p.Stop(ctx, 50*time.Millisecond, syscall.SIGTERM); err == nil {
		t.Error("deaf child: no word about the kill")
	}
	p = start(t, shell("trap '' TERM; echo ready; while :; do sleep 0.01; done"))
	ready(t, p)
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	if err := p.Stop(ctx, time.Hour, syscall.SIGTERM); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled stop: %v", err)
	}
	select {
	case <-p.Done():
	default:
		t.Error("it runs on after a cancelled stop")
	}
}

func TestKillTakesTheGroup(t *testing.T) {
	t.Parallel()
	p := start(t, shell("sleep 600 & echo ready; wait"))
	ready(t, p)
	family := childproc.Children(p.PID())
	if len(family) != 1 {
		t.Fatalf("children %v, want one", family)
	}
	p.Kill()
	testenv.Eventually(t, 10*time.Second, gone(family[0]))
}

func TestTail(t *testing.T) {
	t.Parallel()
	tail := childproc.NewTail(20)
	for i := range 1000 {
		if _, err := fmt.Fprintf(tail, "line %d\n", i); err != nil {
			t.Fatal(err)
		}
	}
	if got := tail.String(); got != "line 998\nline 999\n" {
		t.Errorf("got %q", got)
	}
	short := childproc.NewTail(20)
	if _, err := short.Write([]byte("whole\ntext")); err != nil || short.String() != "whole\ntext" {
		t.Errorf("got %q, %v", short.String(), err)
	}
}

func TestLoopbackPort(t *testing.T) {
	t.Parallel()
	port, err := childproc.LoopbackPort()
	if err != nil || port < 12000 || port >= 32000 {
		t.Fatalf("port %d, %v", port, err)
	}
}

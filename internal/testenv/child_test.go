//go:build unix

package testenv_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/docuvault/docuvault/internal/testenv"
)

func echo() {
	fmt.Println("noise")
	fmt.Println("said", os.Getenv("SAY"))
	fmt.Println("ready")
	os.Exit(3)
}

func hang() {
	fmt.Println("ready", os.Getpid())
	select {}
}

func TestChildSpeaksAndEnds(t *testing.T) {
	t.Parallel()
	c := testenv.Child(t, "echo", "SAY=hello")
	if got := c.WaitLine(t, "said"); got != "said hello" {
		t.Fatalf("got %q", got)
	}
	c.WaitLine(t, "ready")
	var exit *exec.ExitError
	if err := c.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Fatalf("ended with %v, want exit code 3", err)
	}
}

func TestChildIsKilled(t *testing.T) {
	t.Parallel()
	c := testenv.Child(t, "hang")
	c.WaitLine(t, "ready")
	c.Kill()
	var exit *exec.ExitError
	if err := c.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("ended with %v, want a kill", err)
	}
}

func TestUnknownRole(t *testing.T) {
	t.Parallel()
	c := testenv.Child(t, "nobody")
	var exit *exec.ExitError
	if err := c.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 2 {
		t.Fatalf("ended with %v, want exit code 2", err)
	}
}

var errStillThere = errors.New("the process is still there")

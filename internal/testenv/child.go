//go:build unix

package testenv

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/docuvault/docuvault/adapters/embedded/childproc"
)

const roleVariable = "DOCUVAULT_TEST_ROLE"

func runRole(name string, roles Roles) int {
	role, ok := roles[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "testenv: no role %q is registered with testenv.Main\n", name)
		return 2
	}
	role()
	return 0
}

// ChildProcess is this test binary, running again in a role. It dies with its parent.
type ChildProcess struct {
	proc *childproc.Process
	out  *lineLog
}

// Child starts the test binary again in a role registered with [Main]. env is added to the environment, as "NAME=value".
// The child is killed when the test ends. What it prints on standard output is read line by line: see WaitLine.
func Child(t testing.TB, role string, env ...string) *ChildProcess {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal("testenv:", err)
	}
	c := &ChildProcess{out: newLineLog()}
	c.proc, err = childproc.Start(childproc.Config{
		Path: path, Env: slices.Concat(os.Environ(), env, []string{roleVariable + "=" + role}), Stdout: c.out,
	})
	if err != nil {
		t.Fatal("testenv:", err)
	}
	t.Cleanup(func() {
		c.Kill()
		if t.Failed() {
			t.Logf("child %s said last:\n%s", role, c.proc.Tail())
		}
	})
	return c
}

// WaitLine returns the first line of standard output, of those not yet returned, that starts with prefix. Lines before it
// are passed over. A child that ends without it, or says nothing for a minute, fails the test.
func (c *ChildProcess) WaitLine(t testing.TB, prefix string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), lineLimit)
	defer cancel()
	line, err := c.out.match(ctx, c.proc, prefix, func(line string) bool { return strings.HasPrefix(line, prefix) })
	if err != nil {
		t.Fatal("testenv:", err)
	}
	return line
}

// PID is the child's process id.
func (c *ChildProcess) PID() int { return c.proc.PID() }

// Kill ends the child by SIGKILL and waits until it is gone.
func (c *ChildProcess) Kill() { c.proc.Kill() }

// Signal sends the child a signal.
func (c *ChildProcess) Signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if err := c.proc.Signal(sig); err != nil {
		t.Fatal("testenv:", err)
	}
}

// Done is closed when the child has ended.
func (c *ChildProcess) Done() <-chan struct{} { return c.proc.Done() }

// Wait waits for the child to end: nil for exit code 0, else *exec.ExitError.
func (c *ChildProcess) Wait() error {
	<-c.proc.Done()
	return c.proc.Err()
}

// Output is the child's last output, both streams.
func (c *ChildProcess) Output() string { return c.proc.Tail() }

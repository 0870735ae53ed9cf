// Package childproc runs server processes that never outlive the program that started them.
//
// On Linux the kernel itself ends the child when the parent dies, even by SIGKILL; elsewhere only an orderly Stop or
// Kill does. Every child leads a process group of its own, so that Ctrl-C in a terminal reaches the parent alone and the
// parent decides in which order its children stop. The last output is kept, to be shown when a start fails.
package childproc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// Credential is the operating system user a child runs as.
type Credential struct {
	UID, GID uint32
}

// Config says what to run. Path is required.
type Config struct {
	Path string
	Args []string
	Env  []string // the child's whole environment; nil inherits the parent's
	Dir  string   // working folder; empty is the parent's

	// Credential drops to another user, which needs root. Nil keeps the parent's user. Refused on Windows.
	Credential *Credential

	// Stdout and Stderr, when set, see everything the child writes there. Both streams also go to the tail.
	// They must be different writers or one that is safe for concurrent use.
	Stdout, Stderr io.Writer

	// DeathSignal is what the kernel sends the child when the parent dies (Linux alone). Nil is SIGKILL.
	DeathSignal os.Signal
}

// Process is a running or ended child. Its methods are safe for concurrent use.
type Process struct {
	name string
	cmd  *exec.Cmd
	tail *Tail
	done chan struct{}
	err  error // how it ended; read after done
}

// drainGrace is how long the output of a dead child's own children is waited for: they inherit its pipes.
const drainGrace = 2 * time.Second

// Start runs the child and returns once it is executing.
func Start(cfg Config) (*Process, error) {
	p := &Process{name: filepath.Base(cfg.Path), tail: NewTail(16 << 10), done: make(chan struct{})}
	p.cmd = exec.Command(cfg.Path, cfg.Args...) //nolint:gosec,noctx // what to run is the caller's choice, and Stop and Kill end it
	p.cmd.Env, p.cmd.Dir, p.cmd.WaitDelay = cfg.Env, cfg.Dir, drainGrace
	p.cmd.Stdout, p.cmd.Stderr = p.tee(cfg.Stdout), p.tee(cfg.Stderr)
	if err := prepare(p.cmd, cfg); err != nil {
		return nil, err
	}
	started := make(chan error, 1)
	go func() {
		// The kernel ties the death signal to the thread that forked, not to the process: without the lock
		// the runtime may end that thread, and with it the child, at any time.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	return p, nil
}

func (p *Process) tee(w io.Writer) io.Writer {
	if w == nil {
		return p.tail
	}
	return io.MultiWriter(p.tail, w)
}

// PID is the child's process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed once the child has ended and its output is read to the end.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says how the child ended: nil for exit code 0, else mostly *[exec.ExitError]. Call it after Done.
func (p *Process) Err() error {
	if errors.Is(p.err, exec.ErrWaitDelay) {
		return nil // it exited with 0; a grandchild held the pipes
	}
	return p.err
}

// Tail is the last output of the child, at most 16 KiB, whole lines.
func (p *Process) Tail() string { return p.tail.String() }

// Signal sends sig to the child alone. A child that has ended is no error.
func (p *Process) Signal(sig os.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal %s: %w", p.name, err)
	}
	return nil
}

// Kill ends the child and its process group at once and waits until it is gone.
func (p *Process) Kill() {
	select {
	case <-p.done:
		return
	default:
	}
	killGroup(p.cmd.Process)
	<-p.done
}

// Stop asks the child to end by each signal in turn, with patience between them, and kills it after the last. When ctx
// ends it is killed at once. The error says that it had to be killed; in every case it is gone when Stop returns.
func (p *Process) Stop(ctx context.Context, patience time.Duration, signals ...os.Signal) error {
	for _, sig := range signals {
		select {
		case <-p.done:
			return nil
		default:
		}
		if err := p.Signal(sig); err != nil {
			break // a system without such signals: kill
		}
		timer := time.NewTimer(patience)
		select {
		case <-p.done:
			timer.Stop()
			return nil
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			p.Kill()
			return fmt.Errorf("%s did not stop in time and was killed: %w", p.name, ctx.Err())
		}
	}
	p.Kill()
	return fmt.Errorf("%s did not stop and was killed", p.name)
}

package testenv

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/docuvault/docuvault/internal/childproc"
)

// server is a local server program with a life: its address and its data stay the same over Stop, Kill and Start.
type server struct {
	name  string
	cfg   childproc.Config
	ready func(context.Context) error // nil once it serves clients

	mu   sync.Mutex
	proc *childproc.Process // nil while stopped
}

const startLimit, stopLimit = time.Minute, 30 * time.Second

// onFreePort starts a server that make configures for a port, and tries other ports when it ends at once: somebody may
// take the port between the choice and the bind.
func onFreePort(make func(port int) *server) (*server, error) {
	var errs []error
	for range 5 {
		port, err := childproc.LoopbackPort()
		if err != nil {
			return nil, err
		}
		s := make(port)
		if err = s.start(); err == nil {
			return s, nil
		}
		errs = append(errs, err)
		if !errors.Is(err, errEnded) {
			break
		}
	}
	return nil, errors.Join(errs...)
}

func (s *server) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc != nil {
		return nil
	}
	proc, err := childproc.Start(s.cfg)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	if err := until(ctx, proc, func() error { return s.ready(ctx) }); err != nil {
		proc.Kill()
		return err
	}
	s.proc = proc
	return nil
}

// end takes the running process away and ends it.
func (s *server) end(how func(*childproc.Process) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc == nil {
		return nil
	}
	err := how(s.proc)
	s.proc = nil
	return err
}

func (s *server) halt(ctx context.Context) error {
	return s.end(func(p *childproc.Process) error { return p.Stop(ctx, stopLimit, syscall.SIGTERM) })
}

// Start starts the server again after Stop or Kill, on the same address and data. On a running server it does nothing.
func (s *server) Start(t testing.TB) {
	t.Helper()
	if err := s.start(); err != nil {
		t.Fatalf("testenv: start %s: %v", s.name, err)
	}
}

// Stop shuts the server down in order. A second Stop does nothing.
func (s *server) Stop(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
	defer cancel()
	if err := s.halt(ctx); err != nil {
		t.Errorf("testenv: stop %s: %v", s.name, err)
	}
}

// Kill ends the server by SIGKILL and returns when it is gone. A second Kill does nothing.
func (s *server) Kill(testing.TB) {
	_ = s.end(func(p *childproc.Process) error { p.Kill(); return nil })
}

// Pause freezes the server: connections stay open and nothing answers, as when a network swallows packets. It may be
// killed while paused, not stopped.
func (s *server) Pause(t testing.TB) {
	t.Helper()
	s.signal(t, syscall.SIGSTOP)
}

// Resume lets a paused server go on.
func (s *server) Resume(t testing.TB) {
	t.Helper()
	s.signal(t, syscall.SIGCONT)
}

func (s *server) signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc == nil {
		t.Fatalf("testenv: %s does not run", s.name)
	}
	if err := s.proc.Signal(sig); err != nil {
		t.Fatal("testenv:", err)
	}
}

// Log is the running server's last output.
func (s *server) Log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc == nil {
		return ""
	}
	return s.proc.Tail()
}

//go:build unix

package testenv

import (
	"context"
	"testing"
	"time"
)

// engine is what a server runs on: a local process or a container. Its address and its data outlive stop and kill. All
// methods are safe for concurrent use; to start what runs, or stop what does not, is to do nothing.
type engine interface {
	start(context.Context) error // returns once the server serves
	stop(context.Context) error  // an orderly shutdown
	kill(context.Context) error  // SIGKILL; the server is gone when it returns
	pause(context.Context) error
	resume(context.Context) error
	log() string
}

// server is a server with a life that a test may direct. Its address and its data stay the same over Stop, Kill and Start.
type server struct {
	name   string
	engine engine
}

// stepLimit bounds each step of a server's life.
const stepLimit = 2 * time.Minute

func (s *server) step(t testing.TB, verb string, do func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), stepLimit)
	defer cancel()
	if err := do(ctx); err != nil {
		t.Fatalf("testenv: %s %s: %v", verb, s.name, err)
	}
}

// Start starts the server again after Stop or Kill, on the same address and data, and returns once it serves. On a running
// server it does nothing.
func (s *server) Start(t testing.TB) { t.Helper(); s.step(t, "start", s.engine.start) }

// Stop shuts the server down in order. A second Stop does nothing.
func (s *server) Stop(t testing.TB) { t.Helper(); s.step(t, "stop", s.engine.stop) }

// Kill ends the server by SIGKILL and returns when it is gone. A second Kill does nothing.
func (s *server) Kill(t testing.TB) { t.Helper(); s.step(t, "kill", s.engine.kill) }

// Pause freezes the server: connections stay open and nothing answers, as when a network swallows packets. A paused server
// may be killed, but not stopped.
func (s *server) Pause(t testing.TB) { t.Helper(); s.step(t, "pause", s.engine.pause) }

// Resume lets a paused server go on.
func (s *server) Resume(t testing.TB) { t.Helper(); s.step(t, "resume", s.engine.resume) }

// Log is the server's last output.
func (s *server) Log() string { return s.engine.log() }

// own ties a server to a test: it is killed when the test ends.
func (s *server) own(t testing.TB) {
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the log of %s ends with\n%s", s.name, s.Log())
		}
		s.Kill(t)
	})
}

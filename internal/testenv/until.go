package testenv

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/docuvault/docuvault/internal/childproc"
)

var errEnded = errors.New("the server ended while starting")

// until asks ready every few milliseconds and returns once it answers nil. A server that ends meanwhile (errEnded), or
// takes longer than ctx allows, is an error with its last words.
func until(ctx context.Context, p *childproc.Process, ready func() error) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select { // first of all: another server may answer on the port of one that ended
		case <-p.Done():
			return fmt.Errorf("%w (%w), its last words:\n%s", errEnded, p.Err(), p.Tail())
		default:
		}
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-p.Done():
		case <-ctx.Done():
			return fmt.Errorf("the server did not become ready: %w, last answer: %w, its last words:\n%s", ctx.Err(), err, p.Tail())
		case <-tick.C:
		}
	}
}

// Eventually asks ready every few milliseconds until it answers nil, and fails the test with its last answer when that
// takes longer than within. It is for conditions that give no signal to wait on.
func Eventually(t testing.TB, within time.Duration, ready func() error) {
	t.Helper()
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ready()
		if err == nil {
			return
		}
		select {
		case <-deadline.C:
			t.Fatalf("not after %s: %v", within, err)
		case <-tick.C:
		}
	}
}

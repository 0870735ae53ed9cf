//go:build unix

package testenv

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

var errEnded = errors.New("the server ended while starting")

// until asks ready every few milliseconds and returns once it answers nil. A server that ends meanwhile (errEnded), or
// takes longer than ctx allows, is an error with its last words.
func until(ctx context.Context, ended <-chan struct{}, lastWords func() string, ready func(context.Context) error) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ready(ctx)
		select { // before all else: another server may answer on the port of one that ended
		case <-ended:
			return fmt.Errorf("%w, its last words:\n%s", errEnded, lastWords())
		default:
		}
		if err == nil {
			return nil
		}
		select {
		case <-ended:
		case <-ctx.Done():
			return fmt.Errorf("the server did not become ready: %w, last answer: %w, its last words:\n%s", ctx.Err(), err, lastWords())
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

package testenv

import (
	"context"
	"fmt"
	"time"

	"github.com/docuvault/docuvault/internal/childproc"
)

// until asks ready every few milliseconds and returns once it answers nil. A server that ends meanwhile, or takes longer
// than ctx allows, is an error with its last words.
func until(ctx context.Context, p *childproc.Process, ready func() error) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-p.Done():
			return fmt.Errorf("the server ended while starting (%w), its last words:\n%s", p.Err(), p.Tail())
		case <-ctx.Done():
			return fmt.Errorf("the server did not become ready: %w, last answer: %w, its last words:\n%s", ctx.Err(), err, p.Tail())
		case <-tick.C:
		}
	}
}

package shell

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Service is something that runs until it is asked to stop. When soft ends it takes on nothing new and finishes what it has;
// when hard ends it lets go of that too. It returns once nothing of it runs any more.
type Service func(soft, hard context.Context) error

// Drain runs services until ctx ends or one of them does, and then stops them all in two steps: their soft contexts end at
// once, their hard ones after patience. It returns when all have returned, with their errors.
func Drain(ctx context.Context, patience time.Duration, services ...Service) error {
	soft, stop := context.WithCancel(ctx)
	defer stop()
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()

	errs := make([]error, len(services))
	var running sync.WaitGroup
	for i, service := range services {
		running.Go(func() {
			defer stop() // without one of its services a program is not what it was started as
			errs[i] = service(soft, hard)
		})
	}
	drained := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		<-soft.Done()
		timer := time.NewTimer(patience)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-drained:
		}
	})
	running.Wait()
	close(drained)
	watching.Wait()
	return errors.Join(errs...)
}

package shell

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestDrainWaitsForWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		finished := false
		began := time.Now()
		err := Drain(ctx, time.Minute, func(soft, hard context.Context) error {
			cancel()
			<-soft.Done()
			select {
			case <-hard.Done():
				t.Error("cut off early")
			case <-time.After(30 * time.Second):
				finished = true
			}
			return nil
		})
		if err != nil || !finished || time.Since(began) != 30*time.Second {
			t.Errorf("err %v, finished %v, after %s", err, finished, time.Since(began))
		}
	})
}

func TestDrainCutsOffAtTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		began := time.Now()
		err := Drain(ctx, time.Minute, func(_, hard context.Context) error {
			<-hard.Done()
			return hard.Err()
		}, func(soft, _ context.Context) error {
			<-soft.Done()
			return nil
		})
		if !errors.Is(err, context.Canceled) || time.Since(began) != time.Minute {
			t.Errorf("err %v after %s", err, time.Since(began))
		}
	})
}

func TestDrainStopsAllWhenOneEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		err := Drain(t.Context(), time.Minute,
			func(context.Context, context.Context) error { return broken },
			func(soft, _ context.Context) error {
				<-soft.Done()
				return nil
			})
		if !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
	})
}

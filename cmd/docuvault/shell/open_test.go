package shell

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/docuvault/docuvault/domain"
)

func quiet() *Parts { return &Parts{log: slog.New(slog.DiscardHandler)} }

func TestPatienceWaitsForWhatIsStarting(t *testing.T) {
	t.Parallel()
	away, broken := domain.Errorf(domain.Unavailable, "away"), errors.New("broken")
	for name, c := range map[string]struct {
		answers []error // the last one repeats
		want    error
		took    time.Duration
	}{
		"there":        {[]error{nil}, nil, 0},
		"soon":         {[]error{away, away, nil}, nil, 2 * openPause},
		"never":        {[]error{away}, away, openPatience + openPause},
		"broken":       {[]error{broken}, broken, 0},
		"broken later": {[]error{away, broken}, broken, openPause},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began, tries := time.Now(), 0
				err := quiet().patiently(t.Context(), "away", func() error {
					tries++
					return c.answers[min(tries, len(c.answers))-1]
				})
				if took := time.Since(began); !errors.Is(err, c.want) || err != nil && c.want == nil || took > c.took || took < c.took-openPause {
					t.Errorf("%v after %s and %d tries, want %v after %s", err, took, tries, c.want, c.took)
				}
			})
		})
	}
}

func TestPatienceEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		err := quiet().patiently(ctx, "away", func() error { return domain.Errorf(domain.Unavailable, "away") })
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}

// Storage that was away at the start is asked ever more rarely, made once, and then left alone.
func TestStorageIsMadeOnceItAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := quiet()
		began := time.Now()
		var at []time.Duration
		p.ensure = func(ctx context.Context) error {
			at = append(at, time.Since(began))
			if _, limited := ctx.Deadline(); !limited {
				t.Error("a try without an end")
			}
			if time.Since(began) < time.Minute {
				return domain.Errorf(domain.Unavailable, "away")
			}
			return nil
		}
		soft, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- p.AwaitStorage(soft, t.Context()) }()
		time.Sleep(10 * time.Minute) // of the bubble: it takes no time
		synctest.Wait()
		if first, last := at[0], at[len(at)-1]; first != firstTry || last < time.Minute || last > time.Minute+lastTry || len(at) > 10 {
			t.Errorf("tried at %v", at)
		}
		select {
		case err := <-done:
			t.Errorf("ended by itself, which ends the program: %v", err)
		default:
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestAwaitingStorageStops(t *testing.T) {
	t.Parallel()
	for name, ensure := range map[string]func(context.Context) error{
		"nothing to do": nil,
		"still away":    func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := quiet()
				p.ensure = ensure
				soft, stop := context.WithTimeout(t.Context(), firstTry+time.Second)
				defer stop()
				began := time.Now()
				if err := p.AwaitStorage(soft, t.Context()); err != nil || time.Since(began) != firstTry+time.Second {
					t.Errorf("%v after %s", err, time.Since(began))
				}
			})
		})
	}
}

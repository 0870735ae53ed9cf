package ratelimit_test

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/docuvault/docuvault/adapters/embedded"
	"github.com/docuvault/docuvault/adapters/ratelimit"
	"github.com/docuvault/docuvault/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

func client(t *testing.T, url string) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	options.MaxRetries, options.DialerRetries = -1, 1
	rdb := redis.NewClient(options)
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

// each runs a test on a real Redis and on the one inside `docuvault up`.
func each(t *testing.T, test func(t *testing.T, rdb *redis.Client)) {
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		test(t, client(t, testenv.Redis(t).URL))
	})
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		server, err := embedded.StartRedis(t.Context(), embedded.RedisConfig{}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { server.Stop() })
		test(t, client(t, server.URL()))
	})
}

func limiter(t *testing.T, rdb *redis.Client, count int, per time.Duration) *ratelimit.Limiter {
	t.Helper()
	l, err := ratelimit.New(rdb, ratelimit.Config{Name: "test", Count: count, Per: per})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestTake(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, rdb *redis.Client) {
		l := limiter(t, rdb, 3, time.Hour)
		for n := range 3 {
			if wait, err := l.Take(t.Context(), "a"); wait != 0 || err != nil {
				t.Fatalf("number %d of three: wait %s, %v", n+1, wait, err)
			}
		}
		for range 2 { // what is refused does not count
			if wait, err := l.Take(t.Context(), "a"); wait < 19*time.Minute || wait > 20*time.Minute || err != nil {
				t.Errorf("one too many: wait %s, %v", wait, err)
			}
		}
		if wait, err := l.Take(t.Context(), "b"); wait != 0 || err != nil {
			t.Errorf("another client: wait %s, %v", wait, err)
		}
		other, err := ratelimit.New(rdb, ratelimit.Config{Name: "other", Count: 1, Per: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		if wait, err := other.Take(t.Context(), "a"); wait != 0 || err != nil {
			t.Errorf("another limit: wait %s, %v", wait, err)
		}
		for _, key := range rdb.Keys(t.Context(), "*").Val() {
			if ttl := rdb.PTTL(t.Context(), key).Val(); ttl <= 0 || ttl > time.Hour+time.Second {
				t.Errorf("%s stays for %s", key, ttl)
			}
		}
	})
}

// Waiting as long as one is told is long enough.
func TestWaitIsEnough(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, rdb *redis.Client) {
		l := limiter(t, rdb, 2, 200*time.Millisecond)
		waited := 0
		for range 6 {
			wait, err := l.Take(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			if wait == 0 {
				continue
			}
			waited++
			<-time.After(wait + 5*time.Millisecond)
			if wait, err := l.Take(t.Context(), "a"); wait != 0 || err != nil {
				t.Errorf("after the wait: %s, %v", wait, err)
			}
		}
		t.Logf("waited %d times", waited)
	})
}

// Of many at the same moment exactly as many pass as may.
func TestTakeIsAtomic(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, rdb *redis.Client) {
		var passed atomic.Int32
		var asking sync.WaitGroup
		for range 8 {
			l := limiter(t, rdb, 20, time.Hour) // as many processes
			asking.Go(func() {
				for range 10 {
					wait, err := l.Take(context.WithoutCancel(t.Context()), "a")
					if err != nil {
						t.Error(err)
					} else if wait == 0 {
						passed.Add(1)
					}
				}
			})
		}
		asking.Wait()
		if passed.Load() != 20 {
			t.Errorf("%d of 80 passed, 20 may", passed.Load())
		}
	})
}

// A value from the far future, as after a clock that was wrong, does not lock a client out.
func TestNonsenseIsForgotten(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, rdb *redis.Client) {
		l := limiter(t, rdb, 3, time.Minute)
		for _, value := range []string{strconv.FormatInt(time.Now().Add(240*time.Hour).UnixMicro(), 10), "nonsense", ""} {
			if err := rdb.Set(t.Context(), "docuvault:rate:test:a", value, 0).Err(); err != nil {
				t.Fatal(err)
			}
			if wait, err := l.Take(t.Context(), "a"); wait != 0 || err != nil {
				t.Errorf("after %q: wait %s, %v", value, wait, err)
			}
		}
	})
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, cfg := range []ratelimit.Config{{Count: 0, Per: time.Second}, {Count: 1}, {Count: 10, Per: 5 * time.Microsecond}, {Count: -1, Per: time.Second}} {
		if _, err := ratelimit.New(nil, cfg); err == nil {
			t.Errorf("%+v is a limit", cfg)
		}
	}
}

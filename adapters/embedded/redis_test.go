//go:build unix

package embedded_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/docuvault/docuvault/adapters/embedded"
	"github.com/docuvault/docuvault/internal/testenv"
)

func startRedis(t *testing.T, cfg embedded.RedisConfig) (*embedded.Redis, *redis.Client) {
	t.Helper()
	r, err := embedded.StartRedis(context.Background(), cfg, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	opts, err := redis.ParseURL(r.URL())
	if err != nil {
		t.Fatal(err)
	}
	opts.MaxRetries = -1
	c := redis.NewClient(opts)
	t.Cleanup(func() { _ = c.Close() })
	return r, c
}

func TestRedisServesWithPasswordOnly(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r, c := startRedis(t, embedded.RedisConfig{})
	if err := c.Set(ctx, "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	for _, password := range []string{"", "wrong"} {
		stranger := redis.NewClient(&redis.Options{Addr: r.Addr(), Password: password, MaxRetries: -1})
		if err := stranger.Get(ctx, "k").Err(); err == nil {
			t.Errorf("password %q is let in", password)
		}
		_ = stranger.Close()
	}
	r.Stop()
	r.Stop()
	if err := c.Get(ctx, "k").Err(); err == nil {
		t.Error("it serves after Stop")
	}
}

// Keys with a lifetime go away by themselves: a vault that runs for months does not grow with the tasks it has seen.
func TestRedisForgetsExpiredKeys(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	_, c := startRedis(t, embedded.RedisConfig{Tick: 10 * time.Millisecond})
	const n = 2000
	for round := range 3 {
		pipe := c.Pipeline()
		for i := range n {
			pipe.Set(ctx, fmt.Sprintf("result-%d-%d", round, i), "x", 100*time.Millisecond)
		}
		pipe.Set(ctx, fmt.Sprintf("kept-%d", round), "x", time.Hour)
		if _, err := pipe.Exec(ctx); err != nil {
			t.Fatal(err)
		}
	}
	testenv.Eventually(t, 30*time.Second, func() error {
		if got := c.DBSize(ctx).Val(); got != 3 {
			return fmt.Errorf("%d keys, want the 3 with an hour to live", got)
		}
		return nil
	})
}

// Lifetimes follow the clock, however far it moves between two ticks.
func TestRedisFollowsTheClock(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	clock := make(chan time.Time, 2)
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	now := func() time.Time {
		select {
		case at = <-clock:
		default:
		}
		return at
	}
	r, err := embedded.StartRedis(ctx, embedded.RedisConfig{Tick: time.Millisecond, Password: "secret"}, now, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	c := redis.NewClient(&redis.Options{Addr: r.Addr(), Password: "secret"})
	t.Cleanup(func() { _ = c.Close() })
	if err := c.Set(ctx, "k", "v", time.Hour).Err(); err != nil {
		t.Fatal(err)
	}
	clock <- at.Add(59 * time.Minute)
	testenv.Eventually(t, 10*time.Second, func() error {
		if ttl := c.TTL(ctx, "k").Val(); ttl != time.Minute {
			return fmt.Errorf("%s to live, want a minute", ttl)
		}
		return nil
	})
	clock <- at.Add(60 * time.Minute)
	testenv.Eventually(t, 10*time.Second, func() error {
		if c.Exists(ctx, "k").Val() != 0 {
			return fmt.Errorf("the key outlives its hour")
		}
		return nil
	})
}

const celeryApp = `
import os
from celery import Celery
app = Celery("docuvault", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])
app.conf.task_default_queue = "documents"
@app.task(name="add")
def add(*xs):
    return sum(xs[0]) if isinstance(xs[0], list) else sum(xs)
`

const celeryProducer = `
import sys
from celery import Celery, chord
app = Celery("docuvault", broker=sys.argv[1], backend=sys.argv[1])
app.conf.task_default_queue = "documents"
@app.task(name="add")
def add(*xs): pass
print(app.send_task("add", [2, 3], queue="documents").get(timeout=60))
print(app.send_task("add", [4, 5], queue="documents", countdown=1).get(timeout=60))
print(chord([add.s(1, 1), add.s(2, 2)])(add.s()).get(timeout=60))
`

// A real Python worker and a real Python producer meet on it: what the vault's own worker shares it with elsewhere.
func TestRedisCarriesCelery(t *testing.T) {
	t.Parallel()
	r, _ := startRedis(t, embedded.RedisConfig{})
	w := testenv.Celery(t, testenv.CeleryOptions{RedisURL: r.URL(), Files: map[string]string{"celery_app.py": celeryApp}})
	if got := testenv.Python(t, celeryProducer, r.URL()); got != "5\n9\n6\n" {
		t.Fatalf("got %q", got)
	}
	w.Stop(t)
}

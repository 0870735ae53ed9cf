//go:build unix

package testenv_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/docuvault/docuvault/internal/testenv"
)

func client(t *testing.T, r testenv.RedisServer) *redis.Client {
	t.Helper()
	opts, err := redis.ParseURL(r.URL)
	must(t, err)
	opts.MaxRetries, opts.ContextTimeoutEnabled = -1, true
	c := redis.NewClient(opts)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestRedisKeepsDataOverKillAndStop(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := testenv.Redis(t)
	c := client(t, r)
	must(t, c.Set(ctx, "k", "v", 0).Err())
	r.Kill(t)
	if err := c.Get(ctx, "k").Err(); err == nil {
		t.Fatal("a killed server answers")
	}
	r.Start(t)
	r.Stop(t)
	r.Start(t)
	if got := c.Get(ctx, "k").Val(); got != "v" {
		t.Fatalf("got %q", got)
	}
	if other := client(t, testenv.Redis(t)); other.Exists(ctx, "k").Val() != 0 {
		t.Fatal("a key shows on another server")
	}
}

func TestRedisPause(t *testing.T) {
	t.Parallel()
	r := testenv.Redis(t)
	c := client(t, r)
	must(t, c.Ping(context.Background()).Err())
	r.Pause(t)
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if err := c.Ping(ctx).Err(); err == nil {
		t.Fatal("a paused server answers")
	}
	r.Resume(t)
	must(t, c.Ping(context.Background()).Err())
}

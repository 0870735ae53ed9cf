package celery_test

import (
	"context"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/docuvault/docuvault/adapters/celery"
	"github.com/docuvault/docuvault/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is a Redis of a test's own.
type server struct {
	addr string
	url  string
	rdb  *redis.Client
	real testenv.RedisServer // of a real one
}

func realRedis(t testing.TB) *server {
	t.Helper()
	r := testenv.Redis(t)
	s := &server{addr: r.Addr, url: r.URL, real: r}
	s.rdb = redisClient(s.url)
	t.Cleanup(func() { _ = s.rdb.Close() })
	return s
}

// redisClient is a plain client on a URL of redis://.
func redisClient(url string) *redis.Client {
	opt, err := redis.ParseURL(url)
	if err != nil {
		panic(err)
	}
	opt.Protocol, opt.DisableIdentity = 2, true
	return redis.NewClient(opt)
}

func miniRedis(t testing.TB) *server {
	t.Helper()
	m := miniredis.NewMiniRedis()
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	s := &server{addr: m.Addr(), url: "redis://" + m.Addr() + "/0"}
	s.rdb = redis.NewClient(&redis.Options{Addr: s.addr, Protocol: 2, DisableIdentity: true})
	t.Cleanup(func() {
		_ = s.rdb.Close()
		m.Close()
	})
	return s
}

// onBoth runs a test on a real Redis and on the in-process one.
func onBoth(t *testing.T, f func(t *testing.T, s *server)) {
	t.Helper()
	t.Run("redis", func(t *testing.T) { t.Parallel(); f(t, realRedis(t)) })
	t.Run("miniredis", func(t *testing.T) { t.Parallel(); f(t, miniRedis(t)) })
}

// until polls for a condition that nothing announces.
func until(t testing.TB, what string, f func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !f() {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long: %s", what)
		}
		<-time.After(2 * time.Millisecond)
	}
}

func open(t testing.TB, cfg celery.Config) *celery.Client {
	t.Helper()
	c, err := celery.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// start runs a worker until the test ends, and fails the test if it does not end well.
func start(t testing.TB, c *celery.Client, cfg celery.WorkerConfig, handlers map[string]celery.Handler) *celery.Worker {
	t.Helper()
	w, err := celery.NewWorker(c, cfg)
	if err != nil {
		t.Fatal(err)
	}
	for name, h := range handlers {
		w.Handle(name, h, celery.HandlerOptions{})
	}
	run(t, w)
	return w
}

func run(t testing.TB, w *celery.Worker) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- w.Run(context.Background()) }()
	t.Cleanup(func() {
		w.Stop()
		if err := <-done; err != nil {
			t.Errorf("worker: %v", err)
		}
	})
}

func ctx(t testing.TB) context.Context {
	c, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return c
}

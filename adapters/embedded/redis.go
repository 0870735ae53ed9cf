package embedded

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// RedisConfig configures the in-process Redis. The zero value is good.
type RedisConfig struct {
	// Addr is the address to listen on; empty is a free port of 127.0.0.1.
	Addr string

	// Password clients must give. Empty makes a random one; there is no Redis without.
	Password string

	// Tick is how often keys' lifetimes advance: a key lives at most one tick longer than its TTL. 0 is 250 ms.
	Tick time.Duration
}

// Redis is a running in-process Redis. It keeps everything in memory and nothing on disk.
type Redis struct {
	server   *miniredis.Miniredis
	addr     string
	password string
	log      *slog.Logger
	stop     chan struct{}
	stopped  sync.WaitGroup
	once     sync.Once
}

// StartRedis listens and serves until Stop. now is the clock that keys' lifetimes follow, nil is time.Now; a nil log
// discards.
func StartRedis(ctx context.Context, cfg RedisConfig, now func() time.Time, log *slog.Logger) (*Redis, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if now == nil {
		now = time.Now
	}
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	if cfg.Password == "" {
		cfg.Password = rand.Text()
	}
	if cfg.Tick == 0 {
		cfg.Tick = 250 * time.Millisecond
	}
	r := &Redis{server: miniredis.NewMiniRedis(), password: cfg.Password, log: log, stop: make(chan struct{})}
	r.server.RequireAuth(cfg.Password)
	if err := r.server.StartAddr(cfg.Addr); err != nil {
		return nil, fmt.Errorf("embedded redis: %w", err)
	}
	r.addr = r.server.Addr()
	r.stopped.Go(func() { r.age(cfg.Tick, now) })
	log.InfoContext(ctx, "redis started", "addr", r.Addr())
	return r, nil
}

// age moves keys' lifetimes on, which this Redis does not do by itself. It passes the time that really went by, so that
// a late tick or a machine that slept loses nothing.
func (r *Redis) age(every time.Duration, now func() time.Time) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	last := now().Round(0) // the wall clock, which goes on while the machine sleeps
	for {
		select {
		case <-r.stop:
			return
		case <-tick.C:
			t := now().Round(0)
			if d := t.Sub(last); d > 0 {
				r.server.FastForward(d)
			}
			last = t
		}
	}
}

// Addr is host and port.
func (r *Redis) Addr() string { return r.addr }

// URL is the connection URL for REDIS_URL, database 0. It holds the password: do not log it.
func (r *Redis) URL() string {
	u := url.URL{Scheme: "redis", User: url.UserPassword("", r.password), Host: r.Addr(), Path: "/0"}
	return u.String()
}

// Stop ends all connections and waits for its goroutines. What was stored is gone. A second Stop does nothing.
func (r *Redis) Stop() {
	r.once.Do(func() {
		close(r.stop)
		r.stopped.Wait()
		r.server.Close()
		r.log.Info("redis stopped")
	})
}

package celery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Config says where the queue is and how the Python side is set up. Its zero value is Celery's own defaults. Each setting
// names Celery's; both sides need the same.
type Config struct {
	BrokerURL  string // broker_url; empty is redis://127.0.0.1:6379/0
	ResultURL  string // result_backend; empty is the broker's
	MasterName string // broker_transport_options master_name; required for sentinel:// URLs
	// SentinelPassword is sentinel_kwargs password, the sentinels' own; the one in a URL is Redis's. Empty is none.
	SentinelPassword string

	KeyPrefix       string // broker_transport_options global_keyprefix; empty is none
	ResultKeyPrefix string // result_backend_transport_options global_keyprefix; empty is none
	Separator       string // broker_transport_options sep; empty is the bytes 06 16
	PrioritySteps   []int  // broker_transport_options priority_steps; nil is 0, 3, 6, 9

	// VisibilityTimeout is broker_transport_options visibility_timeout: how long a message may be held before others
	// take it back; zero is an hour. Each side judges the other's holders by its own.
	VisibilityTimeout time.Duration
	// Lease is how long after its holder's death a message held by a Go worker is taken back; zero is 30 s. Celery has
	// none: its holders have the visibility timeout.
	Lease time.Duration
	// ResultExpires is result_expires: how long results are kept; zero is a day, negative is for ever.
	ResultExpires time.Duration

	SendSentEvents bool // task_send_sent_event: announce each task that is sent to event receivers; false is Celery's default

	DialTimeout time.Duration // redis_socket_connect_timeout; zero is 5 s, Celery has none. A URL's socket_connect_timeout goes first
	IOTimeout   time.Duration // redis_socket_timeout, of one read or write; zero is 5 s, Celery's is 120 s. A URL's socket_timeout goes first
	PoolSize    int           // broker_pool_limit: connections; zero is go-redis's choice, Celery's is 10

	Logger *slog.Logger     // nil discards
	Now    func() time.Time // nil is time.Now
}

// Client is a connection to a broker and its result backend. It is safe for concurrent use and reconnects by itself.
type Client struct {
	cfg      Config
	broker   endpoint
	rdb      *redis.Client // broker
	results  *redis.Client // the same client when both are one database
	sameHome bool          // broker and results are one database, so one script may touch both
	keys     keyspace
	log      *slog.Logger
	now      func() time.Time
}

// Open prepares a client. It does not connect: use Ping to learn whether Redis answers. Errors are about the
// configuration and never contain a URL.
func Open(cfg Config) (*Client, error) {
	cfg = cfg.withDefaults()
	broker, err := parseURL(cfg.BrokerURL)
	if err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	backend := broker
	if cfg.ResultURL != "" {
		if backend, err = parseURL(cfg.ResultURL); err != nil {
			return nil, fmt.Errorf("result backend: %w", err)
		}
	}
	if (broker.sentinel || backend.sentinel) && cfg.MasterName == "" {
		return nil, errURL("sentinel needs a master name")
	}
	keys, err := newKeyspace(cfg, broker.db)
	if err != nil {
		return nil, err
	}
	c := &Client{cfg: cfg, broker: broker, keys: keys, log: cfg.Logger, now: cfg.Now}
	c.rdb = c.connect(broker, cfg.PoolSize)
	c.results, c.sameHome = c.rdb, true
	if !sameDatabase(broker, backend) {
		c.results, c.sameHome = c.connect(backend, cfg.PoolSize), false
	}
	return c, nil
}

func (cfg Config) withDefaults() Config {
	if cfg.Separator == "" {
		cfg.Separator = "\x06\x16"
	}
	if cfg.PrioritySteps == nil {
		cfg.PrioritySteps = []int{0, 3, 6, 9}
	}
	setDefault(&cfg.VisibilityTimeout, time.Hour)
	setDefault(&cfg.Lease, 30*time.Second)
	cfg.Lease = min(cfg.Lease, cfg.VisibilityTimeout)
	if cfg.ResultExpires == 0 {
		cfg.ResultExpires = 24 * time.Hour
	}
	setDefault(&cfg.DialTimeout, 5*time.Second)
	setDefault(&cfg.IOTimeout, 5*time.Second)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return cfg
}

func setDefault(d *time.Duration, v time.Duration) {
	if *d <= 0 {
		*d = v
	}
}

func sameDatabase(a, b endpoint) bool {
	if a.db != b.db || a.network != b.network || a.sentinel != b.sentinel || len(a.addrs) != len(b.addrs) {
		return false
	}
	for i := range a.addrs {
		if a.addrs[i] != b.addrs[i] {
			return false
		}
	}
	return true
}

// connect never retries a command by itself: a push that may have happened is the caller's to repeat.
func (c *Client) connect(e endpoint, pool int) *redis.Client {
	dial, io := c.cfg.DialTimeout, c.cfg.IOTimeout
	if e.dialTimeout > 0 {
		dial = e.dialTimeout
	}
	if e.ioTimeout > 0 {
		io = e.ioTimeout
	}
	if e.sentinel {
		return redis.NewFailoverClient(&redis.FailoverOptions{
			MasterName: c.cfg.MasterName, SentinelAddrs: e.addrs, SentinelPassword: c.cfg.SentinelPassword,
			Username: e.user, Password: e.password, DB: e.db, TLSConfig: e.tls, Protocol: 2,
			MaxRetries: -1, DialTimeout: dial, ReadTimeout: io, WriteTimeout: io,
			PoolSize: pool, ContextTimeoutEnabled: true, DisableIdentity: true,
		})
	}
	opt := &redis.Options{
		Network: e.network, Addr: e.addrs[0], Username: e.user, Password: e.password, DB: e.db, TLSConfig: e.tls,
		Protocol: 2, MaxRetries: -1, DialerRetries: 1,
		DialTimeout: dial, ReadTimeout: io, WriteTimeout: io,
		PoolSize: pool, ContextTimeoutEnabled: true, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if len(e.addrs) > 1 {
		opt.Dialer = failoverDialer(e, dial)
	}
	return redis.NewClient(opt)
}

// failoverDialer tries the addresses of a list in order, as kombu does.
func failoverDialer(e endpoint, timeout time.Duration) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		var errs []error
		for _, addr := range e.addrs {
			conn, err := dialOne(ctx, network, addr, e, timeout)
			if err == nil {
				return conn, nil
			}
			errs = append(errs, err)
		}
		return nil, errors.Join(errs...)
	}
}

// Ping asks both the broker and the result backend whether they would take a write: one that changes nothing is refused
// by a Redis that is read-only, full, loading, or cannot write to its disk. Problem says in words what is wrong.
func (c *Client) Ping(ctx context.Context) error {
	if err := c.wouldWrite(ctx, c.rdb); err != nil {
		return fmt.Errorf("celery: broker: %w", err)
	}
	if c.results != c.rdb {
		if err := c.wouldWrite(ctx, c.results); err != nil {
			return fmt.Errorf("celery: result backend: %w", err)
		}
	}
	return nil
}

func (c *Client) wouldWrite(ctx context.Context, rdb *redis.Client) error {
	return rdb.ZAddXX(ctx, c.keys.unackedIndex(), redis.Z{}).Err() // XX: a member that is not there is not added
}

// Redis is the broker's connection, for who keeps something of its own beside the queue or wants its statistics. It is the client's to close.
func (c *Client) Redis() *redis.Client { return c.rdb }

// Close releases the connections. Workers, producers and results made from the client end with errors.
func (c *Client) Close() error {
	err := c.rdb.Close()
	if c.results != c.rdb {
		err = errors.Join(err, c.results.Close())
	}
	return err
}

package celery_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/docuvault/docuvault/adapters/celery"
	"github.com/docuvault/docuvault/adapters/embedded/childproc"
)

// do runs a command that is expected to be answered well.
func do(t testing.TB, rdb *redis.Client, args ...any) {
	t.Helper()
	if err := rdb.Do(ctx(t), args...).Err(); err != nil {
		t.Fatalf("%v: %v", args, err)
	}
}

// tries is how many commands Redis was asked for, refused ones and this one included.
func tries(t testing.TB, rdb *redis.Client) int {
	t.Helper()
	info, err := rdb.Info(ctx(t), "stats").Result()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, field := range []string{"total_commands_processed:", "total_error_replies:", "total_connections_received:"} {
		_, rest, _ := strings.Cut(info, field)
		one, err := strconv.Atoi(strings.Fields(rest)[0])
		if err != nil {
			t.Fatal(err)
		}
		n += one
	}
	return n
}

// TestRedisRefuses has Redis refuse in every way it has while a task runs and others wait: health says why, the worker
// asks again only now and then, and everything is done once, none twice.
func TestRedisRefuses(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]struct {
		breaks, mends [][]any
		says          string
		works         bool // tasks are done all the same
	}{
		"read-only replica": {[][]any{{"REPLICAOF", "127.0.0.1", "1"}}, [][]any{{"REPLICAOF", "NO", "ONE"}}, "Redis is a read-only replica", false},
		"memory full":       {[][]any{{"CONFIG", "SET", "maxmemory", "1"}}, [][]any{{"CONFIG", "SET", "maxmemory", "0"}}, "Redis has no memory left", true},
		"too few replicas":  {[][]any{{"CONFIG", "SET", "min-replicas-to-write", "3"}}, [][]any{{"CONFIG", "SET", "min-replicas-to-write", "0"}}, "Redis has too few replicas to take writes", false},
		"password changed": {[][]any{{"CONFIG", "SET", "requirepass", "another"}, {"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"}},
			nil, "Redis refuses the user or the password", false},
		"user forbidden": {[][]any{{"ACL", "SETUSER", "default", "-zadd", "-lpush", "-eval", "-evalsha"}}, [][]any{{"ACL", "SETUSER", "default", "+@all"}}, "Redis does not permit this user what the queue needs", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := realRedis(t)
			cfg := celery.Config{BrokerURL: s.url}
			if f.works {
				cfg.Lease = time.Second // then leases are renewed too
			}
			c := open(t, cfg)
			var ran atomic.Int64
			began, gate := make(chan struct{}), make(chan struct{})
			w := start(t, c, celery.WorkerConfig{Concurrency: 1, JanitorInterval: 200 * time.Millisecond}, map[string]celery.Handler{
				"gate": func(context.Context, *celery.Delivery) (any, error) { close(began); <-gate; return nil, nil },
				"docs.add": func(ctx context.Context, d *celery.Delivery) (any, error) {
					ran.Add(1)
					return add(ctx, d)
				},
			})
			ids := send(t, c, celery.Task{Name: "gate"})
			receive(t, began)
			for i := range 30 {
				ids = append(ids, send(t, c, celery.Task{Name: "docs.add", Args: []any{i, 1}})...)
			}
			opt := *s.rdb.Options()
			opt.PoolSize = 1
			admin := redis.NewClient(&opt)
			defer admin.Close() // nothing depends on it
			for _, command := range f.breaks {
				do(t, admin, command...)
			}
			broken := time.Now()
			until(t, "three leases went by", func() bool { return !f.works || time.Since(broken) > 3*cfg.Lease })
			close(gate)
			until(t, "health names it", func() bool { return celery.Problem(c.Ping(ctx(t))) == f.says })
			if _, err := celery.NewProducer(c).Send(ctx(t), celery.Task{Name: "docs.add", Args: []any{1, 1}}); celery.Problem(err) != f.says {
				t.Errorf("sending says %v", err)
			}
			if f.works {
				for _, id := range ids {
					if res := wait(t, c, id); res.Status != celery.StatusSuccess {
						t.Errorf("%+v", res)
					}
				}
			}
			before, since := tries(t, admin), time.Now()
			until(t, "two seconds went by", func() bool { return time.Since(since) > 2*time.Second })
			if n := tries(t, admin) - before; n > 300 {
				t.Errorf("%d tries in %v", n, time.Since(since))
			}
			mends := f.mends
			if mends == nil {
				mends = [][]any{{"CONFIG", "SET", "requirepass", opt.Password}}
			}
			for _, command := range mends {
				do(t, admin, command...)
			}
			for _, id := range ids {
				if res := wait(t, c, id); res.Status != celery.StatusSuccess {
					t.Errorf("%+v", res)
				}
			}
			if ran.Load() != 30 {
				t.Errorf("30 tasks ran %d times", ran.Load())
			}
			if n := w.Stats().Restored; n != 0 {
				t.Errorf("%d leases ran out", n)
			}
			if err := c.Ping(ctx(t)); err != nil {
				t.Error(err)
			}
		})
	}
}

// localRedis starts a redis-server with arguments of the test's own, in a folder that the test may spoil. It is started
// again with others by calling the function that is returned.
func localRedis(t *testing.T) (s *server, dir string, restart func(args ...string)) {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal(err)
	}
	port, err := childproc.LoopbackPort()
	if err != nil {
		t.Fatal(err)
	}
	s, dir = &server{addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}, filepath.Join(t.TempDir(), "redis")
	s.url = "redis://" + s.addr + "/0"
	s.rdb = redisClient(s.url)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	var proc *childproc.Process
	end := func() {
		if proc != nil {
			proc.Kill()
		}
	}
	t.Cleanup(func() { _ = s.rdb.Close(); end() })
	return s, dir, func(args ...string) {
		end()
		proc, err = childproc.Start(childproc.Config{Path: path, Dir: dir,
			Args: append([]string{"--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", dir, "--appendonly", "no", "--save", ""}, args...)})
		if err != nil {
			t.Fatal(err)
		}
		until(t, "redis listens", func() bool {
			conn, err := net.DialTimeout("tcp", s.addr, time.Second)
			return err == nil && conn.Close() == nil
		})
	}
}

func TestRedisCannotWriteToItsDisk(t *testing.T) {
	t.Parallel()
	s, dir, restart := localRedis(t)
	restart("--save", "3600 1")
	c := open(t, celery.Config{BrokerURL: s.url})
	began, gate := make(chan struct{}), make(chan struct{})
	start(t, c, celery.WorkerConfig{}, map[string]celery.Handler{"gate": func(context.Context, *celery.Delivery) (any, error) {
		close(began)
		<-gate
		return nil, nil
	}})
	id := send(t, c, celery.Task{Name: "gate"})[0]
	receive(t, began)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	do(t, s.rdb, "BGSAVE")
	until(t, "health names it", func() bool { return celery.Problem(c.Ping(ctx(t))) == "Redis cannot write to its disk" })
	close(gate)
	do(t, s.rdb, "CONFIG", "SET", "stop-writes-on-bgsave-error", "no")
	if res := wait(t, c, id); res.Status != celery.StatusSuccess {
		t.Errorf("%+v", res)
	}
}

func TestRedisIsLoading(t *testing.T) {
	t.Parallel()
	s, _, restart := localRedis(t)
	restart()
	c := open(t, celery.Config{BrokerURL: s.url})
	until(t, "redis serves", func() bool { return c.Ping(ctx(t)) == nil })
	ids := send(t, c, celery.Task{Name: "docs.add", Args: []any{1, 2}}, celery.Task{Name: "docs.add", Args: []any{3, 4}})
	pipe := s.rdb.Pipeline()
	for i := range 4000 {
		pipe.Set(ctx(t), "filler"+strconv.Itoa(i), strings.Repeat("x", 1000), 0)
	}
	pipe.Save(ctx(t))
	if _, err := pipe.Exec(ctx(t)); err != nil {
		t.Fatal(err)
	}
	restart("--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024")
	start(t, c, celery.WorkerConfig{}, map[string]celery.Handler{"docs.add": add})
	until(t, "health names it", func() bool { return celery.Problem(c.Ping(ctx(t))) == "Redis is loading its data" })
	do(t, s.rdb, "CONFIG", "SET", "key-load-delay", "0")
	until(t, "redis has loaded", func() bool { return c.Ping(ctx(t)) == nil })
	for _, id := range ids {
		if res := wait(t, c, id); res.Status != celery.StatusSuccess {
			t.Errorf("%+v", res)
		}
	}
}

// TestNobodyListens counts how often a worker comes to a door that is shut: it may knock, not hammer.
func TestNobodyListens(t *testing.T) {
	t.Parallel()
	s, _, restart := localRedis(t)
	restart()
	c := open(t, celery.Config{BrokerURL: s.url})
	until(t, "redis serves", func() bool { return c.Ping(ctx(t)) == nil })
	start(t, c, celery.WorkerConfig{}, map[string]celery.Handler{"docs.add": add})
	if res := wait(t, c, send(t, c, celery.Task{Name: "docs.add", Args: []any{1, 2}})[0]); res.Status != celery.StatusSuccess {
		t.Fatalf("%+v", res)
	}
	do(t, s.rdb, "CLIENT", "PAUSE", "0")
	_ = s.rdb.ShutdownNoSave(ctx(t)).Err() // it ends without an answer
	var door net.Listener
	until(t, "the port is free", func() bool {
		var err error
		door, err = new(net.ListenConfig).Listen(t.Context(), "tcp", s.addr)
		return err == nil
	})
	var knocks atomic.Int64
	counted := make(chan struct{})
	go func() {
		defer close(counted)
		for {
			conn, err := door.Accept()
			if err != nil {
				return
			}
			knocks.Add(1)
			_ = conn.Close()
		}
	}()
	began := time.Now()
	until(t, "four seconds went by", func() bool { return time.Since(began) > 4*time.Second })
	if n := knocks.Load(); n > 160 {
		t.Errorf("%d connections in %v", n, time.Since(began))
	}
	if celery.Problem(c.Ping(ctx(t))) != "" || c.Ping(ctx(t)) == nil {
		t.Error("health says that it works, or why")
	}
	if err := door.Close(); err != nil {
		t.Error(err)
	}
	<-counted
	restart()
	until(t, "redis serves again", func() bool { return c.Ping(ctx(t)) == nil })
	if res := wait(t, c, send(t, c, celery.Task{Name: "docs.add", Args: []any{1, 2}})[0]); res.Status != celery.StatusSuccess {
		t.Errorf("%+v", res)
	}
}

// TestFailover loses the first server of a list: its replica, promoted, is the second, and has every message.
func TestFailover(t *testing.T) {
	t.Parallel()
	first, second := realRedis(t), realRedis(t)
	host, port, err := net.SplitHostPort(first.real.PeerAddr)
	if err != nil {
		t.Fatal(err)
	}
	do(t, second.rdb, "CONFIG", "SET", "masterauth", first.real.Password)
	do(t, second.rdb, "CONFIG", "SET", "requirepass", first.real.Password) // one password for both, as one URL says it
	do(t, second.rdb, "REPLICAOF", host, port)
	replica := redisClient(strings.Replace(first.url, first.addr, second.addr, 1))
	defer replica.Close() // nothing depends on it
	until(t, "the replica follows", func() bool {
		info, err := replica.Info(ctx(t), "replication").Result()
		return err == nil && strings.Contains(info, "master_link_status:up")
	})

	c := open(t, celery.Config{BrokerURL: first.url + ";" + strings.Replace(first.url, first.addr, second.addr, 1)})
	began, gate := make(chan struct{}), make(chan struct{})
	start(t, c, celery.WorkerConfig{Concurrency: 1}, map[string]celery.Handler{"docs.add": add,
		"gate": func(context.Context, *celery.Delivery) (any, error) { close(began); <-gate; return nil, nil }})
	ids := send(t, c, celery.Task{Name: "gate"})
	receive(t, began)
	for i := range 50 {
		ids = append(ids, send(t, c, celery.Task{Name: "docs.add", Args: []any{i, 1}})...)
	}
	do(t, first.rdb, "WAIT", 1, 10000)
	first.real.Kill(t)
	do(t, replica, "REPLICAOF", "NO", "ONE")
	close(gate)
	until(t, "the second is used", func() bool { return c.Ping(ctx(t)) == nil })
	for _, id := range ids {
		if res := wait(t, c, id); res.Status != celery.StatusSuccess {
			t.Errorf("%+v", res)
		}
	}
}

// TestEveryMessageIsSomewhere has Redis forget all scripts, again and again, while tasks of every kind are under way. Looked
// at in one instant, every message is somewhere: in its queue, held, in the quarantine, or done.
func TestEveryMessageIsSomewhere(t *testing.T) {
	t.Parallel()
	for name, results := range map[string]string{"one database": "/0", "two databases": "/1"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := realRedis(t)
			c := open(t, celery.Config{BrokerURL: s.url, ResultURL: strings.TrimSuffix(s.url, "/0") + results})
			var tasks []celery.Task
			for i := range 400 {
				tasks = append(tasks, celery.Task{Name: []string{"docs.add", "again", "stranger", "docs.add"}[i%4], Args: []any{i, 1}, Priority: i % 10})
				if i%8 == 3 {
					tasks[i].Countdown = 200 * time.Millisecond
				}
			}
			ids := send(t, c, tasks...)
			bad := `{"body": "x", "content-type": "application/json", "headers": {"id": "bad", "task": "docs.add"}, "properties": {"body_encoding": "base64"}}`
			do(t, s.rdb, "LPUSH", "celery", bad)
			ids = append(ids, "bad")
			start(t, c, celery.WorkerConfig{Concurrency: 4, UnknownRounds: 3, UnknownPause: time.Millisecond}, map[string]celery.Handler{
				"docs.add": add,
				"again": func(ctx context.Context, d *celery.Delivery) (any, error) {
					if d.Retries < 2 {
						return nil, &celery.Retry{Countdown: time.Millisecond}
					}
					return add(ctx, d)
				}})
			// One script sees one instant. A result counts that is final.
			look := `local all = {}
				for _, k in ipairs({'celery', 'celery\6\0223', 'celery\6\0226', 'celery\6\0229'}) do
					for _, m in ipairs(redis.call('LRANGE', k, 0, -1)) do all[#all + 1] = m end
				end
				for _, k in ipairs({'unacked', 'celery-go.quarantine'}) do
					for _, m in ipairs(redis.call('HVALS', k)) do all[#all + 1] = m end
				end
				redis.call('SELECT', ARGV[1])
				for _, k in ipairs(redis.call('KEYS', 'celery-task-meta-*')) do
					local doc = redis.call('GET', k)
					if not string.find(doc, '"status": "RETRY"', 1, true) then all[#all + 1] = '"id": "' .. string.sub(k, 18) .. '"' end
				end
				return all`
			waiting := 1
			for began := time.Now(); waiting > 0; {
				if time.Since(began) > time.Minute {
					t.Fatalf("%d still wait", waiting)
				}
				do(t, s.rdb, "SCRIPT", "FLUSH")
				all, err := s.rdb.Eval(ctx(t), look, nil, strings.TrimPrefix(results, "/")).StringSlice()
				if err != nil {
					t.Fatal(err)
				}
				seen := strings.Join(all, "\n")
				for _, id := range ids {
					if !strings.Contains(seen, `"id": "`+id+`"`) {
						t.Fatalf("task %s is nowhere", id)
					}
				}
				queued, err := celery.NewInspector(c).QueueLength(ctx(t), "celery")
				if err != nil {
					t.Fatal(err)
				}
				held, err := s.rdb.HLen(ctx(t), "unacked").Result()
				if err != nil {
					t.Fatal(err)
				}
				waiting = int(queued + held)
			}
			if n, err := celery.NewInspector(c).QuarantineLength(ctx(t)); err != nil || n != 101 {
				t.Errorf("%d in quarantine, %v", n, err)
			}
		})
	}
}

// TestQueueOfAnotherType restores a message whose queue's name is taken by a key of another type, and finishes tasks whose
// next step goes to such a queue: neither is lost, and neither stops the others.
func TestQueueOfAnotherType(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *server) {
		c := open(t, celery.Config{BrokerURL: s.url})
		do(t, s.rdb, "HSET", "taken", "a", "b")
		entry := `[{"body": "W1sxLDJdLHt9LHt9XQ==", "headers": {"id": "stuck", "task": "docs.add"}, "content-type": "application/json", "properties": {"body_encoding": "base64"}}, "", "taken"]`
		do(t, s.rdb, "HSET", "unacked", "tag", entry)
		do(t, s.rdb, "ZADD", "unacked_index", 1, "tag")
		if n, err := c.Restore(ctx(t)); n != 1 || err != nil {
			t.Errorf("restored %d, %v", n, err)
		}
		link := celery.Sig("docs.add", 1)
		link.Options = map[string]any{"queue": "taken"}
		id := send(t, c, celery.Task{Name: "docs.add", Args: []any{1, 2}, Link: []celery.Signature{link}})[0]
		start(t, c, celery.WorkerConfig{}, map[string]celery.Handler{"docs.add": add})
		if res := wait(t, c, id); res.Status != celery.StatusFailure {
			t.Errorf("%+v", res)
		}
		if res := wait(t, c, send(t, c, celery.Task{Name: "docs.add", Args: []any{1, 2}})[0]); res.Status != celery.StatusSuccess {
			t.Errorf("%+v", res)
		}
		list, err := celery.NewInspector(c).Quarantine(ctx(t))
		if err != nil || len(list) != 2 {
			t.Fatalf("%+v, %v", list, err)
		}
		for _, q := range list {
			if q.Reason != celery.ReasonQueue {
				t.Errorf("%+v", q)
			}
		}
	})
}

// TestBindingsCannotBeRead leaves a message of a named exchange where it is while nobody can say where it belongs; then it
// goes to the list of its priority.
func TestBindingsCannotBeRead(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *server) {
		c := open(t, celery.Config{BrokerURL: s.url})
		do(t, s.rdb, "SET", "_kombu.binding.topics", "no set")
		entry := `[{"body": "W1sxLDJdLHt9LHt9XQ==", "headers": {"id": "1", "task": "docs.add"}, "content-type": "application/json", "properties": {"body_encoding": "base64", "priority": 7}}, "topics", "docs.new"]`
		do(t, s.rdb, "HSET", "unacked", "tag", entry)
		do(t, s.rdb, "ZADD", "unacked_index", 1, "tag")
		if n, err := c.Restore(ctx(t)); n != 0 || err == nil {
			t.Errorf("restored %d, %v", n, err)
		}
		if n, err := s.rdb.HLen(ctx(t), "unacked").Result(); n != 1 || err != nil {
			t.Errorf("%d held, %v", n, err)
		}
		do(t, s.rdb, "DEL", "_kombu.binding.topics")
		do(t, s.rdb, "SADD", "_kombu.binding.topics", "docs.#\x06\x16^docs\\..*?$\x06\x16home")
		if n, err := c.Restore(ctx(t)); n != 1 || err != nil {
			t.Errorf("restored %d, %v", n, err)
		}
		if n, err := s.rdb.LLen(ctx(t), "home\x06\x166").Result(); n != 1 || err != nil {
			t.Errorf("%d in its queue, %v", n, err)
		}
	})
}

// TestTakesItsOwnMessageAgain has a worker lose its leases while it is alive and take the same messages a second time. Each
// runs twice, both are settled, and the worker has as much room as before.
func TestTakesItsOwnMessageAgain(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *server) {
		c := open(t, celery.Config{BrokerURL: s.url})
		arrived := make(chan bool, 8)
		behind := func(gate <-chan struct{}) celery.Handler {
			return func(_ context.Context, d *celery.Delivery) (any, error) {
				arrived <- d.Redelivered
				<-gate
				return nil, nil
			}
		}
		first, second := make(chan struct{}), make(chan struct{})
		w := start(t, c, celery.WorkerConfig{Concurrency: 4, Prefetch: -1}, map[string]celery.Handler{"first": behind(first), "second": behind(second)})
		send(t, c, celery.Task{Name: "first"}, celery.Task{Name: "first"})
		for range 2 {
			if receive(t, arrived) {
				t.Error("the first delivery is marked")
			}
		}
		tags, err := s.rdb.ZRange(ctx(t), "unacked_index", 0, -1).Result()
		if err != nil {
			t.Fatal(err)
		}
		for _, tag := range tags {
			do(t, s.rdb, "ZADD", "unacked_index", 1, tag)
		}
		for range 2 { // restored by the worker's own sweep
			if !receive(t, arrived) {
				t.Error("the second delivery is not marked")
			}
		}
		close(first)
		until(t, "all are settled", func() bool { return w.Stats().Succeeded == 4 && w.Stats().LeasesLost == 2 })
		// Four at a time still fit.
		send(t, c, celery.Task{Name: "second"}, celery.Task{Name: "second"}, celery.Task{Name: "second"}, celery.Task{Name: "second"})
		for range 4 {
			receive(t, arrived)
		}
		close(second)
		until(t, "all are acknowledged", func() bool {
			n, err := s.rdb.Exists(ctx(t), "unacked", "unacked_index", "celery").Result()
			return err == nil && n == 0
		})
	})
}

// TestEnvelopesThatAreNone says of each what becomes of it: a message without its parts is put aside with the reason.
func TestEnvelopesThatAreNone(t *testing.T) {
	t.Parallel()
	const body, kind, headers = `"body": "W1sxLDJdLHt9LHt9XQ=="`, `"content-type": "application/json"`, `"headers": {"id": "x", "task": "docs.add"}`
	for name, c := range map[string]struct{ raw, reason string }{
		"no properties":         {`{` + body + `, ` + kind + `, ` + headers + `}`, celery.ReasonEnvelope},
		"null properties":       {`{` + body + `, ` + kind + `, ` + headers + `, "properties": null}`, celery.ReasonEnvelope},
		"empty properties":      {`{` + body + `, ` + kind + `, ` + headers + `, "properties": {}}`, celery.ReasonBody},
		"properties are a list": {`{` + body + `, ` + kind + `, ` + headers + `, "properties": []}`, celery.ReasonEnvelope},
		"surrogate, none":       {`{` + body + `, ` + kind + `, "headers": {"id": "x", "task": "docs.add", "u": "\ud800"}}`, celery.ReasonEnvelope},
		"no content type":       {`{` + body + `, ` + headers + `, "properties": {"body_encoding": "base64"}}`, celery.ReasonContentType},
		"no body":               {`{` + kind + `, ` + headers + `, "properties": {"body_encoding": "base64"}}`, celery.ReasonBody},
		"no id":                 {`{` + body + `, ` + kind + `, "headers": {"task": "docs.add"}, "properties": {"body_encoding": "base64"}}`, celery.ReasonEnvelope},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := realRedis(t)
			client := open(t, celery.Config{BrokerURL: s.url})
			do(t, s.rdb, "LPUSH", "celery", c.raw)
			var ran atomic.Bool
			start(t, client, celery.WorkerConfig{}, map[string]celery.Handler{"docs.add": func(context.Context, *celery.Delivery) (any, error) {
				ran.Store(true)
				return nil, nil
			}})
			i := celery.NewInspector(client)
			until(t, "it is settled", func() bool {
				n, err := s.rdb.Exists(ctx(t), "unacked", "celery").Result()
				return err == nil && n == 0
			})
			list, err := i.Quarantine(ctx(t))
			if err != nil || len(list) != 1 || list[0].Reason != c.reason || ran.Load() {
				t.Fatalf("%+v, %v, ran %v", list, err, ran.Load())
			}
			if raw, err := i.QuarantinedMessage(ctx(t), list[0].ID); err != nil || string(raw) != c.raw {
				t.Errorf("kept as %q, %v", raw, err)
			}
		})
	}
}

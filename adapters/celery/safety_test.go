package celery_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/celery"
	"github.com/docuvault/docuvault/internal/testenv"
)

func send(t testing.TB, c *celery.Client, tasks ...celery.Task) []string {
	t.Helper()
	ids, err := celery.NewProducer(c).SendBatch(ctx(t), tasks)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func wait(t testing.TB, c *celery.Client, id string) celery.Result {
	t.Helper()
	res, err := celery.NewResults(c).Wait(ctx(t), id)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestUnknownTaskGoesToWhoKnowsIt(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *server) {
		c := open(t, celery.Config{BrokerURL: s.url})
		start(t, c, celery.WorkerConfig{Hostname: "stranger@test"}, nil)
		id := send(t, c, celery.Task{Name: "docs.add", Args: []any{1, 2}})[0]
		start(t, c, celery.WorkerConfig{Hostname: "friend@test"}, map[string]celery.Handler{"docs.add": add})
		if res := wait(t, c, id); string(res.Result) != "3" {
			t.Errorf("%+v", res)
		}
	})
}

func TestUnknownTaskIsQuarantinedInTheEnd(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *server) {
		c := open(t, celery.Config{BrokerURL: s.url})
		w := start(t, c, celery.WorkerConfig{UnknownRounds: 3, UnknownPause: time.Millisecond}, nil)
		id := send(t, c, celery.Task{Name: "docs.add", Args: []any{1, 2}, Priority: 4})[0]
		var e *celery.Error
		if err := wait(t, c, id).Err(); !asCelery(err, &e) || e.Type != "NotRegistered" {
			t.Errorf("%v", err)
		}
		i := celery.NewInspector(c)
		list, err := i.Quarantine(ctx(t))
		if err != nil || len(list) != 1 || list[0].Reason != celery.ReasonUnknownTask || list[0].TaskID != id || list[0].Queue != "celery" || list[0].Task != "docs.add" {
			t.Fatalf("%+v, %v", list, err)
		}
		if st := w.Stats(); st.Bounced != 3 || st.Quarantined != 1 {
			t.Errorf("%+v", st)
		}
		// A handler arrives, and the message is put back by hand: its id has a failure stored, which success replaces.
		w.Handle("docs.add", add, celery.HandlerOptions{})
		if n, err := i.Requeue(ctx(t), list[0].ID, "no such"); err != nil || n != 1 {
			t.Fatal(n, err)
		}
		until(t, "it ran", func() bool {
			res, err := celery.NewResults(c).Get(ctx(t), id)
			return err == nil && res.Status == celery.StatusSuccess
		})
		if n, err := i.QuarantineLength(ctx(t)); err != nil || n != 0 {
			t.Error(n, err)
		}
	})
}

func asCelery(err error, e **celery.Error) bool {
	return errors.As(err, e)
}

// TestMalformedMessages pushes what kills or silences Python workers; the worker must survive, keep every message it
// cannot run, and run the task behind them.
func TestMalformedMessages(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/vectors/malformed.json")
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Cases map[string]struct{ Raw string }
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	onBoth(t, func(t *testing.T, s *server) {
		c := open(t, celery.Config{BrokerURL: s.url})
		raws := []string{"", "\xff\xfe", "null", "{}", `{"properties": 1}`, strings.Repeat("[", 5000), `{"a": "\ud800"}`,
			`{"body": "W1sxLDJdLHt9LHt9XQ==", "headers": {"id": "lone", "task": "docs.add", "x": "\ud800", "n": NaN}, "content-type": "application/json", "properties": {"body_encoding": "base64"}}`}
		for _, k := range v.Cases {
			raws = append(raws, k.Raw)
		}
		for _, raw := range raws {
			if err := s.rdb.LPush(ctx(t), "celery", raw).Err(); err != nil {
				t.Fatal(err)
			}
		}
		good := send(t, c, celery.Task{Name: "docs.add", Args: []any{1, 2}})[0]
		w := start(t, c, celery.WorkerConfig{Concurrency: 2}, map[string]celery.Handler{"docs.add": add})
		if res := wait(t, c, good); string(res.Result) != "3" {
			t.Errorf("%+v", res)
		}
		if res := wait(t, c, "lone"); string(res.Result) != "3" {
			t.Errorf("a message with a lone surrogate and NaN: %+v", res)
		}
		until(t, "all settled", func() bool {
			queued, err := s.rdb.LLen(ctx(t), "celery").Result()
			if err != nil {
				t.Fatal(err)
			}
			held, err := s.rdb.HLen(ctx(t), "unacked").Result()
			return err == nil && queued+held == 0
		})
		st := w.Stats()
		list, err := celery.NewInspector(c).Quarantine(ctx(t))
		if err != nil {
			t.Fatal(err)
		}
		if got := int64(len(list)) + st.Succeeded + st.Failed + st.Revoked; got != int64(len(raws))+1 || st.Quarantined != int64(len(list)) {
			t.Errorf("%d messages became %d: %+v, %d in quarantine", len(raws)+1, got, st, len(list))
		}
		for _, q := range list {
			if q.Reason == "" || q.Queue != "celery" || q.At.IsZero() {
				t.Errorf("%+v", q)
			}
		}
		raw, err := celery.NewInspector(c).QuarantinedMessage(ctx(t), list[0].ID)
		if err != nil || len(raw) != list[0].Size {
			t.Error(len(raw), err)
		}
		if n, err := celery.NewInspector(c).Purge(ctx(t), list[0].ID); err != nil || n != 1 {
			t.Error(n, err)
		}
	})
}

func TestOversizedBodiesAreQuarantined(t *testing.T) {
	t.Parallel()
	s := realRedis(t)
	c := open(t, celery.Config{BrokerURL: s.url})
	id := send(t, c, celery.Task{Name: "docs.add", Args: []any{strings.Repeat("a", 1<<20)}, Compression: "zlib"})[0]
	start(t, c, celery.WorkerConfig{MaxBody: 1 << 16}, map[string]celery.Handler{"docs.add": add})
	if res := wait(t, c, id); res.Status != celery.StatusFailure {
		t.Errorf("%+v", res)
	}
	list, err := celery.NewInspector(c).Quarantine(ctx(t))
	if err != nil || len(list) != 1 || list[0].Reason != celery.ReasonTooLarge {
		t.Errorf("%+v %v", list, err)
	}
}

// TestLeaseIsRenewed runs a task for many times its lease while others sweep all the time.
func TestLeaseIsRenewed(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *server) {
		cfg := celery.Config{BrokerURL: s.url, VisibilityTimeout: time.Hour, Lease: time.Second}
		c, other := open(t, cfg), open(t, cfg)
		var runs atomic.Int64
		release := make(chan struct{})
		start(t, c, celery.WorkerConfig{}, map[string]celery.Handler{"long": func(ctx context.Context, _ *celery.Delivery) (any, error) {
			runs.Add(1)
			<-release
			return nil, nil
		}, "later": add})
		ids := send(t, c, celery.Task{Name: "long"}, celery.Task{Name: "later", Args: []any{1, 2}, Countdown: 4 * time.Second})
		began := time.Now()
		until(t, "five leases went by", func() bool {
			n, err := other.Restore(ctx(t))
			if err != nil || n != 0 {
				t.Fatalf("restored %d of a living holder, %v", n, err)
			}
			return time.Since(began) > 5*time.Second
		})
		close(release)
		for _, id := range ids {
			if res := wait(t, c, id); res.Status != celery.StatusSuccess {
				t.Errorf("%+v", res)
			}
		}
		if runs.Load() != 1 {
			t.Errorf("ran %d times", runs.Load())
		}
	})
}

// TestHelperWorker is the process that the tests below kill: a worker whose task never ends.
func TestHelperWorker(t *testing.T) {
	if os.Getenv("CELERY_GO_HELPER") == "" {
		return
	}
	visibility, err := strconv.Atoi(os.Getenv("VISIBILITY"))
	if err != nil {
		t.Fatal(err)
	}
	c := open(t, celery.Config{BrokerURL: os.Getenv("CELERY_GO_HELPER"), VisibilityTimeout: time.Duration(visibility) * time.Second, Lease: time.Second})
	w, err := celery.NewWorker(c, celery.WorkerConfig{Queues: []string{"py"}, Concurrency: 2, Prefetch: -1})
	if err != nil {
		t.Fatal(err)
	}
	block := func(ctx context.Context, _ *celery.Delivery) (any, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	w.Handle("py.add", block, celery.HandlerOptions{})
	_ = w.Run(context.Background())
}

func killedHolder(t *testing.T, s *server, c *celery.Client, visibility, want int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestHelperWorker$")
	cmd.Env = append(os.Environ(), "CELERY_GO_HELPER="+s.url, "VISIBILITY="+strconv.Itoa(visibility))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "the child holds its tasks", func() bool {
		held, err := celery.NewInspector(c).Unacked(ctx(t))
		return err == nil && len(held) == want
	})
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
}

func TestKilledGoHolderIsRestoredByGo(t *testing.T) {
	t.Parallel()
	s := realRedis(t)
	cfg := celery.Config{BrokerURL: s.url, Lease: time.Second} // visibility timeout an hour, as Celery's
	c := open(t, cfg)
	ids := send(t, c, celery.Task{Name: "py.add", Args: []any{1, 2}, Queue: "py", Priority: 5}, celery.Task{Name: "py.add", Args: []any{3, 4}, Queue: "py"})
	killedHolder(t, s, c, 3600, 2)
	killed := time.Now()
	var redelivered atomic.Int64
	w := start(t, c, celery.WorkerConfig{Queues: []string{"py"}, JanitorInterval: 100 * time.Millisecond}, map[string]celery.Handler{"py.add": func(ctx context.Context, d *celery.Delivery) (any, error) {
		if d.Redelivered {
			redelivered.Add(1)
		}
		return add(ctx, d)
	}})
	for _, id := range ids {
		if res := wait(t, c, id); res.Status != celery.StatusSuccess {
			t.Errorf("%+v", res)
		}
	}
	if took := time.Since(killed); took > time.Minute || w.Stats().Restored != 2 || redelivered.Load() != 2 {
		t.Errorf("back after %v, %+v, %d marked", took, w.Stats(), redelivered.Load())
	}
}

func TestKilledGoHolderIsRestoredByPython(t *testing.T) {
	t.Parallel()
	s := realRedis(t)
	dir, err := filepath.Abs("testdata/app")
	if err != nil {
		t.Fatal(err)
	}
	c := open(t, celery.Config{BrokerURL: s.url, VisibilityTimeout: 600 * time.Second, Lease: time.Second})
	ids := send(t, c, celery.Task{Name: "py.add", Args: []any{1, 2}, Queue: "py"}, celery.Task{Name: "py.add", Args: []any{3, 4}, Queue: "py"})
	killedHolder(t, s, c, 600, 2)
	until(t, "the leases ended", func() bool {
		held, err := celery.NewInspector(c).Unacked(ctx(t))
		return err == nil && len(held) == 2 && time.Now().After(held[0].Until) && time.Now().After(held[1].Until)
	})
	// kombu sweeps when a worker starts, then every 100 s.
	testenv.Celery(t, testenv.CeleryOptions{RedisURL: s.url, Dir: dir, Queues: []string{"py"}, Env: []string{"VISIBILITY=600"}})
	for _, id := range ids {
		if res := wait(t, c, id); res.Status != celery.StatusSuccess {
			t.Errorf("%+v", res)
		}
	}
}

func TestKilledPythonHolderIsRestoredByGo(t *testing.T) {
	t.Parallel()
	s := realRedis(t)
	dir, err := filepath.Abs("testdata/app")
	if err != nil {
		t.Fatal(err)
	}
	c := open(t, celery.Config{BrokerURL: s.url, VisibilityTimeout: 2 * time.Second, Lease: time.Second})
	py := testenv.Celery(t, testenv.CeleryOptions{RedisURL: s.url, Dir: dir, Queues: []string{"py"}, Env: []string{"VISIBILITY=3600", "ACKS_LATE=1"}})
	ids := send(t, c, celery.Task{Name: "py.sleep", Args: []any{600}, Queue: "py"}, celery.Task{Name: "py.add", Args: []any{1, 2}, Queue: "py", Priority: 9})
	until(t, "Python holds both", func() bool {
		held, err := celery.NewInspector(c).Unacked(ctx(t))
		return err == nil && len(held) == 2
	})
	py.Kill()
	start(t, c, celery.WorkerConfig{Queues: []string{"py"}, JanitorInterval: 100 * time.Millisecond}, map[string]celery.Handler{
		"py.add":   add,
		"py.sleep": func(_ context.Context, d *celery.Delivery) (any, error) { return d.Redelivered, nil },
	})
	for i, want := range []string{"true", "3"} {
		if res := wait(t, c, ids[i]); string(res.Result) != want {
			t.Errorf("%+v", res)
		}
	}
}

// TestRedisRestarts kills and freezes Redis under a working worker; every task ends, and none is lost.
func TestRedisRestarts(t *testing.T) {
	t.Parallel()
	s := realRedis(t)
	c := open(t, celery.Config{BrokerURL: s.url, IOTimeout: 500 * time.Millisecond, Lease: time.Second})
	var mu sync.Mutex
	seen := map[string]int{}
	w := start(t, c, celery.WorkerConfig{Concurrency: 4, JanitorInterval: 200 * time.Millisecond}, map[string]celery.Handler{"docs.add": func(ctx context.Context, d *celery.Delivery) (any, error) {
		mu.Lock()
		seen[d.ID]++
		mu.Unlock()
		return add(ctx, d)
	}})
	var ids []string
	p := celery.NewProducer(c)
	for round := range 6 {
		tasks := make([]celery.Task, 200)
		for i := range tasks {
			tasks[i] = celery.Task{Name: "docs.add", Args: []any{i, round}}
		}
		batch, err := p.SendBatch(ctx(t), tasks)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, batch...)
		switch round % 3 {
		case 0:
			s.real.Kill(t)
			s.real.Start(t)
		case 1:
			s.real.Pause(t)
			until(t, "timeouts are noticed", func() bool { return c.Ping(ctx(t)) != nil })
			s.real.Resume(t)
		}
		until(t, "redis answers again", func() bool { return c.Ping(ctx(t)) == nil })
	}
	r := celery.NewResults(c)
	for _, id := range ids {
		until(t, "task "+id+" is done", func() bool {
			res, err := r.Get(ctx(t), id)
			return err == nil && res.Status == celery.StatusSuccess
		})
	}
	until(t, "all acknowledged", func() bool {
		held, err := celery.NewInspector(c).Unacked(ctx(t))
		return err == nil && len(held) == 0
	})
	twice := 0
	for _, n := range seen {
		if n > 1 {
			twice++
		}
	}
	t.Logf("%d tasks, %d ran more than once, %+v", len(ids), twice, w.Stats())
}

func TestIdleWorkerAsksLittle(t *testing.T) {
	t.Parallel()
	s := realRedis(t)
	c := open(t, celery.Config{BrokerURL: s.url})
	start(t, c, celery.WorkerConfig{Queues: []string{"a", "b"}}, map[string]celery.Handler{"docs.add": add})
	wait(t, c, send(t, c, celery.Task{Name: "docs.add", Args: []any{1, 2}, Queue: "a"})[0])
	commands := func() int {
		info, err := s.rdb.Info(ctx(t), "stats").Result()
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(info, "total_commands_processed:")
		n, err := strconv.Atoi(strings.TrimSpace(strings.SplitN(rest, "\r\n", 2)[0]))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before, began := commands(), time.Now()
	until(t, "four seconds went by", func() bool { return time.Since(began) > 4*time.Second })
	if rate := float64(commands()-before-1) / time.Since(began).Seconds(); rate > 5 {
		t.Errorf("%.1f commands a second", rate)
	} else {
		t.Logf("%.1f commands a second", rate)
	}
}

// TestTwoHomes keeps broker and results in different databases.
func TestTwoHomes(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *server) {
		c := open(t, celery.Config{BrokerURL: s.url, ResultURL: strings.TrimSuffix(s.url, "/0") + "/1", KeyPrefix: "dv:", ResultKeyPrefix: "res", ResultExpires: -1})
		start(t, c, celery.WorkerConfig{}, map[string]celery.Handler{"docs.add": add, "sum": func(_ context.Context, d *celery.Delivery) (any, error) {
			var l []int
			err := d.Bind(&l)
			return len(l), err
		}})
		st, err := celery.NewProducer(c).Start(ctx(t), celery.Chord(celery.Sig("sum"), celery.Sig("docs.add", 1, 2), celery.Sig("docs.add", 3, 4)))
		if err != nil {
			t.Fatal(err)
		}
		if res := wait(t, c, st.ID); string(res.Result) != "2" {
			t.Errorf("%+v", res)
		}
		if keys, err := s.rdb.Keys(ctx(t), "*").Result(); err != nil || len(keys) == 0 {
			t.Error(keys, err)
		} else {
			for _, k := range keys {
				if !strings.HasPrefix(k, "dv:") {
					t.Errorf("key %q without the prefix", k)
				}
			}
		}
	})
}

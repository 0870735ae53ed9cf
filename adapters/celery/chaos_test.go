//go:build chaos

package celery_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/celery"
	"github.com/docuvault/docuvault/internal/testenv"
)

// The chaos run: tasks flow through workers that are killed with SIGKILL every few hundred milliseconds while Redis
// (its append-only file synced on every write) is frozen, killed and started again. CHAOS_SEED repeats a run's choices,
// CHAOS_TASKS says how many tasks.

const (
	chaosVisibility = 20 * time.Second
	chaosLease      = 2 * time.Second
)

func chaosConfig(url string) celery.Config {
	return celery.Config{BrokerURL: url, VisibilityTimeout: chaosVisibility, Lease: chaosLease, IOTimeout: time.Second, DialTimeout: time.Second}
}

// TestHelperChaosWorker is the Go worker process that is killed.
func TestHelperChaosWorker(t *testing.T) {
	url := os.Getenv("CELERY_GO_CHAOS")
	if url == "" {
		return
	}
	c := open(t, chaosConfig(url))
	w, err := celery.NewWorker(c, celery.WorkerConfig{Queues: []string{"py"}, Concurrency: 4, JanitorInterval: 500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	s := &server{rdb: redisClient(url)}
	w.Handle("py.chaos", func(ctx context.Context, d *celery.Delivery) (any, error) {
		pipe := s.rdb.Pipeline()
		pipe.HIncrBy(ctx, "chaos:ran", d.ID, 1)
		pipe.HSet(ctx, "chaos:go", d.ID, os.Getpid())
		if _, err := pipe.Exec(ctx); err != nil {
			return nil, &celery.Retry{Reason: err, Countdown: 100 * time.Millisecond}
		}
		var n int
		if err := d.Bind(&n); err != nil {
			return nil, err
		}
		select { // work takes time, so that kills find it running
		case <-ctx.Done():
		case <-time.After(time.Duration(n%10) * time.Millisecond):
		}
		return n, nil
	}, celery.HandlerOptions{MaxRetries: 1000})
	_ = w.Run(context.Background())
}

type chaosRun struct {
	t    *testing.T
	s    *server
	c    *celery.Client
	rnd  *rand.Rand
	ids  []string
	dir  string
	gone sync.WaitGroup

	kills, pythonKills, restarts, pauses int
}

func (r *chaosRun) goWorker() *exec.Cmd {
	r.t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestHelperChaosWorker$")
	cmd.Env = append(os.Environ(), "CELERY_GO_CHAOS="+r.s.url)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	return cmd
}

func (r *chaosRun) pythonWorker() *testenv.CeleryWorker {
	return testenv.Celery(r.t, testenv.CeleryOptions{RedisURL: r.s.url, Dir: r.dir, Queues: []string{"py"},
		Env: []string{"ACKS_LATE=1", "PREFETCH=1", "VISIBILITY=" + strconv.Itoa(int(chaosVisibility/time.Second))}})
}

// send pushes every task, again and again under the same id until Redis says that it has it.
func (r *chaosRun) send(n int) {
	p := celery.NewProducer(r.c)
	for i := range n {
		id := fmt.Sprintf("chaos-%05d", i)
		r.ids = append(r.ids, id)
		for {
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			_, err := p.Send(ctx, celery.Task{ID: id, Name: "py.chaos", Args: []any{i}, Queue: "py", Priority: i % 10})
			cancel()
			if err == nil {
				break
			}
			<-time.After(20 * time.Millisecond)
		}
	}
}

func (r *chaosRun) missing() []string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var out []string
	for from := 0; from < len(r.ids); from += 500 {
		part := r.ids[from:min(from+500, len(r.ids))]
		keys := make([]string, len(part))
		for i, id := range part {
			keys[i] = "celery-task-meta-" + id
		}
		got, err := r.s.rdb.MGet(ctx, keys...).Result()
		if err != nil {
			return r.ids
		}
		for i, doc := range got {
			if text, ok := doc.(string); !ok || len(text) < 20 || text[:20] != `{"status": "SUCCESS"` {
				out = append(out, part[i])
			}
		}
	}
	return out
}

// idle reports that nothing waits and nothing is held.
func (r *chaosRun) idle() bool {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	i := celery.NewInspector(r.c)
	n, err := i.QueueLength(ctx, "py")
	if err != nil || n > 0 {
		return false
	}
	held, err := r.s.rdb.HLen(ctx, "unacked").Result()
	return err == nil && held == 0
}

// run makes trouble until all tasks are done, or nothing is left that could do them.
func (r *chaosRun) run(tasks int, python bool, limit time.Duration) []string {
	r.t.Helper()
	workers := []*exec.Cmd{r.goWorker(), r.goWorker()}
	var pythons []*testenv.CeleryWorker
	if python {
		pythons = []*testenv.CeleryWorker{r.pythonWorker(), r.pythonWorker()}
	}
	sent := make(chan struct{})
	go func() { defer close(sent); r.send(tasks) }()
	began := time.Now()
	trouble := min(limit/3, 25*time.Second)
	for round := 1; time.Since(began) < trouble; round++ {
		<-time.After(time.Duration(150+r.rnd.IntN(300)) * time.Millisecond)
		switch {
		case round%12 == 0:
			r.s.real.Kill(r.t)
			r.restarts++
			r.s.real.Start(r.t)
		case round%7 == 0:
			r.s.real.Pause(r.t)
			r.pauses++
			<-time.After(time.Duration(100+r.rnd.IntN(1200)) * time.Millisecond)
			r.s.real.Resume(r.t)
		case python && round%9 == 0:
			k := r.rnd.IntN(len(pythons))
			pythons[k].Kill()
			r.pythonKills++
			pythons[k] = r.pythonWorker()
		default:
			k := r.rnd.IntN(len(workers))
			_ = workers[k].Process.Kill()
			_ = workers[k].Wait()
			r.kills++
			workers[k] = r.goWorker()
		}
	}
	<-sent
	var left []string
	quiet := 0
	for time.Since(began) < limit {
		if left = r.missing(); len(left) == 0 {
			break
		}
		if quiet++; !r.idle() {
			quiet = 0
		}
		if quiet > 40 { // two seconds in which nothing waited and nothing was held
			break
		}
		<-time.After(50 * time.Millisecond)
	}
	for _, w := range workers {
		_ = w.Process.Kill()
		_ = w.Wait()
	}
	for _, p := range pythons {
		p.Kill()
	}
	return left
}

func TestChaos(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("CHAOS_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	tasks := 2000
	if text := os.Getenv("CHAOS_TASKS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		tasks = n
	}
	t.Logf("CHAOS_SEED=%d CHAOS_TASKS=%d", seed, tasks)
	dir, err := filepath.Abs("testdata/app")
	if err != nil {
		t.Fatal(err)
	}
	for name, python := range map[string]bool{"go": false, "go_and_python": true} {
		t.Run(name, func(t *testing.T) {
			s := realRedis(t)
			r := &chaosRun{t: t, s: s, dir: dir, rnd: rand.New(rand.NewPCG(seed, 1)), c: open(t, chaosConfig(s.url))}
			left := r.run(tasks, python, 4*time.Minute)
			ran, err := s.rdb.HGetAll(ctx(t), "chaos:ran").Result()
			if err != nil {
				t.Fatal(err)
			}
			byGo, err := s.rdb.HGetAll(ctx(t), "chaos:go").Result()
			if err != nil {
				t.Fatal(err)
			}
			twice, lostByGo := 0, 0
			for _, n := range ran {
				if n != "1" {
					twice++
				}
			}
			for _, id := range left {
				if !python || byGo[id] != "" {
					lostByGo++
				}
			}
			t.Logf("%d tasks: %d done, %d lost by Go, %d lost inside Python's transport, %d ran more than once; %d Go and %d Python workers killed, Redis killed %d and frozen %d times",
				tasks, tasks-len(left), lostByGo, len(left)-lostByGo, twice, r.kills, r.pythonKills, r.restarts, r.pauses)
			if lostByGo > 0 {
				t.Errorf("lost: %v", left)
			}
			if !python && !r.idle() {
				t.Error("messages were left behind")
			}
		})
	}
}

//go:build unix

package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/docuvault/docuvault/adapters/celery"
	"github.com/docuvault/docuvault/internal/testenv"
)

const (
	goWorkerRole   = "go worker"
	brokerVariable = "CHAOS_BROKER"
	taskName       = "py.chaos" // of adapters/celery/testdata/app too

	visibility = 20 * time.Second // how long Python may hold a message
	lease      = 2 * time.Second  // how long a dead Go worker's messages wait
)

func config(url string) celery.Config {
	return celery.Config{BrokerURL: url, VisibilityTimeout: visibility, Lease: lease, IOTimeout: time.Second, DialTimeout: time.Second}
}

// goWorker is the process that is killed. It notes every start of a task before it does anything else.
func goWorker() {
	url := os.Getenv(brokerVariable)
	opt, err := redis.ParseURL(url)
	if err != nil {
		panic(err)
	}
	notes := redis.NewClient(opt)
	c, err := celery.Open(config(url))
	if err != nil {
		panic(err)
	}
	w, err := celery.NewWorker(c, celery.WorkerConfig{Queues: []string{"py"}, Concurrency: 4, JanitorInterval: 500 * time.Millisecond})
	if err != nil {
		panic(err)
	}
	w.Handle(taskName, func(ctx context.Context, d *celery.Delivery) (any, error) {
		pipe := notes.Pipeline()
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
	if err := w.Run(context.Background()); err != nil {
		panic(err)
	}
}

// queueRun is one queue with workers of both kinds on it.
type queueRun struct {
	t     *testing.T
	redis testenv.RedisServer
	rdb   *redis.Client
	c     *celery.Client
	rnd   *rand.Rand
	ids   []string

	gos     []*testenv.ChildProcess
	pythons []*testenv.CeleryWorker

	goKills, pythonKills, restarts, freezes int
}

func (r *queueRun) startGo() *testenv.ChildProcess {
	return testenv.Child(r.t, goWorkerRole, brokerVariable+"="+r.redis.URL)
}

func (r *queueRun) startPython() *testenv.CeleryWorker {
	return testenv.Celery(r.t, testenv.CeleryOptions{RedisURL: r.redis.URL, Dir: folder(r.t, "adapters/celery/testdata/app"), Queues: []string{"py"},
		Env: []string{"ACKS_LATE=1", "PREFETCH=1", "VISIBILITY=" + strconv.Itoa(int(visibility/time.Second))}})
}

// send pushes every task over the time of the trouble, again and again under the same id until Redis says that it has it.
func (r *queueRun) send(n int, over time.Duration) {
	p := celery.NewProducer(r.c)
	tick := time.NewTicker(over / time.Duration(n))
	defer tick.Stop()
	for i := range n {
		<-tick.C
		for {
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			_, err := p.Send(ctx, celery.Task{ID: r.ids[i], Name: taskName, Args: []any{i}, Queue: "py", Priority: i % 10})
			cancel()
			if err == nil {
				break
			}
			<-tick.C
		}
	}
}

// trouble does one thing to one of them.
func (r *queueRun) trouble(round int) {
	switch {
	case round%12 == 0:
		r.redis.Kill(r.t)
		r.restarts++
		r.redis.Start(r.t)
	case round%7 == 0:
		r.redis.Pause(r.t)
		r.freezes++
		<-time.After(between(r.rnd, 100*time.Millisecond, 1300*time.Millisecond))
		r.redis.Resume(r.t)
	case round%9 == 0 && len(r.pythons) > 0:
		k := r.rnd.IntN(len(r.pythons))
		r.pythons[k].Kill()
		r.pythonKills++
		r.pythons[k] = r.startPython()
	default:
		k := r.rnd.IntN(len(r.gos))
		r.gos[k].Kill()
		r.goKills++
		r.gos[k] = r.startGo()
	}
}

// missing lists the tasks that have not succeeded.
func (r *queueRun) missing(ctx context.Context) ([]string, error) {
	keys := make([]string, len(r.ids))
	for i, id := range r.ids {
		keys[i] = "celery-task-meta-" + id
	}
	docs, err := r.rdb.MGet(ctx, keys...).Result()
	if err != nil {
		return nil, err
	}
	var out []string
	for i, doc := range docs {
		if status(doc) != celery.StatusSuccess {
			out = append(out, r.ids[i])
		}
	}
	return out, nil
}

// idle reports that nothing waits and nothing is held.
func (r *queueRun) idle(ctx context.Context) bool {
	waiting, err := celery.NewInspector(r.c).QueueLength(ctx, "py")
	if err != nil {
		return false
	}
	held, err := r.rdb.HLen(ctx, "unacked").Result()
	return err == nil && waiting+held == 0
}

// settle waits until every task has succeeded, or nothing is left that could make it.
func (r *queueRun) settle(limit time.Duration) (left []string) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	quiet := 0
	for ctx.Err() == nil {
		missing, err := r.missing(ctx)
		switch {
		case err == nil && len(missing) == 0 && r.idle(ctx):
			return nil
		case err == nil && r.idle(ctx):
			if left, quiet = missing, quiet+1; quiet > 30 { // three seconds
				return left
			}
		case err == nil:
			left, quiet = missing, 0
		}
		<-tick.C
	}
	r.t.Errorf("still at work after %v", limit)
	return left
}

// TestQueue has workers of one or both kinds run tasks of one queue through every sort of trouble.
func TestQueue(t *testing.T) {
	for name, python := range map[string]int{"go": 0, "go_and_python": 2} {
		t.Run(name, func(t *testing.T) {
			r := &queueRun{t: t, redis: testenv.Redis(t), rnd: choices(t)}
			r.rdb = dial(t, r.redis)
			c, err := celery.Open(config(r.redis.URL))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Close() })
			r.c = c
			tasks, trouble := amount(t, "CHAOS_TASKS", 200), troubleTime(t)
			for i := range tasks {
				r.ids = append(r.ids, fmt.Sprintf("chaos-%05d", i))
			}
			for range 2 {
				r.gos = append(r.gos, r.startGo())
			}
			for range python {
				r.pythons = append(r.pythons, r.startPython())
			}
			sent := make(chan struct{})
			go func() { defer close(sent); r.send(tasks, trouble) }()
			began := time.Now()
			for round := 1; time.Since(began) < trouble; round++ {
				<-time.After(between(r.rnd, 150*time.Millisecond, 450*time.Millisecond))
				r.trouble(round)
			}
			<-sent
			r.report(r.settle(3 * time.Minute))
		})
	}
}

// report prints the table. A task counts as lost by Go when it is not done and a Go worker ever began it, or no Python
// worker was there: Python's transport holds a message in memory alone between two commands, and between two others while
// it restores one.
func (r *queueRun) report(left []string) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	ran, err := r.rdb.HGetAll(ctx, "chaos:ran").Result()
	if err != nil {
		r.t.Fatal(err)
	}
	byGo, err := r.rdb.HGetAll(ctx, "chaos:go").Result()
	if err != nil {
		r.t.Fatal(err)
	}
	twice, wrong, lostByGo := 0, 0, 0
	for _, n := range ran {
		if n != "1" {
			twice++
		}
	}
	results := celery.NewResults(r.c)
	for i, id := range r.ids {
		res, err := results.Get(ctx, id)
		if err != nil {
			r.t.Fatal(err)
		}
		if res.Status == celery.StatusSuccess && string(res.Result) != strconv.Itoa(i) {
			wrong++
		}
	}
	for _, id := range left {
		if len(r.pythons) == 0 || byGo[id] != "" {
			lostByGo++
		}
	}
	var out table
	out.row("tasks", "%d", len(r.ids))
	out.row("workers at a time", "%d Go, %d Python (acks_late)", len(r.gos), len(r.pythons))
	out.row("workers killed by SIGKILL", "%d Go, %d Python", r.goKills, r.pythonKills)
	out.row("Redis killed and started again; frozen", "%d; %d", r.restarts, r.freezes)
	out.row("tasks done; begun by Go at least once", "%d; %d", len(r.ids)-len(left), len(byGo))
	out.row("tasks lost by Go", "%d", lostByGo)
	out.row("tasks lost inside Python's transport", "%d", len(left)-lostByGo)
	out.row("tasks run more than once; wrong results among all", "%d; %d", twice, wrong)
	r.t.Log(out.String())
	if lostByGo > 0 || wrong > 0 {
		r.t.Errorf("lost: %v", left)
	}
}

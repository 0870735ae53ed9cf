//go:build bench && linux

package celery

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/docuvault/docuvault/internal/testenv"
)

// make bench-celery: everything on one Redis, whose append-only file is synced every second (Redis's default: with a
// sync on every write the disk would be all that is measured). Rounds of what is compared alternate, so that noise on
// the machine meets both; the table shows medians.

const (
	benchRounds  = 3
	benchTask    = "bench.noop"
	goTasks      = 20_000 // a round of ours
	pythonTasks  = 2_000  // a round of Python's
	memoryFirst  = 10_000
	memoryLast   = 100_000
	benchBroker  = "CELERY_BENCH_BROKER"
	idleTime     = 10 * time.Second
	latencyTries = 300
)

// benchApp is Python's side. Its log line for every task is switched off: ours writes none.
const benchApp = `
import logging, os
from celery import Celery
for name in ("celery.app.trace", "celery.worker.strategy"):
    logging.getLogger(name).setLevel(logging.WARNING)
app = Celery("bench", broker=os.environ["CELERY_BROKER_URL"], backend=os.environ["CELERY_RESULT_BACKEND"])

@app.task(name="bench.noop")
def noop(n, text):
    return None
`

// TestHelperBenchWorker is our worker as a process of its own. Beside the no-op it has tasks that say when they began,
// and how large the heap is.
func TestHelperBenchWorker(t *testing.T) {
	url := os.Getenv(benchBroker)
	if url == "" {
		return
	}
	c, err := Open(Config{BrokerURL: url})
	if err != nil {
		t.Fatal(err)
	}
	w, err := NewWorker(c, WorkerConfig{Queues: []string{DefaultQueue, "timed"}})
	if err != nil {
		t.Fatal(err)
	}
	w.Handle(benchTask, func(context.Context, *Delivery) (any, error) { return nil, nil }, HandlerOptions{})
	w.Handle("bench.heap", func(context.Context, *Delivery) (any, error) {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc), nil
	}, HandlerOptions{})
	w.Handle("bench.now", func(context.Context, *Delivery) (any, error) { return time.Now().UnixNano(), nil }, HandlerOptions{})
	fmt.Println("ready")
	_ = w.Run(context.Background())
}

// benchProcess is a worker under measurement.
type benchProcess struct {
	pid  int
	stop func()
}

func ourWorker(t *testing.T, url string) *benchProcess {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestHelperBenchWorker$")
	cmd.Env = append(os.Environ(), benchBroker+"="+url)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("the worker said %q, %v", line, err)
	}
	return &benchProcess{pid: cmd.Process.Pid, stop: func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }}
}

// ask runs one task that answers with a number, and says when it was sent.
func ask(t *testing.T, c *Client, task Task) (answer int64, sent time.Time) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	sent = time.Now()
	id, err := NewProducer(c).Send(ctx, task)
	if err != nil {
		t.Fatal(err)
	}
	res, err := NewResults(c).Wait(ctx, id)
	if err == nil {
		err = res.Decode(&answer)
	}
	if err != nil {
		t.Fatal(err)
	}
	return answer, sent
}

func pythonWorker(t *testing.T, url string, args ...string) *benchProcess {
	t.Helper()
	w := testenv.Celery(t, testenv.CeleryOptions{RedisURL: url, Files: map[string]string{"celery_app.py": benchApp}, Queues: []string{DefaultQueue},
		Args: append([]string{"--without-gossip", "--without-mingle", "--without-heartbeat"}, args...)})
	return &benchProcess{pid: w.PID(), stop: w.Kill}
}

func fill(t *testing.T, c *Client, n int) {
	t.Helper()
	p := NewProducer(c)
	for n > 0 {
		batch := make([]Task, min(n, 1000))
		for i := range batch {
			batch[i] = Task{Name: benchTask, Args: []any{i, "text"}}
		}
		if _, err := p.SendBatch(context.Background(), batch); err != nil {
			t.Fatal(err)
		}
		n -= len(batch)
	}
}

// work has a worker process do n tasks and returns tasks a second. It stands still while the queue is filled.
func (p *benchProcess) work(t *testing.T, c *Client, n int) float64 {
	t.Helper()
	ctx := context.Background()
	signalTo(t, p.pid, syscall.SIGSTOP)
	if err := c.rdb.FlushAll(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	fill(t, c, n)
	began := time.Now()
	signalTo(t, p.pid, syscall.SIGCONT)
	for { // results, and one key at most beside them
		size, err := c.rdb.DBSize(ctx).Result()
		if err != nil {
			t.Fatal(err)
		}
		left, err := c.rdb.Exists(ctx, DefaultQueue, c.keys.unacked()).Result()
		if err != nil {
			t.Fatal(err)
		}
		if left == 0 && size >= int64(n) {
			return float64(n) / time.Since(began).Seconds()
		}
		<-time.After(5 * time.Millisecond)
	}
}

func signalTo(t *testing.T, pid int, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, s); err != nil {
		t.Fatal(err)
	}
}

// inProcess runs n tasks through a worker of this process; bareLoop through nothing but the identical Redis commands:
// the same scripts with the same arguments in the same batches, nothing decoded, nothing run.
func inProcess(t *testing.T, c *Client, n int) float64 {
	t.Helper()
	fill(t, c, n)
	w, err := NewWorker(c, WorkerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	var ran atomic.Int64
	all := make(chan struct{})
	w.Handle(benchTask, func(context.Context, *Delivery) (any, error) {
		if ran.Add(1) == int64(n) {
			close(all)
		}
		return nil, nil
	}, HandlerOptions{})
	done := make(chan error, 1)
	began := time.Now()
	go func() { done <- w.Run(context.Background()) }()
	<-all
	w.Stop()
	if err := <-done; err != nil { // returns once the last result is written
		t.Fatal(err)
	}
	return float64(n) / time.Since(began).Seconds()
}

func bareLoop(t *testing.T, c *Client, n int) float64 {
	t.Helper()
	fill(t, c, n)
	ctx := context.Background()
	began := time.Now()
	for left := n; left > 0; {
		take := &call{script: takeScript, keys: append([]string{c.keys.unacked(), c.keys.unackedIndex(), c.keys.quarantine()}, c.keys.lists(DefaultQueue)...),
			args: []any{128, c.scoreOffset(), freshTag(), 1, 0, `"celery"`}}
		if err := runScripts(ctx, c.rdb, []*call{take}); err != nil {
			t.Fatal(err)
		}
		got, err := take.cmd.StringSlice()
		if err != nil {
			t.Fatal(err)
		}
		var calls []*call
		for i := 0; i < len(got); i += 4 {
			doc := `{"status": "SUCCESS", "result": null, "traceback": null, "children": [], "date_done": "2026-11-23T20:21:23.187404+00:00", "task_id": "dc2100000-0000-0000-0000-00000000"}`
			calls = append(calls, c.completeCall(got[i+2], c.keys.result(got[i+2]), []byte(doc), nil))
		}
		if err := runScripts(ctx, c.rdb, calls); err != nil {
			t.Fatal(err)
		}
		left -= len(calls)
	}
	return float64(n) / time.Since(began).Seconds()
}

// pythonDelay is how many tasks a second .delay() sends.
func pythonDelay(t *testing.T, url string, n int) float64 {
	t.Helper()
	out := testenv.PythonEnv(t, []string{"CELERY_BROKER_URL=" + url, "CELERY_RESULT_BACKEND=" + url}, benchApp+`
import sys, time
n = int(sys.argv[1])
noop.delay(0, "text")
began = time.perf_counter()
for i in range(n):
    noop.delay(i, "text")
print(n / (time.perf_counter() - began))
`, strconv.Itoa(n))
	rate, err := strconv.ParseFloat(strings.TrimSpace(out), 64)
	if err != nil {
		t.Fatal(err)
	}
	return rate
}

// sending is how many tasks a second our producer sends, so many to a round trip.
func sending(t *testing.T, c *Client, n, size int) float64 {
	t.Helper()
	p := NewProducer(c)
	batch := make([]Task, size)
	for i := range batch {
		batch[i] = Task{Name: benchTask, Args: []any{i, "text"}}
	}
	began := time.Now()
	for range n / size {
		if _, err := p.SendBatch(context.Background(), batch); err != nil {
			t.Fatal(err)
		}
	}
	return float64(n) / time.Since(began).Seconds()
}

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

// cpu is what the process has used, to 10 ms; rss its resident set in bytes.
func (p *benchProcess) cpu(t *testing.T) time.Duration {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	f := strings.Fields(rest)
	user, err1 := strconv.Atoi(f[11])
	system, err2 := strconv.Atoi(f[12])
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

func (p *benchProcess) rss(t *testing.T) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "VmRSS:")
	kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kb << 10
}

func commandsDone(t *testing.T, c *Client) int {
	t.Helper()
	info, err := c.rdb.Info(context.Background(), "stats").Result()
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(info, "total_commands_processed:")
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// benchTable is what is printed in the end.
type benchTable struct{ b strings.Builder }

func (bt *benchTable) row(what, got, reach string, ok bool) {
	verdict := "pass"
	if !ok {
		verdict = "MISS"
	}
	fmt.Fprintf(&bt.b, "\n  %-46s %-34s reach %-12s %s", what, got, reach, verdict)
}

func (bt *benchTable) ratio(what string, ours, theirs, reach float64) {
	bt.row(what, fmt.Sprintf("%.0f/s to %.0f/s: %.2fx", ours, theirs, ours/theirs), fmt.Sprintf("%.1fx", reach), ours/theirs >= reach)
}

// TestBenchCelery measures and prints; a figure that is missed does not fail it.
func TestBenchCelery(t *testing.T) {
	redis := testenv.Redis(t)
	c, err := Open(Config{BrokerURL: redis.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx := context.Background()
	if err := c.rdb.ConfigSet(ctx, "appendfsync", "everysec").Err(); err != nil {
		t.Fatal(err)
	}
	flush := func() {
		if err := c.rdb.FlushAll(ctx).Err(); err != nil {
			t.Fatal(err)
		}
	}
	var table benchTable

	// One worker at a time: they share the queue's name, and the processors.
	var ours, prefork, solo []float64
	for range benchRounds {
		for _, side := range []struct {
			rates *[]float64
			start func() *benchProcess
			tasks int
		}{
			{&ours, func() *benchProcess { return ourWorker(t, redis.URL) }, goTasks},
			{&prefork, func() *benchProcess {
				return pythonWorker(t, redis.URL, "--pool=prefork", "--concurrency="+strconv.Itoa(runtime.NumCPU()))
			}, pythonTasks},
			{&solo, func() *benchProcess { return pythonWorker(t, redis.URL, "--pool=solo") }, pythonTasks},
		} {
			p := side.start()
			p.work(t, c, side.tasks/10) // connections, caches
			*side.rates = append(*side.rates, p.work(t, c, side.tasks))
			p.stop()
		}
	}
	table.ratio("no-op tasks with results, to Python's prefork", median(ours), median(prefork), 4)
	table.ratio("no-op tasks with results, to Python's solo", median(ours), median(solo), 4)

	var worker, bare []float64
	for range benchRounds {
		flush()
		bare = append(bare, bareLoop(t, c, goTasks))
		flush()
		worker = append(worker, inProcess(t, c, goTasks))
	}
	table.ratio("the same, to a bare loop of its Redis commands", median(worker), median(bare), 0.7)

	var single, batched, delay []float64
	for range benchRounds {
		flush()
		delay = append(delay, pythonDelay(t, redis.URL, pythonTasks))
		single = append(single, sending(t, c, goTasks/4, 1))
		batched = append(batched, sending(t, c, goTasks, 1000))
	}
	table.ratio("sending one by one, to .delay()", median(single), median(delay), 3)
	table.ratio("sending a thousand at a time, to .delay()", median(batched), median(delay), 10)

	p := ourWorker(t, redis.URL)
	defer p.stop()
	p.work(t, c, memoryFirst)
	memory := func() (rss, heap float64) {
		n, _ := ask(t, c, Task{Name: "bench.heap", Queue: "timed"})
		return float64(p.rss(t)) / 1e6, float64(n) / 1e6
	}
	rssFirst, heapFirst := memory()
	for n := memoryFirst; n < memoryLast; n += memoryFirst {
		p.work(t, c, memoryFirst)
	}
	rssLast, heapLast := memory()
	table.row("resident memory after 10,000 and 100,000 tasks", fmt.Sprintf("%.1f MB, %.1f MB", rssFirst, rssLast), "1.2x", rssLast < 1.2*rssFirst)
	table.row("live heap after 10,000 and 100,000 tasks", fmt.Sprintf("%.2f MB, %.2f MB", heapFirst, heapLast), "1.2x", heapLast < 1.2*heapFirst)

	flush()
	<-time.After(2 * time.Second) // what the last tasks left to do
	cpu, commands, began := p.cpu(t), commandsDone(t, c), time.Now()
	<-time.After(idleTime)
	used, rate := p.cpu(t)-cpu, float64(commandsDone(t, c)-commands-1)/time.Since(began).Seconds()
	share := used.Seconds() / time.Since(began).Seconds()
	table.row("idle worker, two queues: processor", fmt.Sprintf("%.2f%%", 100*share), "1%", share < 0.01)
	table.row("idle worker, two queues: Redis commands", fmt.Sprintf("%.1f a second", rate), "5 a second", rate < 5)

	var waits []time.Duration
	for i := range latencyTries {
		<-time.After(time.Duration(20+i%40) * time.Millisecond)
		at, sent := ask(t, c, Task{Name: "bench.now", Queue: "timed", Priority: i % 10})
		waits = append(waits, time.Unix(0, at).Sub(sent))
	}
	slices.Sort(waits)
	p50, p99 := waits[len(waits)/2], waits[len(waits)*99/100]
	table.row("from push to start on an idle worker", fmt.Sprintf("p50 %.2f ms, p99 %.2f ms", p50.Seconds()*1e3, p99.Seconds()*1e3), "10 ms", p99 < 10*time.Millisecond)
	t.Logf("load average and the rest of the machine: %s%s", machineLoad(), table.b.String())
}

func machineLoad() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(b))
}

package celery_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/celery"
	"github.com/docuvault/docuvault/internal/testenv"
)

func (in *interop) script(t *testing.T, file string, args ...string) map[string]any {
	t.Helper()
	out := testenv.PythonEnv(t, in.env, file, args...)
	var got map[string]any
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &got); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	return got
}

func TestPythonInspectsAndControlsGo(t *testing.T) {
	t.Parallel()
	in := newInterop(t, false)
	node := in.w.Hostname()
	got := in.script(t, "testdata/control.py", node)
	for key, want := range map[string]string{
		"ping":            `map[ok:pong]`,
		"active":          `[[go.sleep [60] true true]]`,
		"scheduled":       `[[go.add true] [go.add true]]`,
		"reserved":        `[]`,
		"registered":      `true`,
		"stats":           `[4 redis 1]`,
		"queues":          `[go]`,
		"query":           `active`,
		"rate":            `[map[` + node + `:map[ok:new rate limit set successfully]]]`,
		"rate_unknown":    `[map[` + node + `:map[error:unknown task]]]`,
		"registered_rate": `[go.add [rate_limit=100/s]]`,
		"unknown":         `[map[` + node + `:map[error:KeyError('no_such_command')]]]`,
		"revoke":          `1`,
		"revoked":         `[TaskRevokedError REVOKED]`,
		"terminated":      `[TaskRevokedError REVOKED]`,
		"pattern":         `[map[ok:pong]]`,
		"pcre":            `1`,
		"elsewhere":       `[]`,
		"conf":            `[2 true [json] 86400]`,
		"report":          `true`,
		"clock":           `true`,
		"safe":            `[(60,)]`,
		"events":          `[map[ok:task events enabled] map[ok:task events disabled]]`,
		"time_limit":      `map[ok:time limits set successfully]`,
		"rate_off":        `map[ok:rate limit disabled successfully]`,
		"rate_bad":        `true`,
		"refused": `[add_consumer is not supported by this worker cancel_consumer is not supported by this worker ` +
			`pool_grow is not supported by this worker pool_shrink is not supported by this worker ValueError('Autoscale not enabled')]`,
		"revoked_ids": `true`,
	} {
		if text := fmt.Sprint(got[key]); text != want {
			t.Errorf("%s: got %s, want %s", key, text, want)
		}
	}
	until(t, "the worker obeyed the shutdown", func() bool {
		nodes, err := celery.NewInspector(in.c).Broadcast(ctx(t), celery.Broadcast{Method: "ping", Timeout: 50 * time.Millisecond})
		return err == nil && len(nodes) == 0
	})
	if n, err := celery.NewInspector(in.c).QueueLength(ctx(t), "go"); err != nil || n != 1 {
		t.Errorf("the scheduled task is not back in its queue: %d, %v", n, err)
	}
}

func TestCeleryStatusListsGoWorker(t *testing.T) {
	t.Parallel()
	in := newInterop(t, false)
	script := `import sys; sys.argv = ["celery", "-A", "celery_app", "status"]
from celery.__main__ import main
sys.exit(main())`
	out := testenv.PythonEnv(t, in.env, script)
	t.Log(out)
	if !strings.Contains(out, in.w.Hostname()) || !strings.Contains(out, "OK") || !strings.Contains(out, "1 node online") {
		t.Errorf("celery status says %q", out)
	}
}

// TestEventsReachPythonReceiver has Celery's own receiver and cluster state watch, which is what Flower is built on,
// and compares the fields of every event with the captured ones.
func TestEventsReachPythonReceiver(t *testing.T) {
	t.Parallel()
	in := newInterop(t, false)
	c := open(t, celery.Config{BrokerURL: in.url, SendSentEvents: true})
	brief, err := celery.NewWorker(c, celery.WorkerConfig{Hostname: "brief@test", Queues: []string{"nothing"}, Heartbeat: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() { // the receiver asks for a task of Go's once it watches, and for a worker that comes, beats and goes
		defer close(over)
		var running sync.WaitGroup
		defer running.Wait()
		for range 3 {
			wanted, err := in.rdb.BLPop(ctx(t), 30*time.Second, "events:wanted").Result()
			if err != nil {
				t.Error(err)
				return
			}
			switch wanted[1] {
			case "task":
				if _, err := celery.NewProducer(c).Send(ctx(t), celery.Task{Name: "go.add", ID: "sent-by-go", Args: []any{20, 3}, Queue: "go"}); err != nil {
					t.Error(err)
				}
			case "worker":
				running.Go(func() {
					if err := brief.Run(context.Background()); err != nil {
						t.Error(err)
					}
				})
			case "stop":
				brief.Stop()
			}
		}
	}()
	got := in.script(t, "testdata/events.py", in.w.Hostname())
	<-over
	for key, want := range map[string]string{
		"alive": "true", "sw": "go-celery", "freq": "2",
		"states": "[SUCCESS FAILURE SUCCESS REVOKED]", "names": "[go.add go.fail go.retry go.add]", "args": "(2, 3)", "result": "5",
		"exception": "ValueError('boom', 42)", "runtime": "true", "worker": "true",
		"sent": "[SUCCESS go.add (20, 3) go go true]", "brief": "[worker-online worker-heartbeat worker-offline]", "clocks": "true",
	} {
		if text := fmt.Sprint(got[key]); text != want {
			t.Errorf("%s: got %s, want %s", key, text, want)
		}
	}
	keys, _ := got["keys"].(map[string]any)
	for _, kind := range []string{"task-sent", "task-received", "task-started", "task-succeeded", "task-failed", "task-retried", "task-revoked",
		"worker-online", "worker-heartbeat", "worker-offline"} {
		want := eventKeys(t, kind)
		if have := fmt.Sprint(keys[kind]); have != want {
			t.Errorf("%s has %s, Python's has %s", kind, have, want)
		}
	}
}

// eventKeys are the names of the fields in the captured event.
func eventKeys(t *testing.T, kind string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata/vectors", "event_"+kind+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Samples []struct{ Event map[string]any }
	}
	if err := json.Unmarshal(b, &v); err != nil || len(v.Samples) == 0 {
		t.Fatal(err, kind)
	}
	var keys []string
	for k := range v.Samples[0].Event {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return fmt.Sprint(keys)
}

func TestInspectorSteersWorkers(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *server) {
		c := open(t, celery.Config{BrokerURL: s.url})
		began := make(chan struct{}, 1)
		w, err := celery.NewWorker(c, celery.WorkerConfig{Hostname: "one@test"})
		if err != nil {
			t.Fatal(err)
		}
		w.Handle("long", func(ctx context.Context, _ *celery.Delivery) (any, error) {
			began <- struct{}{}
			<-ctx.Done()
			return nil, context.Cause(ctx)
		}, celery.HandlerOptions{})
		w.Handle("docs.add", add, celery.HandlerOptions{})
		done := make(chan error, 1)
		go func() { done <- w.Run(context.Background()) }()
		i := celery.NewInspector(c)
		until(t, "the worker answers", func() bool {
			nodes, err := i.Broadcast(ctx(t), celery.Broadcast{Method: "ping", Destination: []string{"one@test"}, Timeout: 200 * time.Millisecond})
			return err == nil && len(nodes) == 1
		})
		ids := send(t, c, celery.Task{Name: "long"}, celery.Task{Name: "docs.add", Args: []any{1, 2}, Countdown: time.Hour})
		<-began
		until(t, "the second is scheduled", func() bool {
			m, err := i.Scheduled(ctx(t), "one@test")
			return err == nil && strings.Contains(string(m["one@test"]), ids[1])
		})
		if m, err := i.Active(ctx(t), "one@test"); err != nil || !strings.Contains(string(m["one@test"]), ids[0]) {
			t.Errorf("%s %v", m["one@test"], err)
		}
		if _, err := i.Revoke(ctx(t), true, ids...); err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			if res := wait(t, c, id); res.Status != celery.StatusRevoked {
				t.Errorf("%+v", res)
			}
		}
		if err := i.Shutdown(ctx(t), "one@test"); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *server) {
		c := open(t, celery.Config{BrokerURL: s.url})
		w, err := celery.NewWorker(c, celery.WorkerConfig{})
		if err != nil {
			t.Fatal(err)
		}
		w.Handle("slow", add, celery.HandlerOptions{RateLimit: "20/s"})
		w.Handle("fast", add, celery.HandlerOptions{})
		var tasks []celery.Task
		for range 11 {
			tasks = append(tasks, celery.Task{Name: "slow", Args: []any{1, 2}})
		}
		tasks = append(tasks, celery.Task{Name: "fast", Args: []any{1, 2}})
		ids := send(t, c, tasks...)
		began := time.Now()
		run(t, w)
		wait(t, c, ids[11])
		fast := time.Since(began)
		for _, id := range ids {
			wait(t, c, id)
		}
		if took := time.Since(began); took < 500*time.Millisecond || fast > took {
			t.Errorf("11 tasks at 20/s took %v, the unlimited one %v", took, fast)
		}
	})
}

// TestRejectedEvent stops a worker whose handler does not end: the task is put back, and watchers are told.
func TestRejectedEvent(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *server) {
		sub := s.rdb.PSubscribe(ctx(t), "/0.celeryev/task.*")
		defer sub.Close()
		if _, err := sub.Receive(ctx(t)); err != nil {
			t.Fatal(err)
		}
		c := open(t, celery.Config{BrokerURL: s.url})
		w, err := celery.NewWorker(c, celery.WorkerConfig{TaskEvents: true, DrainTimeout: time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		began := make(chan struct{})
		w.Handle("long", func(ctx context.Context, _ *celery.Delivery) (any, error) {
			close(began)
			<-ctx.Done()
			return nil, ctx.Err()
		}, celery.HandlerOptions{})
		done := make(chan error, 1)
		go func() { done <- w.Run(context.Background()) }()
		id := send(t, c, celery.Task{Name: "long"})[0]
		<-began
		w.Stop()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		for {
			m, err := sub.ReceiveMessage(ctx(t))
			if err != nil {
				t.Fatal("no task-rejected: ", err)
			}
			var envelope struct{ Body []byte }
			if err := json.Unmarshal([]byte(m.Payload), &envelope); err != nil {
				t.Fatal(err)
			}
			var events []map[string]any
			if err := json.Unmarshal(envelope.Body, &events); err != nil {
				t.Fatal(err)
			}
			for _, e := range events {
				if e["type"] == "task-rejected" {
					if e["uuid"] != id || e["requeue"] != true {
						t.Errorf("%v", e)
					}
					return
				}
			}
		}
	})
}

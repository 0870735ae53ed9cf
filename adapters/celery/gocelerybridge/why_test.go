package gocelerybridge_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gocelery/gocelery"
	"github.com/gomodule/redigo/redis"

	"github.com/docuvault/docuvault/adapters/celery"
	"github.com/docuvault/docuvault/internal/testenv"
)

// TestWhyNotGocelerysWorker measures what docs/adr/0007 says of gocelery's own worker, broker and backend, on a real Redis. If
// one of these no longer holds, the decision is to be looked at again.
func TestWhyNotGocelerysWorker(t *testing.T) { // not parallel: gocelery writes to the standard logger
	log.SetOutput(io.Discard)
	server := testenv.Redis(t)
	pool := &redis.Pool{MaxIdle: 20, Dial: func() (redis.Conn, error) { return redis.DialURL(server.URL) }}
	defer pool.Close()
	c, err := celery.Open(celery.Config{BrokerURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	do := func(command string, args ...any) any {
		t.Helper()
		conn := pool.Get()
		defer conn.Close()
		reply, err := conn.Do(command, args...)
		if err != nil {
			t.Fatal(err)
		}
		return reply
	}
	var runs atomic.Int64
	running, release := make(chan struct{}), make(chan struct{})
	worker := func(goroutines int) (*gocelery.CeleryClient, func()) {
		client, err := gocelery.NewCeleryClient(gocelery.NewRedisBroker(pool), &gocelery.RedisCeleryBackend{Pool: pool}, goroutines)
		if err != nil {
			t.Fatal(err)
		}
		client.Register("count", func() int { runs.Add(1); return 1 })
		client.Register("slow", func() int { <-time.After(time.Second); return 1 })
		client.Register("halt", func() int { running <- struct{}{}; <-release; return 1 })
		ctx, stop := context.WithCancel(context.Background())
		client.StartWorkerWithContext(ctx)
		return client, func() { stop(); client.WaitForStopWorker() }
	}
	results := celery.NewResults(c)
	stored := func(id string) celery.Result {
		t.Helper()
		r, err := results.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	drained := func() {
		t.Helper()
		testenv.Eventually(t, 20*time.Second, func() error {
			if n := do("LLEN", "celery"); n != int64(0) {
				return fmt.Errorf("%v wait", n)
			}
			return nil
		})
	}

	t.Run("protocol 2 is dropped", func(t *testing.T) {
		_, stop := worker(1)
		id, err := celery.NewProducer(c).Send(t.Context(), celery.Task{Name: "count"})
		if err != nil {
			t.Fatal(err)
		}
		drained()
		stop()
		if runs.Load() != 0 || stored(id).Status != celery.StatusPending || do("HLEN", "unacked") != int64(0) {
			t.Errorf("ran %d times, %+v", runs.Load(), stored(id))
		}
	})
	t.Run("a running task is nowhere but in memory", func(t *testing.T) {
		client, stop := worker(1)
		sent, err := client.Delay("halt")
		if err != nil {
			t.Fatal(err)
		}
		<-running
		if do("LLEN", "celery") != int64(0) || do("HLEN", "unacked") != int64(0) || stored(sent.TaskID).Status != celery.StatusPending {
			t.Error("a crash now would lose nothing")
		}
		close(release)
		stop()
	})
	t.Run("ten tasks a second for each goroutine", func(t *testing.T) {
		for _, goroutines := range []int{1, 10} {
			client, stop := worker(goroutines)
			began, before := time.Now(), runs.Load()
			const n = 10
			for range n * goroutines {
				if _, err := client.Delay("count"); err != nil {
					t.Fatal(err)
				}
			}
			testenv.Eventually(t, time.Minute, func() error {
				if done := runs.Load() - before; done < int64(n*goroutines) {
					return fmt.Errorf("%d done", done)
				}
				return nil
			})
			took := time.Since(began)
			stop()
			t.Logf("%d goroutines: %.1f tasks/s", goroutines, float64(n*goroutines)/took.Seconds())
			if took < 900*time.Millisecond { // ten turns of 100 ms; a busy machine only takes longer
				t.Errorf("%d tasks took %v", n*goroutines, took)
			}
		}
	})
	t.Run("failures store nothing", func(t *testing.T) {
		client, stop := worker(1)
		unknown, err := client.Delay("nobody")
		if err != nil {
			t.Fatal(err)
		}
		arity, err := client.Delay("count", 1, 2)
		if err != nil {
			t.Fatal(err)
		}
		drained()
		stop()
		for _, sent := range []*gocelery.AsyncResult{unknown, arity} {
			if r := stored(sent.TaskID); r.Status != celery.StatusPending {
				t.Errorf("%+v", r)
			}
		}
	})
	t.Run("priorities are never served", func(t *testing.T) {
		_, stop := worker(1)
		do("LPUSH", "celery\x06\x163", protocol1(t, "count"))
		do("LPUSH", "celery", protocol1(t, "count"))
		before := runs.Load()
		testenv.Eventually(t, 20*time.Second, func() error {
			if runs.Load() == before {
				return errors.New("nothing ran")
			}
			return nil
		})
		stop()
		if do("LLEN", "celery\x06\x163") != int64(1) {
			t.Error("the message of priority 3 was taken")
		}
		do("DEL", "celery\x06\x163")
	})
	t.Run("results are not announced", func(t *testing.T) {
		_, stop := worker(1)
		defer stop()
		// Python waits for five seconds for a task that takes one, and times out; the result is there.
		out := testenv.PythonEnv(t, []string{"REDIS_URL=" + server.URL}, `
import os
from celery import Celery
from celery.exceptions import TimeoutError
app = Celery("x", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])
app.conf.task_protocol = 1
r = app.send_task("slow")
try:
    print("got", r.get(timeout=5))
except TimeoutError:
    print("timed out", r.state)
`)
		if strings.TrimSpace(out) != "timed out SUCCESS" {
			t.Errorf("Python: %s", out)
		}
	})
}

// protocol1 is a message of the only kind gocelery reads.
func protocol1(t *testing.T, task string) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"id": "1", "task": task, "args": []any{}, "kwargs": map[string]any{}, "retries": 0, "eta": nil, "expires": nil})
	if err != nil {
		t.Fatal(err)
	}
	doc, err := json.Marshal(map[string]any{"body": base64.StdEncoding.EncodeToString(body), "content-type": "application/json", "content-encoding": "utf-8", "headers": map[string]any{},
		"properties": map[string]any{"body_encoding": "base64", "correlation_id": "1", "reply_to": "1", "delivery_mode": 2, "delivery_tag": "1",
			"delivery_info": map[string]any{"priority": 0, "routing_key": "celery", "exchange": "celery"}}})
	if err != nil {
		t.Fatal(err)
	}
	return string(doc)
}

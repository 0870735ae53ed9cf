package gocelerybridge_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gocelery/gocelery"
	"go.uber.org/goleak"

	"github.com/docuvault/docuvault/adapters/celery"
	"github.com/docuvault/docuvault/adapters/celery/gocelerybridge"
	"github.com/docuvault/docuvault/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestGoceleryClient uses gocelery's real client against our worker.
func TestGoceleryClient(t *testing.T) {
	t.Parallel()
	c, err := celery.Open(celery.Config{BrokerURL: testenv.Redis(t).URL})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	w, err := celery.NewWorker(c, celery.WorkerConfig{Queues: []string{"go"}})
	if err != nil {
		t.Fatal(err)
	}
	w.Handle("add", func(_ context.Context, d *celery.Delivery) (any, error) {
		if d.Protocol != 2 {
			t.Errorf("protocol %d", d.Protocol)
		}
		if len(d.Kwargs) > 0 {
			var in struct{ A, B int }
			err := d.BindKwargs(&in)
			return in.A + in.B, err
		}
		var a, b int
		err := d.Bind(&a, &b)
		return a + b, err
	}, celery.HandlerOptions{})
	w.Handle("fail", func(context.Context, *celery.Delivery) (any, error) { return nil, errors.New("no luck") }, celery.HandlerOptions{})
	done := make(chan error, 1)
	go func() { done <- w.Run(context.Background()) }()
	defer func() {
		w.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	backend := gocelerybridge.NewBackend(c)
	client, err := gocelery.NewCeleryClient(gocelerybridge.NewBroker(c, "go"), backend, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		got, err := client.Delay("add", i, 3)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := celery.NewResults(c).Wait(context.Background(), got.TaskID); err != nil || r.Err() != nil {
			t.Fatal(r.Err(), err)
		}
		if v, err := got.Get(20 * time.Second); err != nil || v != float64(i+3) {
			t.Errorf("%v, %v", v, err)
		}
	}
	named, err := client.DelayKwargs("add", map[string]any{"a": 4, "b": 5})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := named.Get(20 * time.Second); err != nil || v != float64(9) {
		t.Errorf("%v, %v", v, err)
	}
	failed, err := client.Delay("fail")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if r, err := celery.NewResults(c).Wait(ctx, failed.TaskID); err != nil || r.Status != celery.StatusFailure {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := failed.AsyncGet(); err == nil {
		t.Error("a failed task has a value")
	}
	if _, err := backend.GetResult("nobody"); !errors.Is(err, gocelerybridge.ErrPending) {
		t.Error(err)
	}
	if err := backend.SetResult("mine", &gocelery.ResultMessage{Status: "SUCCESS", Result: 7}); err != nil {
		t.Fatal(err)
	}
	if r, err := backend.GetResult("mine"); err != nil || r.Result != float64(7) {
		t.Errorf("%+v, %v", r, err)
	}
}

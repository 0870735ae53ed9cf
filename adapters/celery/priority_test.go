package celery_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/docuvault/docuvault/adapters/celery"
	"github.com/docuvault/docuvault/internal/testenv"
)

// TestPriorityOrderAcross sends tasks of all priorities while nobody works, from each side, and has the other side run them
// one at a time: lower steps first, within a step in the order of arrival.
func TestPriorityOrderAcross(t *testing.T) {
	t.Parallel()
	sent := []int{9, 3, 0, 7, 5, 1, 6, 2, 8, 4}
	const want = "[0 1 2 3 5 4 7 6 8 9]"
	t.Run("Python to Go", func(t *testing.T) {
		t.Parallel()
		s := realRedis(t)
		dir, err := filepath.Abs("testdata/app")
		if err != nil {
			t.Fatal(err)
		}
		testenv.PythonEnv(t, []string{"CELERY_BROKER_URL=" + s.url, "CELERY_RESULT_BACKEND=" + s.url, "PYTHONPATH=" + dir}, `
from celery_app import app
for p in (9, 3, 0, 7, 5, 1, 6, 2, 8, 4):
    app.send_task("go.order", (p,), priority=p)
`)
		var order []int
		done := make(chan struct{})
		start(t, open(t, celery.Config{BrokerURL: s.url}), celery.WorkerConfig{Queues: []string{"go"}, Concurrency: 1}, map[string]celery.Handler{
			"go.order": func(_ context.Context, d *celery.Delivery) (any, error) {
				var p int
				if err := d.Bind(&p); err != nil {
					return nil, err
				}
				if order = append(order, p); len(order) == len(sent) {
					close(done)
				}
				return nil, nil
			}})
		select {
		case <-done:
		case <-ctx(t).Done():
			t.Fatal("not all ran")
		}
		if got := fmt.Sprint(order); got != want {
			t.Errorf("order %s, want %s", got, want)
		}
	})
	t.Run("Go to Python", func(t *testing.T) {
		t.Parallel()
		s := realRedis(t)
		dir, err := filepath.Abs("testdata/app")
		if err != nil {
			t.Fatal(err)
		}
		var tasks []celery.Task
		for _, p := range sent {
			tasks = append(tasks, celery.Task{Name: "py.note", Args: []any{p}, Queue: "py", Priority: p})
		}
		send(t, open(t, celery.Config{BrokerURL: s.url}), tasks...)
		testenv.Celery(t, testenv.CeleryOptions{RedisURL: s.url, Dir: dir, Queues: []string{"py"}, Env: []string{"PREFETCH=1"}})
		until(t, "Python ran them all", func() bool { return s.rdb.LLen(ctx(t), "notes").Val() == int64(len(sent)) })
		if got := fmt.Sprint(s.rdb.LRange(ctx(t), "notes", 0, -1).Val()); got != want {
			t.Errorf("order %s, want %s", got, want)
		}
	})
}

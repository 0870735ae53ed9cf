package celery_test

import (
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/celery"
)

// A result is kept for as long as was asked and no longer, and is gone at once when it is forgotten.
func TestResultsExpireAndAreForgotten(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *server) {
		for queue, kept := range map[string]time.Duration{"an hour": time.Hour, "for ever": -1} { // to each worker its queue
			c := open(t, celery.Config{BrokerURL: s.url, ResultExpires: kept})
			start(t, c, celery.WorkerConfig{Queues: []string{queue}}, map[string]celery.Handler{"docs.add": add})
			id := send(t, c, celery.Task{Name: "docs.add", Args: []any{1, 2}, Queue: queue})[0]
			wait(t, c, id)
			left, err := s.rdb.TTL(ctx(t), "celery-task-meta-"+id).Result()
			if err != nil || kept > 0 && (left <= 0 || left > kept) || kept < 0 && left != -1 {
				t.Errorf("kept for %v, %v left, error %v", kept, left, err)
			}
			r := celery.NewResults(c)
			if err := r.Forget(ctx(t), id); err != nil {
				t.Fatal(err)
			}
			if res, err := r.Get(ctx(t), id); err != nil || res.Status != celery.StatusPending {
				t.Errorf("forgotten, it is %+v, error %v", res, err)
			}
		}
	})
}

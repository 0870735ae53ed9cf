package shell

import (
	"context"

	"github.com/docuvault/docuvault/adapters/celery"
	"github.com/docuvault/docuvault/adapters/metrics"
	"github.com/docuvault/docuvault/adapters/tasks"
	"github.com/docuvault/docuvault/app"
)

// watchQueues shows what is in the queues, and the pool of connections to Redis.
func (p *Parts) watchQueues(queue *tasks.Queue) {
	t := p.hooks.Telemetry
	if t == nil || t.metrics == nil {
		return
	}
	t.metrics.Redis(func() metrics.RedisPool {
		s := p.broker.Redis().PoolStats()
		return metrics.RedisPool{Connections: s.TotalConns, Idle: s.IdleConns, Hits: s.Hits, Misses: s.Misses, Timeouts: s.Timeouts, Stale: s.StaleConns}
	})
	names := p.cfg.Queues
	if len(names) == 0 {
		names = tasks.Queues()
	}
	inspector := celery.NewInspector(p.broker)
	t.metrics.Queues(func(ctx context.Context) (metrics.Queues, error) {
		waiting, err := inspector.QueueLengths(ctx, names...)
		if err != nil {
			return metrics.Queues{}, err
		}
		quarantined, err := inspector.QuarantineLength(ctx)
		if err != nil {
			return metrics.Queues{}, err
		}
		held, err := inspector.UnackedLength(ctx)
		if err != nil {
			return metrics.Queues{}, err
		}
		snapshot, err := queue.Snapshot(ctx)
		return metrics.Queues{Waiting: waiting, Held: held, Quarantined: quarantined, Oldest: snapshot.Oldest}, err
	})
}

// watchWorker shows what a worker does with the messages it takes.
func (t *Telemetry) watchWorker(worker *celery.Worker) {
	if t == nil || t.metrics == nil {
		return
	}
	counts := make(map[string]func() int64)
	for event, read := range map[string]func(celery.Stats) int64{
		"received":    func(s celery.Stats) int64 { return s.Received },
		"succeeded":   func(s celery.Stats) int64 { return s.Succeeded },
		"failed":      func(s celery.Stats) int64 { return s.Failed },
		"retried":     func(s celery.Stats) int64 { return s.Retried },
		"revoked":     func(s celery.Stats) int64 { return s.Revoked },
		"restored":    func(s celery.Stats) int64 { return s.Restored },
		"lease_lost":  func(s celery.Stats) int64 { return s.LeasesLost },
		"quarantined": func(s celery.Stats) int64 { return s.Quarantined },
		"bounced":     func(s celery.Stats) int64 { return s.Bounced },
		"returned":    func(s celery.Stats) int64 { return s.Returned },
	} {
		counts[event] = func() int64 { return read(worker.Stats()) }
	}
	t.metrics.Worker(counts)
}

// watchTasks is who is told of the tasks of a worker.
func (p *Parts) watchTasks() tasks.Watch {
	watch := tasks.Watch{Log: p.log, Observe: p.hooks.Telemetry.Observer()}
	if t := p.hooks.Telemetry; t != nil && t.traces != nil {
		watch.Continue = t.traces.Extract
	}
	return watch
}

// watchReconciler is who is told of the rounds of a reconciler.
func (t *Telemetry) watchReconciler() func(app.Reconciled, error) {
	if t == nil || t.metrics == nil {
		return nil
	}
	count := t.metrics.Reconciler()
	return func(done app.Reconciled, err error) { count(done.Enqueued, done.GaveUp, done.Waiting, err) }
}

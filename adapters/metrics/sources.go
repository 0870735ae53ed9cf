package metrics

import (
	"context"
	"database/sql"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Database shows the statistics of a pool of connections, as go_sql_… with the label db_name.
func (m *Metrics) Database(pool *sql.DB) {
	m.registry.MustRegister(collectors.NewDBStatsCollector(pool, "docuvault"))
}

// RedisPool is what a Redis client tells of its connections.
type RedisPool struct {
	Connections, Idle             uint32 // at the moment
	Hits, Misses, Timeouts, Stale uint32 // since the start
}

// Redis shows the statistics of a pool of connections.
func (m *Metrics) Redis(stats func() RedisPool) {
	for name, metric := range map[string]struct {
		help string
		read func(RedisPool) uint32
	}{
		"docuvault_redis_pool_connections":      {"Connections to Redis.", func(s RedisPool) uint32 { return s.Connections }},
		"docuvault_redis_pool_idle_connections": {"Connections to Redis that nobody uses.", func(s RedisPool) uint32 { return s.Idle }},
	} {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: metric.help}, func() float64 { return float64(metric.read(stats())) }))
	}
	for name, metric := range map[string]struct {
		help string
		read func(RedisPool) uint32
	}{
		"docuvault_redis_pool_hits_total":              {"How often an idle connection was there.", func(s RedisPool) uint32 { return s.Hits }},
		"docuvault_redis_pool_misses_total":            {"How often none was there.", func(s RedisPool) uint32 { return s.Misses }},
		"docuvault_redis_pool_timeouts_total":          {"How often waiting for one took too long.", func(s RedisPool) uint32 { return s.Timeouts }},
		"docuvault_redis_pool_stale_connections_total": {"Connections that were closed because they had ended.", func(s RedisPool) uint32 { return s.Stale }},
	} {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: metric.help}, func() float64 { return float64(metric.read(stats())) }))
	}
}

// Worker shows what a worker did with the messages it took, by what became of them.
func (m *Metrics) Worker(counts map[string]func() int64) {
	for event, count := range counts {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "docuvault_worker_messages_total", Help: "Messages of the queue, by what this worker did with them.", ConstLabels: prometheus.Labels{"event": event},
		}, func() float64 { return float64(count()) }))
	}
}

// Queues is what is in the queues at one moment.
type Queues struct {
	Waiting     map[string]int64 // by queue
	Held        int64            // taken by workers and not done
	Quarantined int64            // put aside, because nobody could run them
	Oldest      time.Time        // when the oldest task that waits was enqueued; zero: none waits, or it does not say
}

// askFor is how long the queues may take to answer in a scrape.
const askFor = 2 * time.Second

// Queues shows what is in the queues; look is called at each scrape.
func (m *Metrics) Queues(look func(context.Context) (Queues, error)) {
	m.registry.MustRegister(&queues{look: look, now: m.now,
		up:          prometheus.NewDesc("docuvault_queue_up", "Whether Redis answered this scrape.", nil, nil),
		waiting:     prometheus.NewDesc("docuvault_queue_length", "Tasks that wait in a queue.", []string{"queue"}, nil),
		held:        prometheus.NewDesc("docuvault_queue_held_tasks", "Tasks that workers have taken and not finished, of all queues.", nil, nil),
		quarantined: prometheus.NewDesc("docuvault_queue_quarantined_tasks", "Messages that were put aside because nobody could run them.", nil, nil),
		oldest:      prometheus.NewDesc("docuvault_queue_oldest_task_age_seconds", "How long the oldest document's task has waited, in seconds; 0 if none waits.", nil, nil),
	})
}

type queues struct {
	look                                   func(context.Context) (Queues, error)
	now                                    func() time.Time
	up, waiting, held, quarantined, oldest *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (q *queues) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{q.up, q.waiting, q.held, q.quarantined, q.oldest} {
		to <- d
	}
}

// Collect implements prometheus.Collector. While Redis does not answer there is docuvault_queue_up alone.
func (q *queues) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), askFor)
	defer cancel()
	now, err := q.look(ctx)
	if err != nil {
		to <- prometheus.MustNewConstMetric(q.up, prometheus.GaugeValue, 0)
		return
	}
	to <- prometheus.MustNewConstMetric(q.up, prometheus.GaugeValue, 1)
	for name, n := range now.Waiting {
		to <- prometheus.MustNewConstMetric(q.waiting, prometheus.GaugeValue, float64(n), name)
	}
	to <- prometheus.MustNewConstMetric(q.held, prometheus.GaugeValue, float64(now.Held))
	to <- prometheus.MustNewConstMetric(q.quarantined, prometheus.GaugeValue, float64(now.Quarantined))
	age := 0.0
	if !now.Oldest.IsZero() {
		age = max(0, q.now().Sub(now.Oldest).Seconds())
	}
	to <- prometheus.MustNewConstMetric(q.oldest, prometheus.GaugeValue, age)
}

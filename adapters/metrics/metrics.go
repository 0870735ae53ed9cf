package metrics

import (
	"context"
	"log/slog"
	"net/http"
	"runtime"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Config says what is known from the start.
type Config struct {
	Version      string   // of the program
	ContentTypes []string // that extractions are counted by; every other one is "other"

	Now func() time.Time // default time.Now
}

// Metrics is what one program counts. It is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	now      func() time.Time
	types    []string
	http     requests
	kinds    map[string]operations
	running  *prometheus.GaugeVec
}

// New starts with every count at zero, and with what Go and the system tell of the process.
func New(cfg Config) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), now: cfg.Now, types: slices.Clone(cfg.ContentTypes)}
	if m.now == nil {
		m.now = time.Now
	}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "docuvault_build_info", Help: "Always 1; the labels say which program runs."}, []string{"version", "goversion"})
	build.WithLabelValues(cfg.Version, runtime.Version()).Set(1)
	m.running = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "docuvault_tasks_in_flight", Help: "Tasks that run at the moment."}, []string{"task"})
	m.registry.MustRegister(build, m.running)
	m.http = newRequests(m.registry)
	m.kinds = newOperations(m.registry)
	return m
}

// Handler answers scrapes. One that takes longer than ten seconds, or comes while four others are answered, gets 503.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, Timeout: 10 * time.Second, MaxRequestsInFlight: 4, Registry: m.registry,
	})
}

// operations are the metrics of one kind of operation.
type operations struct {
	total *prometheus.CounterVec
	took  *prometheus.HistogramVec
	label string
}

// Buckets in seconds: of calls to servers near by, and of work that may take minutes.
var (
	quick = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
	slow  = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300}
)

// newOperations makes the metrics of each kind that Observe is told of.
func newOperations(registry *prometheus.Registry) map[string]operations {
	kinds := make(map[string]operations)
	for _, k := range []struct {
		kind, total, took, label, what string
		buckets                        []float64
	}{
		{"storage", "docuvault_storage_operations_total", "docuvault_storage_operation_duration_seconds", "operation", "Operations of object storage", quick},
		{"queue", "docuvault_queue_operations_total", "docuvault_queue_operation_duration_seconds", "operation", "Operations of the task queue", quick},
		{"sql", "docuvault_database_statements_total", "docuvault_database_statement_duration_seconds", "statement", "SQL statements, by their first word", quick},
		{"task", "docuvault_tasks_total", "docuvault_task_duration_seconds", "task", "Runs of tasks; the outcome is what became of the document, or of the run", slow},
		{"extraction", "docuvault_extractions_total", "docuvault_extraction_duration_seconds", "type", "Documents that were read, by content type", slow},
		{"classification", "docuvault_classifications_total", "docuvault_classification_duration_seconds", "classifier", "Texts that were compared with topics", quick},
	} {
		o := operations{
			total: prometheus.NewCounterVec(prometheus.CounterOpts{Name: k.total, Help: k.what + "."}, []string{k.label, "outcome"}),
			took:  prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: k.took, Help: k.what + ": how long each took, in seconds.", Buckets: k.buckets}, []string{k.label}),
			label: k.label,
		}
		registry.MustRegister(o.total, o.took)
		kinds[k.kind] = o
	}
	return kinds
}

// Observe counts an operation: see observed.Observer, which it is. The context is handed back as it is.
func (m *Metrics) Observe(ctx context.Context, kind, name string, _ ...slog.Attr) (context.Context, func(outcome string, err error)) {
	o, known := m.kinds[kind]
	if !known {
		return ctx, func(string, error) {}
	}
	switch kind {
	case "extraction":
		if !slices.Contains(m.types, name) {
			name = "other"
		}
	case "task":
		m.running.WithLabelValues(name).Inc()
	}
	began := m.now()
	return ctx, func(outcome string, _ error) {
		o.took.WithLabelValues(name).Observe(m.now().Sub(began).Seconds())
		o.total.WithLabelValues(name, outcome).Inc()
		if kind == "task" {
			m.running.WithLabelValues(name).Dec()
		}
	}
}

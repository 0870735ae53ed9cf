package shell

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/docuvault/docuvault/adapters/filetype"
	"github.com/docuvault/docuvault/adapters/metrics"
	"github.com/docuvault/docuvault/adapters/observed"
	"github.com/docuvault/docuvault/adapters/tasks"
	"github.com/docuvault/docuvault/adapters/tracing"
	"github.com/docuvault/docuvault/cmd/docuvault/config"
)

// Telemetry is what watches a program: metrics and profiles on a listener of their own, if METRICS_ADDR is set, and traces, if
// OTEL_EXPORTER_OTLP_ENDPOINT is. A nil Telemetry watches nothing.
type Telemetry struct {
	metrics  *metrics.Metrics // nil: none
	traces   *tracing.Traces  // nil: none
	listener net.Listener     // of metrics
	log      *slog.Logger
}

// OpenTelemetry prepares what the configuration asks for. The service is the program's name among traces.
func OpenTelemetry(ctx context.Context, cfg *config.Config, log *slog.Logger, service, version string) (*Telemetry, error) {
	t := &Telemetry{log: log}
	if cfg.MetricsAddr != "" {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.MetricsAddr)
		if err != nil {
			return nil, fmt.Errorf("listen for METRICS_ADDR: %w", err)
		}
		t.listener, t.metrics = listener, metrics.New(metrics.Config{Version: version, ContentTypes: filetype.DefaultTypes()})
	}
	if cfg.TracesURL != "" {
		traces, err := tracing.Open(ctx, tracing.Config{
			Endpoint: cfg.TracesURL, Headers: cfg.TraceHeaders, Share: cfg.TraceShare, Service: service, Version: version,
		}, log)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("prepare traces: %w", err), t.Close())
		}
		t.traces = traces
	}
	return t, nil
}

// lastTraces is how long a program that ends tries to send the traces it has left.
const lastTraces = 2 * time.Second

// Close sends the last traces and frees the listener. Traces that cannot be sent are no reason to fail.
func (t *Telemetry) Close() error {
	if t == nil {
		return nil
	}
	if t.listener != nil {
		_ = t.listener.Close() // closed by the server already, unless it never ran
	}
	if t.traces != nil {
		ctx, cancel := context.WithTimeout(context.Background(), lastTraces)
		defer cancel()
		if err := t.traces.Close(ctx); err != nil {
			t.log.WarnContext(ctx, "traces could not be sent", "error", err)
		}
	}
	return nil
}

// Logger returns log with the ids of the trace and of the task that a record belongs to.
func Logger(log *slog.Logger) *slog.Logger {
	return slog.New(tasks.LogHandler(tracing.LogHandler(log.Handler())))
}

// Observer tells metrics and traces of operations; nil when there are neither.
func (t *Telemetry) Observer() observed.Observer {
	if t == nil {
		return nil
	}
	var all []observed.Observer
	if t.traces != nil {
		all = append(all, t.traces.Observe)
	}
	if t.metrics != nil {
		all = append(all, t.metrics.Observe)
	}
	return observed.All(all...)
}

// Request tells metrics and traces of a request.
func (t *Telemetry) Request(r *http.Request) (context.Context, func(route string, status int)) {
	ends := make([]func(string, int), 0, 2)
	if t.traces != nil {
		ctx, end := t.traces.Request(r)
		r, ends = r.WithContext(ctx), append(ends, end)
	}
	if t.metrics != nil {
		_, end := t.metrics.Request(r)
		ends = append(ends, end)
	}
	return r.Context(), func(route string, status int) {
		for _, end := range ends {
			end(route, status)
		}
	}
}

// Serve is a Service: it answers on the private listener until it is asked to stop, and then at once no more. A profile that takes
// its time must not hold up a shutdown.
func (t *Telemetry) Serve(soft, _ context.Context) error {
	if t == nil || t.metrics == nil {
		<-soft.Done() // a service that returns ends the program
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", t.metrics.Handler())
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 2 * time.Minute,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(t.log.Handler(), slog.LevelWarn),
		BaseContext: func(net.Listener) context.Context { return soft },
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(t.listener) }()
	t.log.InfoContext(soft, "metrics started", "addr", t.listener.Addr().String())
	select {
	case err := <-served:
		return fmt.Errorf("serve metrics: %w", err)
	case <-soft.Done():
	}
	err := server.Close()
	if closed := <-served; !errors.Is(closed, http.ErrServerClosed) {
		err = errors.Join(err, closed)
	}
	return err
}

package tracing

import (
	"context"
	"log/slog"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Observe makes a span of an operation: see observed.Observer, which it is. Only a task, and one that is enqueued, begins a trace
// of its own; what else happens outside of one, as the rounds of the reconciler do, is not traced.
func (t *Traces) Observe(ctx context.Context, kind, name string, attrs ...slog.Attr) (context.Context, func(outcome string, err error)) {
	enqueue := kind == "queue" && name == "enqueue"
	if kind != "task" && !enqueue && !trace.SpanContextFromContext(ctx).IsValid() {
		return ctx, func(string, error) {}
	}
	title, options := kind+" "+name, []trace.SpanStartOption{}
	switch {
	case kind == "sql":
		title = name
		options = append(options, trace.WithSpanKind(trace.SpanKindClient),
			trace.WithAttributes(attribute.String("db.system.name", "postgresql"), attribute.String("db.operation.name", name)))
	case kind == "storage":
		options = append(options, trace.WithSpanKind(trace.SpanKindClient))
	case enqueue:
		options = append(options, trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(attribute.String("messaging.system", "celery")))
	case kind == "queue":
		options = append(options, trace.WithSpanKind(trace.SpanKindClient))
	case kind == "task":
		options = append(options, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(attribute.String("messaging.system", "celery")))
	}
	for _, a := range attrs {
		options = append(options, trace.WithAttributes(attributeOf(a)))
	}
	ctx, span := t.tracer.Start(ctx, title, options...)
	return ctx, func(outcome string, err error) {
		span.SetAttributes(attribute.String("docuvault.outcome", outcome))
		if err != nil {
			span.SetStatus(codes.Error, outcome)
		}
		span.End()
	}
}

func attributeOf(a slog.Attr) attribute.KeyValue {
	switch {
	case a.Key == "statement":
		return attribute.String("db.query.text", a.Value.String())
	case a.Value.Kind() == slog.KindInt64:
		return attribute.Int64("docuvault."+a.Key, a.Value.Int64())
	default:
		return attribute.String("docuvault."+a.Key, a.Value.String())
	}
}

// The propagator is W3C Trace Context alone: baggage would carry whatever a client likes to say.
var propagator = propagation.TraceContext{}

// Request makes a span of a request: see rest.Observer, which it is. A trace that the client is in is continued. Probes are not
// traced.
func (t *Traces) Request(r *http.Request) (context.Context, func(route string, status int)) {
	if strings.HasPrefix(r.URL.Path, "/health") {
		return r.Context(), func(string, int) {}
	}
	ctx := propagator.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	ctx, span := t.tracer.Start(ctx, "HTTP", trace.WithSpanKind(trace.SpanKindServer))
	return ctx, func(route string, status int) {
		method := r.Method
		switch method {
		case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		default:
			method = "_OTHER"
		}
		span.SetName(strings.TrimSpace(method + " " + route))
		span.SetAttributes(attribute.String("http.request.method", method), attribute.Int("http.response.status_code", status))
		if route != "" {
			span.SetAttributes(attribute.String("http.route", route))
		}
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// Inject returns the headers that carry the trace of ctx to whoever runs a task, nil outside of a trace. Python's
// opentelemetry-instrumentation-celery reads and writes the same ones, beside Celery's own.
func (t *Traces) Inject(ctx context.Context) map[string]string {
	carrier := propagation.MapCarrier{}
	propagator.Inject(ctx, carrier)
	if len(carrier) == 0 {
		return nil
	}
	return carrier
}

// Extract continues the trace that a task's headers tell of; get returns "" for one that is not there. What cannot be read is
// as good as none.
func (t *Traces) Extract(ctx context.Context, get func(header string) string) context.Context {
	carrier := propagation.MapCarrier{}
	for _, name := range propagator.Fields() {
		if value := get(name); value != "" {
			carrier[name] = value
		}
	}
	return propagator.Extract(ctx, carrier)
}

// LogHandler returns a handler that adds trace_id to every record that is logged within a trace.
func LogHandler(next slog.Handler) slog.Handler { return logHandler{next} }

type logHandler struct{ slog.Handler }

// Handle implements slog.Handler.
func (h logHandler) Handle(ctx context.Context, record slog.Record) error {
	if span := trace.SpanContextFromContext(ctx); span.HasTraceID() {
		record.AddAttrs(slog.String("trace_id", span.TraceID().String()))
	}
	return h.Handler.Handle(ctx, record)
}

// WithAttrs implements slog.Handler.
func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return logHandler{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h logHandler) WithGroup(name string) slog.Handler { return logHandler{h.Handler.WithGroup(name)} }

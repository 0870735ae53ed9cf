package tracing

import (
	"context"
	"fmt"
	"log/slog"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Config says where traces go.
type Config struct {
	// Endpoint is the collector's base address, such as http://collector:4318; traces go to /v1/traces below it.
	Endpoint string
	Headers  map[string]string // of every request to the collector; they may hold a secret
	Share    float64           // of all traces that is kept, from 0 to 1. All programs of a vault need the same: a trace is then kept whole or not at all
	Service  string            // the program's name, such as docuvault-api; OTEL_SERVICE_NAME wins
	Version  string            // of the program
}

// Traces is the way to the collector. It is safe for concurrent use.
type Traces struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// Open prepares to send traces; it does not connect. What cannot be sent is tried again a few times, logged as a
// warning, and dropped: nothing waits for it. Close sends what is left.
func Open(ctx context.Context, cfg Config, log *slog.Logger) (*Traces, error) {
	to, err := newClient(cfg)
	if err != nil {
		return nil, err
	}
	exporter, err := otlptrace.New(ctx, to)
	if err != nil {
		return nil, fmt.Errorf("prepare the exporter: %w", err)
	}
	about, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", cfg.Service), attribute.String("service.version", cfg.Version)),
		resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("describe this program: %w", err)
	}
	if log != nil {
		otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces could not be sent", "error", err) }))
	}
	// Whether a trace is kept depends on its id alone, so that nobody outside decides it by what a header says.
	share := sdk.TraceIDRatioBased(cfg.Share)
	provider := sdk.NewTracerProvider(
		sdk.WithBatcher(exporter),
		sdk.WithResource(about),
		sdk.WithSampler(sdk.ParentBased(share, sdk.WithRemoteParentSampled(share), sdk.WithRemoteParentNotSampled(share))))
	return &Traces{provider: provider, tracer: provider.Tracer("github.com/docuvault/docuvault")}, nil
}

// Close sends what is left for as long as ctx lasts. Spans that end later are dropped.
func (t *Traces) Close(ctx context.Context) error {
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("send the last traces: %w", err)
	}
	return nil
}

package tracing_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/docuvault/docuvault/adapters/tracing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open sends traces to a collector that takes all of them.
func open(t *testing.T, share float64) *tracing.Traces {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	traces, err := tracing.Open(t.Context(), tracing.Config{Endpoint: server.URL, Share: share}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := traces.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return traces
}

// A collector that asks for patience is tried again, and gets the headers; one that sends us elsewhere is not followed.
// It does not run beside others: who is told of what cannot be sent is the same for all of a program.
func TestCollector(t *testing.T) {
	var asked, elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "canary" || r.URL.Path != "/base/v1/traces" {
			t.Errorf("%s %v", r.URL, r.Header)
		}
		switch asked.Add(1) {
		case 1:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 3:
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		}
	}))
	defer server.Close()
	var log strings.Builder
	for range 2 {
		traces, err := tracing.Open(t.Context(), tracing.Config{Endpoint: server.URL + "/base/", Headers: map[string]string{"Authorization": "canary"}, Share: 1, Service: "test"},
			slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		_, end := traces.Observe(t.Context(), "task", "a")
		end("ok", nil)
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		err = traces.Close(ctx)
		cancel()
		if err != nil { // what cannot be sent is logged
			t.Error(err)
		}
	}
	if text := log.String(); strings.Count(text, "traces could not be sent") != 1 || strings.Contains(text, "canary") || strings.Contains(text, "127.0.0.1") {
		t.Errorf("log:\n%s", text)
	}
	if asked.Load() != 3 || elsewhere.Load() != 0 {
		t.Errorf("asked %d times, followed %d times", asked.Load(), elsewhere.Load())
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, endpoint := range []string{"", "collector:4318", "ftp://collector", "http://", "http://canary\x00"} {
		if traces, err := tracing.Open(t.Context(), tracing.Config{Endpoint: endpoint}, nil); err == nil {
			_ = traces.Close(t.Context())
			t.Errorf("%q is an address", endpoint)
		} else if strings.Contains(err.Error(), "canary") {
			t.Error(err)
		}
	}
}

// What is carried arrives; what cannot be read is no trace, and no failure.
func TestCarried(t *testing.T) {
	t.Parallel()
	traces := open(t, 1)
	ctx, end := traces.Observe(t.Context(), "task", "a")
	end("ok", nil)
	headers := traces.Inject(ctx)
	got := traces.Extract(context.Background(), func(name string) string { return headers[name] })
	if want := trace.SpanContextFromContext(ctx); !want.IsValid() || trace.SpanContextFromContext(got).SpanID() != want.SpanID() || trace.SpanContextFromContext(got).TraceID() != want.TraceID() {
		t.Errorf("carried %v", headers)
	}
	if headers := traces.Inject(context.Background()); headers != nil {
		t.Errorf("carried out of nothing: %v", headers)
	}
	for _, rubbish := range []string{"", "rubbish", "00-00000000000000000000000000000000-0000000000000000-01", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", strings.Repeat("0", 500)} {
		if trace.SpanContextFromContext(traces.Extract(context.Background(), func(string) string { return rubbish })).IsValid() {
			t.Errorf("%q is a trace", rubbish)
		}
	}
}

// Nobody outside decides what is kept: a share of nothing keeps nothing, whatever a header says.
func TestShareIsOurs(t *testing.T) {
	t.Parallel()
	for share, kept := range map[float64]bool{0: false, 1: true} {
		traces := open(t, share)
		for _, flag := range []string{"00", "01"} {
			request := httptest.NewRequest(http.MethodGet, "/api/topics", nil)
			request.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-"+flag)
			ctx, end := traces.Request(request)
			end("/api/topics", 200)
			if trace.SpanContextFromContext(ctx).IsSampled() != kept {
				t.Errorf("share %v, flag %s: sampled is %v", share, flag, !kept)
			}
		}
	}
}

// What happens outside of a trace makes none, tasks and what is enqueued apart.
func TestOutsideOfATrace(t *testing.T) {
	t.Parallel()
	traces := open(t, 1)
	for kind, begins := range map[string]bool{"sql SELECT": false, "storage put": false, "queue snapshot": false, "queue enqueue": true, "task a": true} {
		k, name, _ := strings.Cut(kind, " ")
		ctx, end := traces.Observe(t.Context(), k, name)
		end("ok", nil)
		if trace.SpanContextFromContext(ctx).IsValid() != begins {
			t.Errorf("%s begins a trace: %v", kind, !begins)
		}
	}
	ctx, end := traces.Request(httptest.NewRequest(http.MethodGet, "/health", nil))
	end("/health", 200)
	if trace.SpanContextFromContext(ctx).IsValid() {
		t.Error("a probe is traced")
	}
}

func TestLogHandler(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	log := slog.New(tracing.LogHandler(slog.NewTextHandler(&out, nil))).With("a", 1)
	traces := open(t, 1)
	ctx, end := traces.Observe(t.Context(), "task", "a")
	end("ok", nil)
	log.InfoContext(ctx, "within")
	log.InfoContext(t.Context(), "without")
	lines := strings.Split(out.String(), "\n")
	if !strings.Contains(lines[0], "trace_id="+trace.SpanContextFromContext(ctx).TraceID().String()) || strings.Contains(lines[1], "trace_id") {
		t.Errorf("log:\n%s", out.String())
	}
}

package main

import (
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/docuvault/docuvault/internal/testenv"
)

// collector is an OTLP receiver that keeps the spans it is sent.
type collector struct {
	url   string
	mu    sync.Mutex
	spans []received
	wrong []string
}

type received struct {
	service, name, id, parent, trace string
	kind                             tracepb.Span_SpanKind
	text                             string // all of it, to look for what must not be there
}

const collectorToken = "Bearer canary-token"

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if err := c.take(r); err != nil {
			c.wrong = append(c.wrong, err.Error())
		}
	}))
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

func (c *collector) take(r *http.Request) error {
	if r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" || r.Header.Get("Authorization") != collectorToken {
		return fmt.Errorf("%s %s %v", r.Method, r.URL, r.Header)
	}
	unpacked, err := gzip.NewReader(r.Body)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(unpacked)
	if err != nil {
		return err
	}
	var data tracepb.TracesData
	if err := proto.Unmarshal(body, &data); err != nil {
		return err
	}
	for _, resource := range data.ResourceSpans {
		service := ""
		for _, a := range resource.Resource.Attributes {
			if a.Key == "service.name" {
				service = a.Value.GetStringValue()
			}
		}
		for _, scope := range resource.ScopeSpans {
			for _, s := range scope.Spans {
				c.spans = append(c.spans, received{service, s.Name, hex.EncodeToString(s.SpanId), hex.EncodeToString(s.ParentSpanId),
					hex.EncodeToString(s.TraceId), s.Kind, s.String()})
			}
		}
	}
	return nil
}

// named returns the spans of a service with this name.
func (c *collector) named(service, name string) (found []received) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if s.service == service && s.name == name {
			found = append(found, s)
		}
	}
	return found
}

// logLines returns the records of a process's log with this message.
func logLines(c *testenv.ChildProcess, message string) (lines []map[string]any) {
	for line := range strings.Lines(c.Output()) {
		var record map[string]any
		if json.Unmarshal([]byte(line), &record) == nil && record["msg"] == message {
			lines = append(lines, record)
		}
	}
	return lines
}

// TestOneUploadIsOneTrace follows an upload through the API and the queue into a worker: one trace, one tree, and log lines that
// name it. A task that Python sends within a trace is a part of that one.
func TestOneUploadIsOneTrace(t *testing.T) {
	t.Parallel()
	spans := newCollector(t)
	s := services(t)
	s.env = append(s.env, "OTEL_EXPORTER_OTLP_ENDPOINT="+spans.url, "OTEL_EXPORTER_OTLP_HEADERS=Authorization=Bearer%20canary-token", "LOG_LEVEL=info")
	api, worker := process(t, s.env, "api"), process(t, s.env, "worker")
	v := listening(t, api)
	v.addTopic(t, "canary-topic")
	doc := v.ready(t, v.mustUpload(t, "canary-name.txt", "canary-text about a canary-topic").ID, time.Minute)

	// Coming from Python, as its instrumentation sends it.
	const theirs = "0af7651916cd43dd8448eb211c80319c"
	execute(t, s.db.AppDSN, "UPDATE documents SET status = 'pending'")
	testenv.PythonEnv(t, append(slices.Clone(s.env), "PYTHONPATH="+pythonWorker(t)), `
import sys
from tasks.document_tasks import extract_and_classify
print(extract_and_classify.apply_async(args=[sys.argv[1]], headers={"traceparent": "00-`+theirs+`-b7ad6b7169203331-01"}).get(timeout=60)["status"])
`, doc.ID)
	uploadLines, taskLines := logLines(api, "request"), logLines(worker, "task done")
	stop(t, api) // what is left is sent at the end
	stop(t, worker)

	uploads := spans.named("docuvault-api", "POST /api/documents/upload")
	if len(uploads) != 1 || uploads[0].kind != tracepb.Span_SPAN_KIND_SERVER || uploads[0].parent != "" {
		t.Fatalf("uploads: %v", uploads)
	}
	trace := uploads[0].trace
	under := func(service, name, parent string) received {
		t.Helper()
		for _, span := range spans.named(service, name) {
			if span.trace == trace && span.parent == parent {
				return span
			}
		}
		t.Fatalf("no span %q of %s under %s in the upload's trace; there are %v", name, service, parent, spans.named(service, name))
		return received{}
	}
	request := uploads[0].id
	under("docuvault-api", "storage put", request)
	under("docuvault-api", "INSERT", request)
	publish := under("docuvault-api", "queue enqueue", request)
	task := under("docuvault-worker", "task extract_and_classify", publish.id)
	if publish.kind != tracepb.Span_SPAN_KIND_PRODUCER || task.kind != tracepb.Span_SPAN_KIND_CONSUMER {
		t.Errorf("kinds: %v, %v", publish.kind, task.kind)
	}
	under("docuvault-worker", "storage get", task.id)
	under("docuvault-worker", "extraction text/plain", task.id)
	under("docuvault-worker", "UPDATE", task.id)
	if !slices.ContainsFunc(spans.spans, func(s received) bool {
		return s.trace == trace && s.parent == task.id && strings.HasPrefix(s.name, "classification ")
	}) {
		t.Error("no classification under the task")
	}
	if !slices.ContainsFunc(spans.named("docuvault-worker", "task extract_and_classify"), func(s received) bool {
		return s.trace == theirs && s.parent == "b7ad6b7169203331"
	}) {
		t.Errorf("Python's task is not in its trace: %v", spans.named("docuvault-worker", "task extract_and_classify"))
	}
	for _, s := range spans.spans {
		if strings.Contains(s.text, "canary") {
			t.Errorf("a span tells too much: %s", s.text)
		}
		if s.parent == "" && s.kind != tracepb.Span_SPAN_KIND_SERVER {
			t.Errorf("%s %q belongs to nothing", s.service, s.name)
		}
	}
	if len(spans.wrong) > 0 {
		t.Errorf("wrong requests: %v", spans.wrong)
	}

	// The log tells the same story by ids.
	found := slices.IndexFunc(uploadLines, func(r map[string]any) bool { return r["route"] == "/api/documents/upload" })
	if found < 0 {
		t.Fatalf("no line of the upload among %v", uploadLines)
	}
	line := uploadLines[found]
	if line["trace_id"] != trace || line["document_id"] != doc.ID || line["request_id"] == nil || line["task_id"] == nil {
		t.Errorf("the upload's line: %v", line)
	}
	if len(taskLines) != 2 || taskLines[0]["trace_id"] != trace || taskLines[0]["document_id"] != doc.ID || taskLines[0]["task_id"] != line["task_id"] || taskLines[0]["outcome"] != "ready" {
		t.Errorf("the task's lines: %v", taskLines)
	}
	if log := api.Output() + worker.Output(); strings.Contains(log, "canary") {
		t.Errorf("the log tells too much:\n%s", log)
	}
}

// A collector that is away holds nothing up.
func TestCollectorThatIsAway(t *testing.T) {
	t.Parallel()
	s := services(t)
	s.env = append(s.env, "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_HEADERS=Authorization=Bearer%20canary-token")
	api, worker := process(t, s.env, "api"), process(t, s.env, "worker")
	v := listening(t, api)
	v.ready(t, v.mustUpload(t, "a.txt", "text").ID, time.Minute)
	stop(t, api)
	stop(t, worker)
	if log := api.Output() + worker.Output(); strings.Contains(log, "canary") || !strings.Contains(log, "traces could not be sent") {
		t.Errorf("log:\n%s", log)
	}
}

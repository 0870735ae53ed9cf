package metrics_test

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"go.uber.org/goleak"

	"github.com/docuvault/docuvault/adapters/metrics"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// everything has every source there is, and one of each kind of operation behind it.
func everything(t *testing.T) *metrics.Metrics {
	t.Helper()
	m := metrics.New(metrics.Config{Version: "v1.2.3", ContentTypes: []string{"application/pdf"}})
	pool, err := sql.Open("pgx", "postgres://127.0.0.1:1/none")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	m.Database(pool)
	m.Redis(func() metrics.RedisPool { return metrics.RedisPool{Connections: 3, Idle: 2, Hits: 10} })
	m.Worker(map[string]func() int64{"received": func() int64 { return 7 }, "failed": func() int64 { return 1 }})
	m.Queues(func(context.Context) (metrics.Queues, error) {
		return metrics.Queues{Waiting: map[string]int64{"documents": 5}, Held: 2, Quarantined: 1}, nil
	})
	m.Reconciler()(2, 1, 4, nil)
	for kind, name := range map[string]string{"storage": "put", "queue": "enqueue", "sql": "SELECT", "task": "extract_and_classify", "extraction": "application/pdf", "classification": "words"} {
		_, end := m.Observe(t.Context(), kind, name)
		end("ok", nil)
	}
	_, end := m.Request(httptest.NewRequest(http.MethodGet, "/api/documents/1", nil))
	end("/api/documents/:id", 200)
	return m
}

func scrape(t *testing.T, m *metrics.Metrics) string {
	t.Helper()
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if answer.Code != http.StatusOK {
		t.Fatalf("status %d: %s", answer.Code, answer.Body)
	}
	return answer.Body.String()
}

// TestConventions holds names, types and help texts to Prometheus' conventions, as promtool check metrics does.
func TestConventions(t *testing.T) {
	t.Parallel()
	problems, err := promlint.New(strings.NewReader(scrape(t, everything(t)))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestFigures(t *testing.T) {
	t.Parallel()
	text := scrape(t, everything(t))
	for _, line := range []string{
		`docuvault_build_info{goversion="go`,
		`docuvault_http_requests_total{method="GET",route="/api/documents/:id",status="200"} 1`,
		`docuvault_http_request_duration_seconds_count{method="GET",route="/api/documents/:id"} 1`,
		`docuvault_http_requests_in_flight 0`,
		`docuvault_storage_operations_total{operation="put",outcome="ok"} 1`,
		`docuvault_database_statements_total{outcome="ok",statement="SELECT"} 1`,
		`docuvault_tasks_total{outcome="ok",task="extract_and_classify"} 1`,
		`docuvault_tasks_in_flight{task="extract_and_classify"} 0`,
		`docuvault_extractions_total{outcome="ok",type="application/pdf"} 1`,
		`docuvault_queue_length{queue="documents"} 5`,
		`docuvault_queue_held_tasks 2`,
		`docuvault_queue_up 1`,
		`docuvault_redis_pool_connections 3`,
		`docuvault_worker_messages_total{event="received"} 7`,
		`docuvault_reconciler_documents_total{action="gave_up"} 1`,
		`docuvault_reconciler_rounds_total{outcome="ok"} 1`,
		`go_sql_max_open_connections{db_name="docuvault"} 0`,
		`go_goroutines `, `process_open_fds `,
	} {
		if !strings.Contains(text, "\n"+line) {
			t.Errorf("no line %s", line)
		}
	}
}

// What clients and documents bring along does not become a label.
func TestLabelsAreBounded(t *testing.T) {
	t.Parallel()
	m := metrics.New(metrics.Config{ContentTypes: []string{"application/pdf"}})
	for _, s := range []string{"canary-one", "canary-two"} {
		_, end := m.Request(&http.Request{Method: s})
		end("", 404)
		_, done := m.Observe(t.Context(), "extraction", s)
		done("corrupt", nil)
		_, done = m.Observe(t.Context(), s, s)
		done("ok", nil)
	}
	text := scrape(t, m)
	for _, line := range []string{`docuvault_http_requests_total{method="other",route="none",status="404"} 2`, `docuvault_extractions_total{outcome="corrupt",type="other"} 2`} {
		if !strings.Contains(text, "\n"+line) {
			t.Errorf("no line %s", line)
		}
	}
	if strings.Contains(text, "canary") {
		t.Errorf("something unbounded became a label:\n%s", text)
	}
}

// While Redis is down a scrape still answers, and says so.
func TestQueuesThatDoNotAnswer(t *testing.T) {
	t.Parallel()
	m := metrics.New(metrics.Config{})
	m.Queues(func(context.Context) (metrics.Queues, error) { return metrics.Queues{}, errors.New("down") })
	text := scrape(t, m)
	if !strings.Contains(text, "\ndocuvault_queue_up 0\n") || strings.Contains(text, "docuvault_queue_length") {
		t.Errorf("scrape:\n%s", text)
	}
}

func TestWriteSweep(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "docuvault.prom")
	if err := metrics.WriteSweep(path, metrics.Sweep{Objects: 10, Orphans: 2, OrphanBytes: 1 << 20, Missing: 1, At: time.Unix(1_800_000_000, 0)}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"docuvault_sweeper_orphan_objects 2", "docuvault_sweeper_documents_without_object 1", "docuvault_sweeper_last_success_timestamp_seconds 1.8e+09"} {
		if !strings.Contains(string(text), line+"\n") {
			t.Errorf("no line %s in\n%s", line, text)
		}
	}
	if problems, err := promlint.New(strings.NewReader(string(text))).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
	if err := metrics.WriteSweep(filepath.Join(t.TempDir(), "absent", "x.prom"), metrics.Sweep{}); err == nil {
		t.Error("a folder that is not there was no error")
	}
}

// TestEveryMetricIsDescribed compares the metrics with the list in docs/operations.md, both ways.
func TestEveryMetricIsDescribed(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	described := names(regexp.MustCompile("(?m)^\\| `(docuvault_[a-z_]+)"), string(page))
	path := filepath.Join(t.TempDir(), "sweep.prom")
	if err := metrics.WriteSweep(path, metrics.Sweep{}); err != nil {
		t.Fatal(err)
	}
	swept, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	there := names(regexp.MustCompile(`(?m)^# TYPE (docuvault_[a-z_]+)`), scrape(t, everything(t))+string(swept))
	for _, name := range there {
		if !slices.Contains(described, name) {
			t.Errorf("docs/operations.md does not describe %s", name)
		}
	}
	for _, name := range described {
		if !slices.Contains(there, name) {
			t.Errorf("docs/operations.md describes %s, which there is not", name)
		}
	}
}

func names(pattern *regexp.Regexp, text string) (names []string) {
	for _, match := range pattern.FindAllStringSubmatch(text, -1) {
		names = append(names, match[1])
	}
	return names
}

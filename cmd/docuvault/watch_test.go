package main

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/docuvault/docuvault/internal/testenv"
)

// watched is the address of a process's private listener, which it logs.
func watched(t *testing.T, c *testenv.ChildProcess) string {
	t.Helper()
	var addr string
	testenv.Eventually(t, time.Minute, func() error {
		found := regexp.MustCompile(`"msg":"metrics started","addr":"([^"]+)"`).FindStringSubmatch(c.Output())
		if found == nil {
			return fmt.Errorf("no address yet:\n%s", c.Output())
		}
		addr = "http://" + found[1]
		return nil
	})
	return addr
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// figure reads one sample of a scrape, 0 if it is not there.
func figure(t *testing.T, addr, sample string) float64 {
	t.Helper()
	_, text := get(t, addr+"/metrics")
	for line := range strings.Lines(text) {
		if value, found := strings.CutPrefix(line, sample+" "); found {
			f, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
	}
	return 0
}

// TestFiguresMove has one upload go through an API and a worker, and looks at what both tell Prometheus.
func TestFiguresMove(t *testing.T) {
	t.Parallel()
	s := services(t)
	s.env = append(s.env, "METRICS_ADDR=127.0.0.1:0", "LOG_LEVEL=info")
	api := process(t, s.env, "api")
	v := listening(t, api)
	apiMetrics := watched(t, api)
	const uploads = `docuvault_http_requests_total{method="POST",route="/api/documents/upload",status="201"}`
	if n := figure(t, apiMetrics, uploads); n != 0 {
		t.Errorf("%v uploads before the first", n)
	}
	v.addTopic(t, "Letters")
	first := v.mustUpload(t, "canary-name.txt", "canary-text: letters and more letters")
	for sample, least := range map[string]float64{
		uploads: 1,
		`docuvault_http_request_duration_seconds_count{method="POST",route="/api/documents/upload"}`: 1,
		`docuvault_storage_operations_total{operation="put",outcome="ok"}`:                           1,
		`docuvault_queue_operations_total{operation="enqueue",outcome="ok"}`:                         1,
		`docuvault_database_statements_total{outcome="ok",statement="INSERT"}`:                       1,
		`docuvault_queue_length{queue="documents"}`:                                                  1,
		`docuvault_queue_up`:                               1,
		`docuvault_redis_pool_connections`:                 1,
		`go_sql_max_open_connections{db_name="docuvault"}`: 8,
		`go_goroutines`:                                    1,
	} {
		if n := figure(t, apiMetrics, sample); n < least {
			t.Errorf("api: %s is %v", sample, n)
		}
	}
	v.call(http.MethodGet, "/api/documents/"+first.ID+"/nothing-here", "", nil, nil)

	worker := process(t, s.env, "worker")
	workerMetrics := watched(t, worker)
	v.ready(t, first.ID, time.Minute)
	for sample, least := range map[string]float64{
		`docuvault_tasks_total{outcome="ready",task="extract_and_classify"}`:      1,
		`docuvault_task_duration_seconds_count{task="extract_and_classify"}`:      1,
		`docuvault_extractions_total{outcome="ok",type="text/plain"}`:             1,
		`docuvault_extraction_duration_seconds_count{type="text/plain"}`:          1,
		`docuvault_storage_operations_total{operation="get",outcome="ok"}`:        1,
		`docuvault_worker_messages_total{event="received"}`:                       1,
		`docuvault_worker_messages_total{event="succeeded"}`:                      1,
		`docuvault_reconciler_rounds_total{outcome="ok"}`:                         1,
		`docuvault_reconciler_last_success_timestamp_seconds`:                     1,
		`docuvault_database_statement_duration_seconds_count{statement="UPDATE"}`: 1,
	} {
		testenv.Eventually(t, time.Minute, func() error { // a task is counted after its document is ready, rounds come by the clock
			if n := figure(t, workerMetrics, sample); n < least {
				return fmt.Errorf("worker: %s is %v", sample, n)
			}
			return nil
		})
	}
	testenv.Eventually(t, time.Minute, func() error {
		if n := figure(t, apiMetrics, `docuvault_queue_length{queue="documents"}`); n != 0 {
			return fmt.Errorf("%v tasks still wait", n)
		}
		return nil
	})

	for who, addr := range map[string]string{"api": apiMetrics, "worker": workerMetrics} {
		status, text := get(t, addr+"/metrics")
		if problems, err := promlint.New(strings.NewReader(text)).Lint(); status != http.StatusOK || err != nil || len(problems) > 0 {
			t.Errorf("%s: status %d, lint %v, %v", who, status, problems, err)
		}
		if strings.Contains(text, "canary") || strings.Contains(text, first.ID) || strings.Contains(text, "nothing-here") {
			t.Errorf("%s: something unbounded became a label:\n%s", who, text)
		}
		if status, text := get(t, addr+"/debug/pprof/goroutine?debug=1"); status != http.StatusOK || !strings.Contains(text, "goroutine profile") {
			t.Errorf("%s: profile: status %d", who, status)
		}
		if status, _ := get(t, addr+"/api/documents"); status != http.StatusNotFound {
			t.Errorf("%s: the private listener answers the API with %d", who, status)
		}
	}
	for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/pprof/cmdline"} {
		if status, _ := get(t, v.url+path); status != http.StatusNotFound {
			t.Errorf("the public listener answers %s with %d", path, status)
		}
	}
	// Redis going away is told, and hinders no scrape.
	s.redis.Kill(t)
	if status, text := get(t, apiMetrics+"/metrics"); status != http.StatusOK || !strings.Contains(text, "\ndocuvault_queue_up 0\n") {
		t.Errorf("without Redis: status %d:\n%s", status, text)
	}
	stop(t, api)
	stop(t, worker)
}

// Unless it is asked for there is no private listener.
func TestNoMetricsUnlessAsked(t *testing.T) {
	t.Parallel()
	s := services(t)
	s.env = append(s.env, "LOG_LEVEL=info")
	api := process(t, s.env, "api")
	v := listening(t, api)
	if status, _ := get(t, v.url+"/metrics"); status != http.StatusNotFound {
		t.Errorf("status %d", status)
	}
	stop(t, api)
	if strings.Contains(api.Output(), "metrics started") {
		t.Errorf("it listens:\n%s", api.Output())
	}
}

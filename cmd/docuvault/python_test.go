package main

import (
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docuvault/docuvault/internal/testenv"
)

// pythonWorker is the folder of the one that docs/ ships.
func pythonWorker(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../docs/python-worker")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestPythonWorkerSharesTheVault has a Python worker process what was uploaded to our API: same tables, bucket and queue.
func TestPythonWorkerSharesTheVault(t *testing.T) {
	t.Parallel()
	s := services(t)
	testenv.Celery(t, testenv.CeleryOptions{RedisURL: s.redis.URL, Dir: pythonWorker(t), Env: s.env})
	v := listening(t, process(t, s.env, "api"))
	var made topic
	if status, err := v.call(http.MethodPost, "/api/topics", "application/json", strings.NewReader(`{"name":"Ärzte"}`), &made); err != nil || status != http.StatusCreated {
		t.Fatalf("add a topic: %d, %v", status, err)
	}
	doc := v.ready(t, v.mustUpload(t, "brief.txt", "Brief der Ärzte").ID, time.Minute)
	if doc.ExtractedText != "Brief der Ärzte" || !slices.Contains(doc.Topics, topic{"Ärzte"}) {
		t.Errorf("document: %+v", doc)
	}
}

// TestWorkerRunsWhatPythonEnqueues has a Python producer send a document round again, and wait for our worker's result.
func TestWorkerRunsWhatPythonEnqueues(t *testing.T) {
	t.Parallel()
	s := services(t)
	v := listening(t, process(t, s.env, "api"))
	process(t, s.env, "worker")
	doc := v.ready(t, v.mustUpload(t, "a.txt", "text").ID, time.Minute)
	execute(t, s.db.AppDSN, "UPDATE documents SET status = 'pending'")
	out := testenv.PythonEnv(t, append(slices.Clone(s.env), "PYTHONPATH="+pythonWorker(t)), `
import sys
from tasks.document_tasks import extract_and_classify
print(extract_and_classify.delay(sys.argv[1]).get(timeout=60)["status"])
print(extract_and_classify.delay("00000000-0000-4000-8000-000000000000").get(timeout=60)["status"])
`, doc.ID)
	if strings.Fields(out)[0] != "ready" || strings.Fields(out)[1] != "missing" {
		t.Errorf("results: %s", out)
	}
}

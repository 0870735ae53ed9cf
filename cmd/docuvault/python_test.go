package main

import (
	"encoding/json"
	"fmt"
	"io"
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
	s.env = append(s.env, "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1") // the headers of a trace are nothing to a Python worker
	testenv.Celery(t, testenv.CeleryOptions{RedisURL: s.redis.URL, Dir: pythonWorker(t), Env: s.env})
	v := listening(t, process(t, s.env, "api"))
	v.addTopic(t, "Ärzte")
	v.addTopic(t, "Steuern")
	const text = "Brief der Ärzte"
	doc := v.ready(t, v.mustUpload(t, "brief.txt", text).ID, time.Minute)
	if doc.ExtractedText != text || len(doc.Topics) != 1 || doc.Topics[0] != (topic{"Ärzte"}) {
		t.Errorf("document: %+v", doc)
	}
	// It read the bytes from the bucket, by the key in the row, and left them there.
	out := testenv.PythonEnv(t, append(slices.Clone(s.env), "PYTHONPATH="+pythonWorker(t)), `
import json, os, sys
from tasks.document_tasks import database, storage
with database() as cursor:
    cursor.execute("SELECT object_key, status, extracted_text FROM documents WHERE id = %s", (sys.argv[1],))
    key, status, text = cursor.fetchone()
print(json.dumps([storage().get_object(Bucket=os.environ["MINIO_BUCKET"], Key=key)["Body"].read().decode(), status, text]))
`, doc.ID)
	var got []string
	if err := json.Unmarshal([]byte(out), &got); err != nil || !slices.Equal(got, []string{text, "ready", text}) {
		t.Errorf("object, status and text are %s, %v", out, err)
	}
	content, err := v.client.Get(v.url + "/api/documents/" + doc.ID + "/content")
	if err != nil {
		t.Fatal(err)
	}
	defer content.Body.Close()
	if b, err := io.ReadAll(content.Body); err != nil || string(b) != text {
		t.Errorf("the API serves %q, %v", b, err)
	}
	unread := v.mustUpload(t, "a.pdf", "%PDF-1.7\nnot for this worker")
	testenv.Eventually(t, time.Minute, func() error { // without a reason: its models have no column for one
		p, err := v.progress(unread.ID)
		if err == nil && p.Status != "failed" {
			err = fmt.Errorf("it is %s", p.Status)
		}
		return err
	})
}

// TestWorkerRunsWhatPythonEnqueues has a Python producer send a document round again, and wait for our worker's result.
func TestWorkerRunsWhatPythonEnqueues(t *testing.T) {
	t.Parallel()
	s := services(t)
	v := listening(t, process(t, s.env, "api"))
	process(t, s.env, "worker")
	v.addTopic(t, "Letters")
	doc := v.ready(t, v.mustUpload(t, "a.txt", "letters and more letters").ID, time.Minute)
	execute(t, s.db.AppDSN, "UPDATE documents SET status = 'pending'")
	out := testenv.PythonEnv(t, append(slices.Clone(s.env), "PYTHONPATH="+pythonWorker(t)), `
import sys
from tasks.document_tasks import extract_and_classify
done = extract_and_classify.delay(sys.argv[1]).get(timeout=60)
assert done == {"document_id": sys.argv[1], "status": "ready", "topics": ["Letters"]}, done
print(done["status"])
print(extract_and_classify.delay("00000000-0000-4000-8000-000000000000").get(timeout=60)["status"])
`, doc.ID)
	if strings.Fields(out)[0] != "ready" || strings.Fields(out)[1] != "missing" {
		t.Errorf("results: %s", out)
	}
}

// TestPythonWorkerRetries has storage answer Python with 503: for a while, and for good.
func TestPythonWorkerRetries(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ tries, status string }{"for a while": {"100", "ready"}, "for good": {"1", "failed"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := services(t)
			var proxy s3Proxy
			proxy.down.Store(true)
			testenv.Celery(t, testenv.CeleryOptions{RedisURL: s.redis.URL, Dir: pythonWorker(t), Env: append(proxy.before(t, s.env), "DOCUMENT_MAX_RETRIES="+c.tries)})
			v := listening(t, process(t, s.env, "api"))
			doc := v.mustUpload(t, "a.txt", "read at last")
			if c.status == "ready" {
				retried(t, v, s, doc.ID)
				proxy.down.Store(false)
			}
			testenv.Eventually(t, 3*time.Minute, func() error {
				p, err := v.progress(doc.ID)
				if err == nil && p.Status != c.status {
					err = fmt.Errorf("it is %s", p.Status)
				}
				return err
			})
			if proxy.refused.Load() < 2 {
				t.Errorf("storage was asked %d times while it was down", proxy.refused.Load())
			}
		})
	}
}

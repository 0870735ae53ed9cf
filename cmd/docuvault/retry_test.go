package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/celery"
	"github.com/docuvault/docuvault/adapters/classify"
	"github.com/docuvault/docuvault/adapters/extract"
	"github.com/docuvault/docuvault/adapters/tasks"
	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/cmd/docuvault/config"
	"github.com/docuvault/docuvault/cmd/docuvault/shell"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/internal/testenv"
	"github.com/docuvault/docuvault/ports"
)

// impatientWorker is a worker on real services that tries again soon and gives up early, with a classifier of the test's.
func impatientWorker(t *testing.T, env []string, tries int, classifier ports.Classifier) {
	t.Helper()
	cfg, err := config.Load(config.Input{Use: config.Worker, Need: config.Worker, Env: env})
	if err != nil {
		t.Fatal(err)
	}
	parts, err := shell.Open(t.Context(), cfg, testLog(), shell.Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	reader, err := extract.New(extract.Config{Children: 1, MaxInput: cfg.MaxUpload, CacheDir: cfg.ExtractCacheDir}, testLog())
	if err != nil {
		t.Fatal(err)
	}
	broker, err := celery.Open(celery.Config{BrokerURL: cfg.RedisURL})
	if err != nil {
		t.Fatal(err)
	}
	worker, err := celery.NewWorker(broker, celery.WorkerConfig{Queues: tasks.Queues(), Concurrency: 1})
	if err != nil {
		t.Fatal(err)
	}
	recovery := domain.Recovery{Patience: 50 * time.Millisecond, Lease: time.Second, MaxBackoff: 200 * time.Millisecond, MaxRequeues: tries}
	tasks.Register(worker, app.NewProcessor(recovery, app.ProcessorDeps{Storage: parts.Storage, Repo: parts.Repo, Extractor: reader, Classifier: classifier}).Process, tasks.Watch{})
	done := make(chan error, 1)
	go func() { done <- worker.Run(context.Background()) }()
	t.Cleanup(func() {
		worker.Stop()
		if err := errors.Join(<-done, broker.Close(), reader.Close(), parts.Close()); err != nil {
			t.Error(err)
		}
	})
}

// s3Proxy stands before the S3 server of an environment and answers 503 while it is told to.
type s3Proxy struct {
	down    atomic.Bool
	refused atomic.Int64
}

func (p *s3Proxy) before(t *testing.T, env []string) []string {
	t.Helper()
	env = slices.Clone(env)
	for i, one := range env {
		endpoint, ok := strings.CutPrefix(one, "MINIO_ENDPOINT=")
		if !ok {
			continue
		}
		to := &url.URL{Scheme: "http", Host: endpoint}
		transport := &http.Transport{}
		t.Cleanup(transport.CloseIdleConnections)
		forward := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host // it is signed
		}}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if p.down.Load() {
				p.refused.Add(1)
				http.Error(w, `<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>try later</Message></Error>`, http.StatusServiceUnavailable)
				return
			}
			forward.ServeHTTP(w, r)
		}))
		t.Cleanup(server.Close)
		env[i] = "MINIO_ENDPOINT=" + server.Listener.Addr().String()
		return env
	}
	t.Fatal("the environment names no S3 server")
	return nil
}

// progress is what the tests look at of a document on its way.
type progress struct {
	Status  string `json:"status"`
	TaskID  string `json:"task_id"`
	Failure *struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"failure"`
}

func (v vault) progress(id string) (progress, error) {
	var p progress
	status, err := v.call(http.MethodGet, "/api/documents/"+id, "", nil, &p)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("status %d", status)
	}
	return p, err
}

// failed waits until a document has failed, and returns why.
func (v vault) failed(t *testing.T, id string) (code, message string) {
	t.Helper()
	testenv.Eventually(t, 3*time.Minute, func() error {
		p, err := v.progress(id)
		if err == nil && (p.Status != "failed" || p.Failure == nil) {
			err = fmt.Errorf("it is %s", p.Status)
		}
		if err == nil {
			code, message = p.Failure.Code, p.Failure.Message
		}
		return err
	})
	return code, message
}

// retried waits until a document's task has been sent again at least once, as Celery's result says.
func retried(t *testing.T, v vault, s realServices, id string) {
	t.Helper()
	broker, err := celery.Open(celery.Config{BrokerURL: s.redis.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	p, err := v.progress(id)
	if err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, 3*time.Minute, func() error {
		got, err := celery.NewResults(broker).Get(t.Context(), p.TaskID)
		if err == nil && got.Status != celery.StatusRetry {
			err = fmt.Errorf("task %s is %s", p.TaskID, got.Status)
		}
		return err
	})
}

// Storage that answers 503 is asked again later: the document is ready once it is back.
func TestStorage503IsRetried(t *testing.T) {
	t.Parallel()
	s := services(t)
	v := listening(t, process(t, s.env, "api"))
	var proxy s3Proxy
	impatientWorker(t, proxy.before(t, s.env), 1000, classify.New(classify.Config{}))
	proxy.down.Store(true)
	doc := v.mustUpload(t, "a.txt", "read at last")
	retried(t, v, s, doc.ID)
	if proxy.refused.Load() == 0 {
		t.Error("storage was not asked")
	}
	proxy.down.Store(false)
	if got := v.ready(t, doc.ID, 3*time.Minute); got.ExtractedText != "read at last" {
		t.Errorf("document: %+v", got)
	}
}

// Storage that does not come back fails the document after the last try, with a reason, and the task ends with its state.
func TestLastRetryFailsTheDocument(t *testing.T) {
	t.Parallel()
	s := services(t)
	v := listening(t, process(t, s.env, "api"))
	var proxy s3Proxy
	impatientWorker(t, proxy.before(t, s.env), 2, classify.New(classify.Config{}))
	proxy.down.Store(true)
	doc := v.mustUpload(t, "a.txt", "never read")
	code, message := v.failed(t, doc.ID)
	if code != "unavailable" || !strings.HasPrefix(message, "processing failed: ") || strings.Contains(message, "SlowDown") || strings.Contains(message, "127.0.0.1") {
		t.Errorf("failed with %s: %s", code, message)
	}
}

// A database that restarts in the middle of a task costs a try, not the document.
func TestDatabaseRestartIsRetried(t *testing.T) {
	t.Parallel()
	server := testenv.OwnPostgres(t)
	s := servicesOn(t, server.Schema(t))
	v := listening(t, process(t, s.env, "api"))
	asked, goOn := make(chan struct{}, 1), make(chan struct{})
	var once atomic.Bool
	impatientWorker(t, s.env, 1000, classifierFunc(func(context.Context, string, []domain.Topic) ([]domain.Suggestion, error) {
		if once.CompareAndSwap(false, true) {
			asked <- struct{}{}
			<-goOn
		}
		return nil, nil
	}))
	v.addTopic(t, "Letters")
	doc := v.mustUpload(t, "a.txt", "kept through a restart")
	<-asked
	p, err := v.progress(doc.ID)
	if err != nil {
		t.Fatal(err)
	}
	server.Kill(t)
	close(goOn)
	broker, err := celery.Open(celery.Config{BrokerURL: s.redis.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	testenv.Eventually(t, 3*time.Minute, func() error {
		got, err := celery.NewResults(broker).Get(t.Context(), p.TaskID)
		if err == nil && got.Status != celery.StatusRetry {
			err = fmt.Errorf("the task is %s", got.Status)
		}
		return err
	})
	server.Start(t)
	if got := v.ready(t, doc.ID, 3*time.Minute); got.ExtractedText != "kept through a restart" {
		t.Errorf("document: %+v", got)
	}
}

// A classifier that times out is asked again; one that never answers fails the document in the end.
func TestClassifierTimeoutIsRetried(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answersAt int64
		status    string
	}{"answers at last": {3, "ready"}, "never": {1 << 40, "failed"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := services(t)
			v := listening(t, process(t, s.env, "api"))
			var calls atomic.Int64
			impatientWorker(t, s.env, 4, classifierFunc(func(ctx context.Context, text string, topics []domain.Topic) ([]domain.Suggestion, error) {
				if calls.Add(1) < c.answersAt {
					ctx, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
					defer cancel()
					<-ctx.Done()
					return nil, domain.Wrap(domain.Unavailable, ctx.Err(), "the classifier did not answer in time")
				}
				return classify.New(classify.Config{}).Classify(ctx, text, topics)
			}))
			v.addTopic(t, "Letters")
			doc := v.mustUpload(t, "a.txt", "letters, letters and more letters")
			if c.status == "ready" {
				got := v.ready(t, doc.ID, 3*time.Minute)
				if calls.Load() < 3 || !slices.Contains(got.Topics, topic{"Letters"}) {
					t.Errorf("after %d calls: %+v", calls.Load(), got)
				}
				return
			}
			if code, message := v.failed(t, doc.ID); code != "unavailable" || message != "processing failed: the classifier did not answer in time" {
				t.Errorf("failed with %s: %s", code, message)
			}
			if n := calls.Load(); n != 5 {
				t.Errorf("asked %d times, one try and four more are allowed", n)
			}
		})
	}
}

// What is wrong with the document itself fails it at once, with a reason for its owner.
func TestUnreadableDocumentFailsAtOnce(t *testing.T) {
	t.Parallel()
	s := services(t)
	v := listening(t, process(t, s.env, "api"))
	impatientWorker(t, s.env, 1000, classify.New(classify.Config{}))
	doc := v.mustUpload(t, "a.pdf", "%PDF-1.7\nthis is no PDF")
	code, message := v.failed(t, doc.ID)
	if code == "" || len(message) < 10 || strings.Contains(message, "panic") {
		t.Errorf("failed with %s: %s", code, message)
	}
}

type classifierFunc func(context.Context, string, []domain.Topic) ([]domain.Suggestion, error)

func (classifierFunc) Name() string { return "test" }

func (f classifierFunc) Classify(ctx context.Context, text string, topics []domain.Topic) ([]domain.Suggestion, error) {
	return f(ctx, text, topics)
}

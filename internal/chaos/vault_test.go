//go:build chaos && unix

package chaos

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/adapters/celery"
	"github.com/docuvault/docuvault/adapters/embedded/childproc"
	"github.com/docuvault/docuvault/adapters/schema"
	"github.com/docuvault/docuvault/adapters/tasks"
	"github.com/docuvault/docuvault/internal/testenv"
)

// program is a docuvault process that is killed and started again, an API always on the same port.
type program struct {
	t    *testing.T
	cfg  childproc.Config
	proc *childproc.Process
}

func (p *program) start() {
	proc, err := childproc.Start(p.cfg)
	if err != nil {
		p.t.Fatal(err)
	}
	p.proc = proc
}

func (p *program) restart() { p.proc.Kill(); p.start() }

// upload is a document that the API has answered with 201.
type upload struct{ id, text, topic string }

// found is what the API says of a document.
type found struct {
	Status        string `json:"status"`
	SHA256        string `json:"sha256"`
	SizeBytes     int    `json:"size_bytes"`
	ExtractedText string `json:"extracted_text"`
	Topics        []struct {
		Name string `json:"name"`
	} `json:"topics"`
}

// vaultRun is a vault of separate processes.
type vaultRun struct {
	t     *testing.T
	rnd   *rand.Rand
	redis testenv.RedisServer
	db    testenv.Database
	s3    testenv.S3Server
	http  *http.Client
	store string // the bucket

	apis      []*program
	addresses []string
	workers   []*program
	python    *testenv.CeleryWorker
	env       []string

	accepted                                                 []upload
	unanswered                                               int
	apiKills, workerKills, pythonKills, restarts, fls, stops int
}

// vaultOptions say what a vault is made of. Env comes after what the run itself sets.
type vaultOptions struct {
	apis, workers int
	postgres      *testenv.DatabaseServer // nil: the shared one
	s3            *testenv.S3Server       // nil: the shared one
	env           []string
	bin           string // the program; "": as anybody builds it
}

func newVaultRun(t *testing.T, options vaultOptions) *vaultRun {
	r := &vaultRun{t: t, rnd: choices(t), redis: testenv.Redis(t),
		http: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}}
	if options.postgres != nil {
		r.db = options.postgres.Schema(t)
	} else {
		r.db = testenv.Schema(t)
	}
	if options.s3 == nil {
		shared := testenv.S3(t)
		options.s3 = &shared
	}
	s3 := *options.s3
	r.s3, r.store = s3, testenv.Bucket(t, s3)
	r.env = append(os.Environ(), "DATABASE_URL="+r.db.AppDSN, "REDIS_URL="+r.redis.URL, "MINIO_ENDPOINT="+s3.Endpoint,
		"MINIO_ACCESS_KEY="+s3.AccessKey, "MINIO_SECRET_KEY="+s3.SecretKey, "MINIO_BUCKET="+r.store,
		"SECRET_KEY=0123456789abcdef0123456789abcdef", "LOG_LEVEL=error", "DATABASE_MAX_CONNS=4", "WORKER_CONCURRENCY=2")
	r.env = append(r.env, options.env...)
	bin := options.bin
	if bin == "" {
		bin = binary(t)
	}
	for range options.apis {
		port, err := childproc.LoopbackPort()
		if err != nil {
			t.Fatal(err)
		}
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		r.addresses = append(r.addresses, address)
		r.apis = append(r.apis, &program{t: t, cfg: childproc.Config{Path: bin, Args: []string{"api", "--listen", address}, Env: r.env, Dir: t.TempDir()}})
	}
	for range options.workers {
		r.workers = append(r.workers, &program{t: t, cfg: childproc.Config{Path: bin, Args: []string{"worker"}, Env: r.env, Dir: t.TempDir()}})
	}
	for _, p := range slices.Concat(r.apis, r.workers) {
		p.start()
		t.Cleanup(func() {
			p.proc.Kill()
			if t.Failed() {
				t.Logf("docuvault %s said last:\n%s", p.cfg.Args[0], p.proc.Tail())
			}
		})
	}
	for _, address := range r.addresses {
		testenv.Eventually(t, time.Minute, func() error {
			_, err := r.call(http.MethodGet, address, "/health", "", nil, nil)
			return err
		})
	}
	return r
}

// binary builds the program. Go links it again only if something changed since the last run.
func binary(t *testing.T) string {
	t.Helper()
	return build(t, "docuvault-chaos")
}

func build(t *testing.T, name string, flags ...string) string {
	t.Helper()
	path := filepath.Join(folder(t, "bin"), name)
	args := append(append([]string{"build", "-o", path}, flags...), "github.com/docuvault/docuvault/cmd/docuvault")
	if out, err := exec.CommandContext(t.Context(), "go", args...).CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return path
}

func (r *vaultRun) startPython() {
	r.python = testenv.Celery(r.t, testenv.CeleryOptions{RedisURL: r.redis.URL, Dir: folder(r.t, "docs/python-worker"), Env: r.env})
}

// call makes one request; another status than 2xx is an error.
func (r *vaultRun) call(method, address, path, contentType string, body io.Reader, answer any) (int, error) {
	request, err := http.NewRequestWithContext(r.t.Context(), method, "http://"+address+path, body)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", contentType)
	response, err := r.http.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return response.StatusCode, err
	case response.StatusCode/100 != 2:
		return response.StatusCode, fmt.Errorf("%s %s: %d %s", method, path, response.StatusCode, text)
	case answer != nil:
		return response.StatusCode, json.Unmarshal(text, answer)
	}
	return response.StatusCode, nil
}

func (r *vaultRun) topic(name, description string) {
	body, err := json.Marshal(map[string]string{"name": name, "description": description})
	if err == nil {
		_, err = r.call(http.MethodPost, r.addresses[0], "/api/topics", "application/json", bytes.NewReader(body), nil)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// uploadAll sends documents to one API after the other over the time of the trouble. What an API that was killed did not
// answer is counted, and promised nothing.
func (r *vaultRun) uploadAll(n int, over time.Duration) {
	tick := time.NewTicker(over / time.Duration(n))
	defer tick.Stop()
	for i := 0; len(r.accepted) < n; i++ {
		<-tick.C
		doc := upload{topic: "Invoices", text: fmt.Sprintf("Document %d.\nInvoices are bills that somebody has to pay.\n", i)}
		if i%2 == 1 {
			doc = upload{topic: "Contracts", text: fmt.Sprintf("Document %d.\nContracts are agreements that parties signed.\n", i)}
		}
		contentType, form, err := newForm(fmt.Sprintf("%d.txt", i), []byte(doc.text))
		if err != nil {
			r.t.Error("form:", err)
			return
		}
		var answer struct{ ID string }
		status, err := r.call(http.MethodPost, r.addresses[i%len(r.addresses)], "/api/documents/upload", contentType, form, &answer)
		if err != nil || status != http.StatusCreated {
			r.unanswered++
			continue
		}
		doc.id = answer.ID
		r.accepted = append(r.accepted, doc)
	}
}

// trouble does one thing to one of them.
func (r *vaultRun) trouble(round int) {
	switch {
	case round%17 == 0:
		rdb := dial(r.t, r.redis)
		if err := rdb.FlushAll(r.t.Context()).Err(); err != nil {
			r.t.Error(err)
		}
		r.fls++
	case round%12 == 0:
		r.redis.Kill(r.t)
		r.restarts++
		<-time.After(between(r.rnd, 0, time.Second))
		r.redis.Start(r.t)
	case round%7 == 0:
		r.redis.Pause(r.t)
		r.stops++
		<-time.After(between(r.rnd, 100*time.Millisecond, 1300*time.Millisecond))
		r.redis.Resume(r.t)
	case round%9 == 0:
		r.python.Kill()
		r.pythonKills++
		r.startPython()
	case round%5 == 0:
		r.apis[r.rnd.IntN(len(r.apis))].restart()
		r.apiKills++
	default:
		r.workers[r.rnd.IntN(len(r.workers))].restart()
		r.workerKills++
	}
}

// wrong says what is not as it should be with a document.
func (r *vaultRun) wrong(doc upload) string {
	var got found
	if _, err := r.call(http.MethodGet, r.addresses[0], "/api/documents/"+doc.id, "", nil, &got); err != nil {
		return err.Error()
	}
	sum := sha256.Sum256([]byte(doc.text))
	switch {
	case got.Status != "ready":
		return "it is " + got.Status
	case got.SHA256 != hex.EncodeToString(sum[:]) || got.SizeBytes != len(doc.text):
		return "another hash or size"
	case strings.TrimSpace(got.ExtractedText) != strings.TrimSpace(doc.text):
		return fmt.Sprintf("text %q", got.ExtractedText)
	case len(got.Topics) != 1 || got.Topics[0].Name != doc.topic:
		return fmt.Sprintf("topics %v", got.Topics)
	}
	return ""
}

// settle waits until no document is wrong any more and returns what still is.
func (r *vaultRun) settle(limit time.Duration) map[string]string {
	ctx, cancel := context.WithTimeout(r.t.Context(), limit)
	defer cancel()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	open := slices.Clone(r.accepted)
	for {
		left := map[string]string{}
		open = slices.DeleteFunc(open, func(doc upload) bool {
			what := r.wrong(doc)
			if what != "" {
				left[doc.id] = what
			}
			return what == ""
		})
		if len(open) == 0 || ctx.Err() != nil {
			return left
		}
		<-tick.C
	}
}

// again enqueues the task of every document once more, from outside, and waits until all have run.
func (r *vaultRun) again() {
	c, err := celery.Open(celery.Config{BrokerURL: r.redis.URL})
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Close()
	p, results := celery.NewProducer(c), celery.NewResults(c)
	ctx, cancel := context.WithTimeout(r.t.Context(), 3*time.Minute)
	defer cancel()
	var list []celery.Task
	for _, doc := range r.accepted {
		list = append(list, celery.Task{ID: uuid.NewString(), Name: tasks.ExtractAndClassify, Args: []any{doc.id}, Queue: tasks.DocumentsQueue})
	}
	ids, err := p.SendBatch(ctx, list)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, id := range ids {
		if res, err := results.Wait(ctx, id); err != nil || res.Status != celery.StatusSuccess {
			r.t.Errorf("a task sent once more: %+v, %v", res, err)
		}
	}
}

// runs reads how often documents were begun, and enqueued again, according to their rows.
func (r *vaultRun) runs() (moreThanOnce, byPython, requeued int) {
	db, err := schema.Open(r.db.AppDSN)
	if err != nil {
		r.t.Fatal(err)
	}
	defer db.Close()
	err = db.QueryRowContext(r.t.Context(), `SELECT count(*) FILTER (WHERE attempts > 1), count(*) FILTER (WHERE attempts = 0),
		count(*) FILTER (WHERE task_id IS NOT NULL AND requeues > 0) FROM documents`).Scan(&moreThanOnce, &byPython, &requeued)
	if err != nil {
		r.t.Fatal(err)
	}
	return moreThanOnce, byPython, requeued
}

// TestVault uploads real documents to API processes while those, workers of both kinds and Redis are killed: every document
// that was answered with 201 ends ready, with the right text, hash and topic.
func TestVault(t *testing.T) {
	r := newVaultRun(t, vaultOptions{apis: 2, workers: 2})
	r.startPython()
	documents, trouble := amount(t, "CHAOS_DOCUMENTS", 200), troubleTime(t)
	r.topic("Invoices", "bills to pay")
	r.topic("Contracts", "agreements that parties signed")
	done := make(chan struct{})
	go func() { defer close(done); r.uploadAll(documents, trouble) }()
	began := time.Now()
	for round := 1; time.Since(began) < trouble; round++ {
		<-time.After(between(r.rnd, 150*time.Millisecond, 650*time.Millisecond))
		r.trouble(round)
	}
	<-done
	quiet := time.Now()
	left := r.settle(8 * time.Minute)
	took := time.Since(quiet)
	more, byPython, requeued := r.runs()
	r.again()
	spoiled := r.settle(0)

	var out table
	out.row("documents answered 201; uploads not answered", "%d; %d", len(r.accepted), r.unanswered)
	out.row("killed by SIGKILL", "%d workers, %d Python workers, %d APIs", r.workerKills, r.pythonKills, r.apiKills)
	out.row("Redis killed; frozen; emptied", "%d; %d; %d", r.restarts, r.stops, r.fls)
	out.row("documents ready, as they should be", "%d, the last %v after the trouble", len(r.accepted)-len(left), took.Round(time.Second))
	out.row("documents lost or wrong", "%d", len(left))
	out.row("read by Python alone", "%d", byPython)
	out.row("begun by Go more than once; enqueued again", "%d; %d", more, requeued)
	out.row("all tasks sent once more: documents spoiled", "%d", len(spoiled))
	t.Log(out.String())
	if len(left)+len(spoiled) > 0 {
		t.Errorf("lost or wrong: %v; spoiled: %v", left, spoiled)
	}
}

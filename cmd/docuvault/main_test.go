package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/docuvault/docuvault/adapters/extract"
	"github.com/docuvault/docuvault/adapters/filetype"
	"github.com/docuvault/docuvault/cmd/docuvault/config"
	"github.com/docuvault/docuvault/cmd/docuvault/serve"
	"github.com/docuvault/docuvault/cmd/docuvault/shell"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/internal/testenv"
	"github.com/docuvault/docuvault/ports"
)

// The test binary plays the program, so that tests run it as processes that signals reach and that can be killed.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == extract.WorkerCommand {
		os.Exit(extract.Main(filetype.New()))
	}
	testenv.Main(m, testenv.Roles{
		"program":                  playProgram,
		"api that halts":           apiThatHalts,
		"api that halts at a step": apiThatHaltsAtAStep,
		"worker that halts": func() {
			haltingWorker(shell.Hooks{Extractor: func(ports.Extractor) ports.Extractor { return haltingExtractor{} }})
		},
		"export that halts":      exportThatHalts,
		"restore that halts":     restoreThatHalts,
		"worker with thumbnails": func() { picturingWorker(shell.Hooks{}) },
		"worker that halts after its thumbnail": func() {
			picturingWorker(shell.Hooks{Storage: func(s ports.StorageBackend) ports.StorageBackend { return haltingThumbnails{s} }})
		},
	})
}

const argsVariable = "DOCUVAULT_TEST_ARGS"

// playProgram is main, with its arguments from a variable.
func playProgram() {
	var args []string
	if err := json.Unmarshal([]byte(os.Getenv(argsVariable)), &args); err != nil {
		panic(err)
	}
	redis.SetLogger(silence{})
	ctx, stop := signals()
	code := run(ctx, args, os.Environ(), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// process starts the program as a process.
func process(t *testing.T, env []string, args ...string) *testenv.ChildProcess {
	t.Helper()
	text, err := json.Marshal(args)
	if err != nil {
		t.Fatal(err)
	}
	return testenv.Child(t, "program", slices.Concat(env, []string{argsVariable + "=" + string(text)})...)
}

// once runs the program in this process to its end.
func once(t *testing.T, env []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out, errs bytes.Buffer
	code = run(ctx, args, env, &out, &errs)
	return code, out.String(), errs.String()
}

// exitCode waits for a process to end.
func exitCode(t *testing.T, c *testenv.ChildProcess) int {
	t.Helper()
	limit := time.NewTimer(time.Minute)
	defer limit.Stop()
	select {
	case <-c.Done():
	case <-limit.C:
		t.Fatalf("still running after a minute:\n%s", c.Output())
	}
	err := c.Wait()
	var exit interface{ ExitCode() int }
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	t.Fatal(err)
	return -1
}

// stop ends a process as an operator does, and expects it to end well.
func stop(t *testing.T, c *testenv.ChildProcess) {
	t.Helper()
	c.Signal(t, syscall.SIGTERM)
	if code := exitCode(t, c); code != 0 {
		t.Errorf("exit code %d:\n%s", code, c.Output())
	}
}

// realServices is the environment of api and worker on a database, a bucket and a Redis of this test's own.
type realServices struct {
	db    testenv.Database
	s3    testenv.S3Server
	redis testenv.RedisServer
	env   []string
}

func services(t *testing.T) realServices {
	t.Helper()
	return servicesOn(t, testenv.Schema(t))
}

// servicesOn is services on a database of the caller's.
func servicesOn(t *testing.T, db testenv.Database) realServices {
	t.Helper()
	s3 := testenv.S3(t)
	r := realServices{db: db, redis: testenv.Redis(t), s3: s3}
	r.env = []string{
		"DATABASE_URL=" + r.db.AppDSN, "REDIS_URL=" + r.redis.URL, "MINIO_ENDPOINT=" + s3.Endpoint, "MINIO_ACCESS_KEY=" + s3.AccessKey,
		"MINIO_SECRET_KEY=" + s3.SecretKey, "MINIO_BUCKET=" + testenv.Bucket(t, s3), "SECRET_KEY=0123456789abcdef0123456789abcdef",
		"LISTEN_ADDR=127.0.0.1:0", "LOG_FORMAT=json", "LOG_LEVEL=warn", "DATABASE_MAX_CONNS=8", "WORKER_CONCURRENCY=2",
	}
	return r
}

// vault is a running API.
type vault struct {
	url    string
	client *http.Client
}

// listening waits until a process says where its API is.
func listening(t *testing.T, c *testenv.ChildProcess) vault {
	t.Helper()
	line := c.WaitLine(t, "listening on ")
	return vault{strings.TrimPrefix(line, "listening on "), &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}}
}

// document is what the tests look at of one.
type document struct {
	ID            string  `json:"id"`
	Status        string  `json:"status"`
	ExtractedText string  `json:"extracted_text"`
	Topics        []topic `json:"topics"`
}

type topic struct {
	Name string `json:"name"`
}

// call makes one request and returns the status.
func (v vault) call(method, path, contentType string, body io.Reader, answer any) (int, error) {
	request, err := http.NewRequest(method, v.url+path, body)
	if err != nil {
		return 0, err
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := v.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close() // read to its end below
	text, err := io.ReadAll(response.Body)
	if err == nil && answer != nil && response.StatusCode < 300 {
		err = json.Unmarshal(text, answer)
	}
	if err != nil {
		return response.StatusCode, fmt.Errorf("%s %s: %w: %s", method, path, err, text)
	}
	return response.StatusCode, nil
}

// upload sends a document.
func (v vault) upload(name, text string) (document, int, error) {
	contentType, body, err := newForm(name, text)
	if err != nil {
		return document{}, 0, err
	}
	var doc document
	status, err := v.call(http.MethodPost, "/api/documents/upload", contentType, body, &doc)
	return doc, status, err
}

// newForm is the body of an upload.
func newForm(name, text string) (contentType string, body io.Reader, err error) {
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("file", name)
	if err == nil {
		_, err = io.WriteString(part, text)
	}
	return w.FormDataContentType(), &form, errors.Join(err, w.Close())
}

func (v vault) addTopic(t *testing.T, name string) {
	t.Helper()
	if status, err := v.call(http.MethodPost, "/api/topics", "application/json", strings.NewReader(fmt.Sprintf(`{"name":%q}`, name)), nil); err != nil || status != http.StatusCreated {
		t.Fatalf("add a topic: %d, %v", status, err)
	}
}

func (v vault) mustUpload(t *testing.T, name, text string) document {
	t.Helper()
	doc, status, err := v.upload(name, text)
	if err != nil || status != http.StatusCreated {
		t.Fatalf("upload: status %d, %v", status, err)
	}
	return doc
}

// ready waits until a document is ready.
func (v vault) ready(t *testing.T, id string, within time.Duration) document {
	t.Helper()
	var doc document
	pause := time.NewTicker(100 * time.Millisecond)
	defer pause.Stop()
	testenv.Eventually(t, within, func() error {
		<-pause.C
		status, err := v.call(http.MethodGet, "/api/documents/"+id, "", nil, &doc)
		switch {
		case err != nil:
			return err
		case status != http.StatusOK || doc.Status != "ready":
			return fmt.Errorf("status %d, document %s is %q", status, id, doc.Status)
		}
		return nil
	})
	return doc
}

func (v vault) health(t *testing.T) (string, int) {
	t.Helper()
	var health struct {
		Status string `json:"status"`
	}
	response, err := v.client.Get(v.url + "/health")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() // read to its end
	if err := json.NewDecoder(response.Body).Decode(&health); err != nil {
		t.Fatal(err)
	}
	return health.Status, response.StatusCode
}

// The shells below are the real ones with one adapter that stops at a named point, says so and waits to be killed.

func loadForTest(use config.Use) *config.Config {
	cfg, err := config.Load(config.Input{Use: use, Need: use, Env: os.Environ()})
	if err != nil {
		panic(err)
	}
	return cfg
}

func testLog() *slog.Logger { return slog.New(slog.NewTextHandler(os.Stderr, nil)) }

func halt(ctx context.Context, where string) {
	fmt.Println(where)
	<-ctx.Done()
}

func apiThatHalts() {
	err := serve.RunAPI(context.Background(), loadForTest(config.API), testLog(), serve.Options{
		Hooks: shell.Hooks{Storage: func(s ports.StorageBackend) ports.StorageBackend { return haltingStorage{s} }},
		Ready: func(url string) { fmt.Println("listening on " + url) },
	})
	fmt.Fprintln(os.Stderr, err)
}

// haltingStorage stops between the bytes and the row of an upload.
type haltingStorage struct{ ports.StorageBackend }

func (s haltingStorage) Put(ctx context.Context, key domain.ObjectKey, r io.Reader, size int64, contentType string) (int64, error) {
	n, err := s.StorageBackend.Put(ctx, key, r, size, contentType)
	halt(context.Background(), "halted after put")
	return n, err
}

func haltingWorker(hooks shell.Hooks) {
	ctx, stop := signals()
	err := shell.RunWorker(ctx, loadForTest(config.Worker), testLog(), "test", hooks, nil)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitError)
	}
}

// haltingExtractor stops in the middle of a task.
type haltingExtractor struct{}

func (haltingExtractor) Extract(ctx context.Context, _ ports.Source) (ports.Extraction, error) {
	halt(ctx, "halted in task")
	return ports.Extraction{}, ctx.Err()
}

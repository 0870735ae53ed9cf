package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/docuvault/docuvault/internal/testenv"
)

func TestUploadIsReadyWithAWorkerOfItsOwn(t *testing.T) {
	t.Parallel()
	s := services(t)
	worker := process(t, s.env, "worker", "--concurrency", "1")
	api := process(t, s.env, "api")
	worker.WaitLine(t, "worker ")
	v := listening(t, api)

	var made topic
	if status, err := v.call(http.MethodPost, "/api/topics", "application/json", strings.NewReader(`{"name":"Invoices","description":"bills to pay"}`), &made); err != nil || status != http.StatusCreated {
		t.Fatalf("add a topic: %d, %v", status, err)
	}
	doc := v.mustUpload(t, "invoice.txt", "Invoices are bills that somebody has to pay.\n")
	doc = v.ready(t, doc.ID, time.Minute)
	if !strings.Contains(doc.ExtractedText, "bills that somebody") || !slices.Contains(doc.Topics, topic{"Invoices"}) {
		t.Errorf("document: %+v", doc)
	}

	code, stdout, stderr := once(t, nil, "health", "--url", v.url)
	if code != 0 || stdout != "ok\n" {
		t.Errorf("health: %d %s%s", code, stdout, stderr)
	}
	if code, stdout, stderr := once(t, s.env, "health", "--worker"); code != 0 || strings.Count(stdout, " ok\n") != 3 {
		t.Errorf("health --worker: %d %s%s", code, stdout, stderr)
	}
	code, stdout, stderr = once(t, s.env, "sweep")
	if code != 0 || !strings.Contains(stdout, "1 objects: 0 that no document names") || !strings.Contains(stdout, "1 documents: 0 without") {
		t.Errorf("sweep: %d %s%s", code, stdout, stderr)
	}
	stop(t, api)
	stop(t, worker)
}

// Redis being down at the start is no reason not to start: uploads are taken, and processed once it is back (D-07).
func TestServicesStartWithoutRedis(t *testing.T) {
	t.Parallel()
	s := services(t)
	s.redis.Kill(t)
	api, worker := process(t, s.env, "api"), process(t, s.env, "worker")
	v := listening(t, api)
	worker.WaitLine(t, "worker ")
	if status, code := v.health(t); status != "degraded" || code != http.StatusOK {
		t.Errorf("health: %s, %d", status, code)
	}
	if code, stdout, _ := once(t, s.env, "health", "--worker"); code != 1 || strings.Count(stdout, " ok\n") != 2 {
		t.Errorf("health --worker: %d %s", code, stdout)
	}
	doc := v.mustUpload(t, "a.txt", "text")
	s.redis.Start(t)
	v.ready(t, doc.ID, 2*time.Minute)
	stop(t, api)
	stop(t, worker)
}

// Storage being down at the start is no reason not to start either: /health says so, uploads are refused with the advice to try
// again, and the bucket is made as soon as the server is there (D-07).
func TestServicesStartWithoutStorage(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"api", "worker"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			s, s3 := services(t), testenv.OwnS3(t)
			s.env = append(s.env, "MINIO_ENDPOINT="+s3.Endpoint, "MINIO_ACCESS_KEY="+s3.AccessKey, "MINIO_SECRET_KEY="+s3.SecretKey, "MINIO_BUCKET=made-later")
			s3.Kill(t)
			program := process(t, s.env, command)
			var v vault
			switch command {
			case "api":
				v = listening(t, program)
				if status, code := v.health(t); status != "unavailable" || code != http.StatusServiceUnavailable {
					t.Errorf("health: %s, %d", status, code)
				}
				if _, status, err := v.upload("a.txt", "refused"); status != http.StatusServiceUnavailable {
					t.Errorf("upload: %d, %v", status, err)
				}
			case "worker":
				program.WaitLine(t, "worker ")
			}
			s3.Start(t)
			testenv.Eventually(t, time.Minute, func() error {
				if code, stdout, stderr := once(t, s.env, "health", "--worker"); code != 0 {
					return fmt.Errorf("health --worker: %d %s%s", code, stdout, stderr)
				}
				return nil
			})
			if command == "api" {
				if status, code := v.health(t); status != "ok" || code != http.StatusOK {
					t.Errorf("health: %s, %d", status, code)
				}
				v.mustUpload(t, "a.txt", "taken")
			}
			stop(t, program)
		})
	}
}

// A database that is a moment late is waited for. One that stays away is an error that says what to do (TestServicesRefuseToStart):
// without it nobody knows whether its tables are those of this program.
func TestServicesWaitForPostgres(t *testing.T) {
	t.Parallel()
	s := services(t)
	late := newLateServer(t, s.db.AppDSN, 4) // two tries of each, or more of one
	s.env = append(s.env, "DATABASE_URL="+late.dsn)
	api, worker := process(t, s.env, "api"), process(t, s.env, "worker")
	v := listening(t, api)
	worker.WaitLine(t, "worker ")
	if status, code := v.health(t); status != "ok" || code != http.StatusOK {
		t.Errorf("health: %s, %d", status, code)
	}
	stop(t, api)
	stop(t, worker)
}

func TestServicesRefuseToStart(t *testing.T) {
	t.Parallel()
	s := services(t)
	empty := testenv.Postgres(t)
	older := testenv.Schema(t)
	execute(t, older.MigrateDSN, "ALTER TABLE documents DROP COLUMN object_key")
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	for name, c := range map[string]struct {
		commands []string
		env      string
		code     int
		says     string
	}{
		"no schema":        {[]string{"api", "worker"}, "DATABASE_URL=" + empty.AppDSN, 1, "docuvault schema apply"},
		"older schema":     {[]string{"api", "worker", "sweep"}, "DATABASE_URL=" + older.AppDSN, 1, "documents.object_key is missing; run `docuvault schema apply` first"},
		"superuser":        {[]string{"api", "worker", "sweep"}, "DATABASE_URL=" + s.db.SuperDSN, 1, "is a superuser"},
		"owner":            {[]string{"api", "worker", "sweep"}, "DATABASE_URL=" + s.db.MigrateDSN, 1, "a role that owns tables"},
		"no postgres":      {[]string{"api", "worker"}, "DATABASE_URL=postgres://docuvault_app:canary@127.0.0.1:1/docuvault", 1, "PostgreSQL cannot be reached"},
		"broken address":   {[]string{"api", "worker"}, "DATABASE_URL=postgres://docuvault_app:canary@127.0.0.1:notaport/docuvault", 2, "DATABASE_URL"},
		"broken redis":     {[]string{"api", "worker"}, "REDIS_URL=redis://:canary@127.0.0.1:notaport/0", 2, "REDIS_URL"},
		"port taken":       {[]string{"api"}, "LISTEN_ADDR=" + taken.Addr().String(), 1, "something listens on " + taken.Addr().String() + " already"},
		"secret forgotten": {[]string{"api"}, "SECRET_KEY=", 2, "SECRET_KEY is not set"},
	} {
		for _, command := range c.commands {
			t.Run(name+"/"+command, func(t *testing.T) {
				t.Parallel()
				code, stdout, stderr := once(t, append(slices.Clone(s.env), c.env), command)
				if code != c.code || !strings.Contains(stderr, c.says) {
					t.Errorf("code %d, want %d\n%s%s", code, c.code, stdout, stderr)
				}
				if strings.Contains(stdout+stderr, "canary") {
					t.Errorf("a password is shown:\n%s%s", stdout, stderr)
				}
			})
		}
	}
}

// After SIGTERM a request under way is finished, new ones are refused, and the process ends with 0.
func TestStopFinishesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	s := services(t)
	api := process(t, s.env, "api")
	v := listening(t, api)

	// An upload whose last byte comes only after the signal.
	body := newSlowForm("late.txt", "begun before the signal, ")
	type answer struct {
		status int
		doc    document
		err    error
	}
	answered := make(chan answer, 1)
	go func() {
		var a answer
		a.status, a.err = v.call(http.MethodPost, "/api/documents/upload", body.contentType, body, &a.doc)
		answered <- a
	}()
	<-body.begun
	api.Signal(t, syscall.SIGTERM)
	testenv.Eventually(t, 10*time.Second, func() error {
		conn, err := net.DialTimeout("tcp", strings.TrimPrefix(v.url, "http://"), time.Second)
		if err != nil {
			return nil // refused: it no longer accepts
		}
		return errors.Join(errors.New("still accepts"), conn.Close())
	})
	body.finish("finished after it.")
	if a := <-answered; a.err != nil || a.status != http.StatusCreated {
		t.Errorf("the upload under way: %d, %v", a.status, a.err)
	}
	if code := exitCode(t, api); code != 0 {
		t.Errorf("exit code %d:\n%s", code, api.Output())
	}
}

// What does not finish in time is cut off, and a second signal does not wait at all.
func TestStopHasAnEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		timeout string
		signals int
		code    int
	}{
		"deadline":      {"1s", 1, 0},
		"second signal": {"1h", 2, 130},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := services(t)
			api := process(t, s.env, "api", "--shutdown-timeout", c.timeout)
			v := listening(t, api)
			body := newSlowForm("never.txt", "never ends")
			done := make(chan struct{})
			go func() {
				defer close(done)
				_, _ = v.call(http.MethodPost, "/api/documents/upload", body.contentType, body, nil)
			}()
			<-body.begun
			for range c.signals {
				api.Signal(t, syscall.SIGTERM)
				testenv.Eventually(t, 10*time.Second, func() error {
					conn, err := net.DialTimeout("tcp", strings.TrimPrefix(v.url, "http://"), time.Second)
					if err != nil {
						return nil
					}
					return errors.Join(errors.New("still accepts"), conn.Close())
				})
			}
			if code := exitCode(t, api); code != c.code {
				t.Errorf("exit code %d, want %d:\n%s", code, c.code, api.Output())
			}
			body.finish("")
			<-done
		})
	}
}

// The probe judges by status, and knows what is no health report.
func TestHealthCommand(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		code   int
	}{
		"ok":          {200, `{"status":"ok"}`, 0},
		"degraded":    {200, `{"status":"degraded"}`, 0},
		"unavailable": {503, `{"status":"unavailable","checks":{}}`, 1},
		"other":       {200, `<html>`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/health" {
					t.Errorf("asked for %s", r.URL.Path)
				}
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			}))
			t.Cleanup(server.Close)
			for _, args := range [][]string{{"--url", server.URL}, {"--listen", strings.TrimPrefix(server.URL, "http://")}} {
				if code, stdout, stderr := once(t, nil, append([]string{"health"}, args...)...); code != c.code {
					t.Errorf("code %d, want %d: %s%s", code, c.code, stdout, stderr)
				}
			}
		})
	}
}

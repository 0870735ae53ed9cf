package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/docuvault/docuvault/internal/testenv"
)

// gate stands before an API and lets so many uploads through.
type gate struct {
	url    string
	left   atomic.Int32
	closed chan struct{} // gets one for each upload that has to wait
}

func newGate(t *testing.T, target string, uploads int32) *gate {
	t.Helper()
	to, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{closed: make(chan struct{}, 100)}
	g.left.Store(uploads)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && g.left.Add(-1) < 0 {
			_, _ = io.Copy(io.Discard, r.Body) // only then the server sees that the client went away
			g.closed <- struct{}{}
			<-r.Context().Done()
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	g.url = server.URL
	return g
}

func manyFiles(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d.txt", i)), fmt.Appendf(nil, "text %d", i), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestImportAfterCtrlC: an import that is interrupted says so, and the next one brings in the rest, each file once.
func TestImportAfterCtrlC(t *testing.T) {
	t.Parallel()
	s := services(t)
	api := process(t, s.env, "api")
	v := listening(t, api)
	dir := manyFiles(t, 8)
	g := newGate(t, v.url, 3)
	running := process(t, nil, "import", dir, "--server", g.url, "--parallel", "1")
	select {
	case <-g.closed:
	case <-time.After(time.Minute):
		t.Fatalf("no upload came:\n%s", running.Output())
	}
	running.Signal(t, syscall.SIGINT)
	if code := exitCode(t, running); code != exitError || !strings.Contains(running.Output(), "3 imported") || !strings.Contains(running.Output(), "cut off; run it again") {
		t.Errorf("interrupted: %d\n%s", code, running.Output())
	}
	code, stdout, stderr := once(t, nil, "import", dir, "--server", v.url, "--json")
	var summary importSummary
	if err := json.Unmarshal([]byte(stdout), &summary); err != nil {
		t.Fatalf("%v: %s%s", err, stdout, stderr)
	}
	if code != exitDone || summary.Imported != 5 || summary.Existing != 3 || summary.Failed+summary.Skipped != 0 || summary.CutOff || len(summary.Files) != 8 {
		t.Errorf("again: %d %+v %s", code, summary, stderr)
	}
	var docs []document
	if status, err := v.call(http.MethodGet, "/api/documents", "", nil, &docs); err != nil || status != http.StatusOK || len(docs) != 8 {
		t.Errorf("%d documents, %d, %v", len(docs), status, err)
	}

	// The consume folder: what is stored goes, and Ctrl-C is the way to end it.
	watched := manyFiles(t, 2)
	watching := process(t, nil, "import", "--watch", watched, "--server", v.url, "--settle", "1s")
	testenv.Eventually(t, time.Minute, func() error {
		if entries, err := os.ReadDir(watched); err != nil || len(entries) > 0 {
			return fmt.Errorf("%d files are left, %w", len(entries), err)
		}
		return nil
	})
	watching.Signal(t, syscall.SIGINT)
	if code := exitCode(t, watching); code != exitDone || !strings.Contains(watching.Output(), "existing  "+filepath.Join(watched, "00.txt")) {
		t.Errorf("watching: %d\n%s", code, watching.Output())
	}
	stop(t, api)
}

func TestImportUsage(t *testing.T) {
	t.Parallel()
	dir := manyFiles(t, 1)
	for _, args := range [][]string{
		{"import"}, {"import", dir, "--on-duplicate", "perhaps"}, {"import", dir, "--parallel", "0"}, {"import", dir, "--settle", "1ms"},
	} {
		if code, _, stderr := once(t, nil, args...); code != exitUsage || !strings.Contains(stderr, "docuvault import --help") {
			t.Errorf("%v: %d %s", args, code, stderr)
		}
	}
	for _, args := range [][]string{{"import", filepath.Join(dir, "gone")}, {"import", dir, "--topic", "Nowhere"}} {
		empty := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte(map[bool]string{true: "[]", false: "{}"}[strings.HasSuffix(r.URL.Path, "topics")]))
		}))
		if code, _, stderr := once(t, nil, append(args, "--server", empty.URL)...); code != exitError || stderr == "" {
			t.Errorf("%v: %d %s", args, code, stderr)
		}
		empty.Close()
	}
}

// TestImportIntoADataFolder: a vault that is not running takes files too, and has them when it runs.
func TestImportIntoADataFolder(t *testing.T) {
	t.Parallel()
	data, dir := dataDir(t), manyFiles(t, 2)
	env := []string{"WORKER_CONCURRENCY=1"}
	for _, want := range []string{"2 imported (12 bytes), 0 in the vault already", "0 imported (0 bytes), 2 in the vault already"} {
		running := process(t, env, "import", dir, "--data", data)
		if code := exitCode(t, running); code != exitDone || !strings.Contains(running.Output(), want) {
			t.Errorf("%d, want %q:\n%s", code, want, running.Output())
		}
	}
	up, v := upOn(t, data)
	var docs []document
	if _, err := v.call(http.MethodGet, "/api/documents", "", nil, &docs); err != nil || len(docs) != 2 {
		t.Fatalf("%d documents, %v", len(docs), err)
	}
	for _, doc := range docs {
		v.ready(t, doc.ID, time.Minute)
	}
	stop(t, up)
}

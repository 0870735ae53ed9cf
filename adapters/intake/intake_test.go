package intake_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/docuvault/docuvault/adapters/filetype"
	"github.com/docuvault/docuvault/adapters/intake"
	"github.com/docuvault/docuvault/adapters/memory"
	"github.com/docuvault/docuvault/adapters/rest"
	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is a vault in memory behind a real HTTP server, whose front a test may change.
type house struct {
	t       *testing.T
	vault   *app.Vault
	url     string
	front   atomic.Pointer[func(http.Handler) http.Handler]
	uploads atomic.Int32
}

func open(t *testing.T) *house {
	t.Helper()
	h := &house{t: t}
	links, err := app.NewLinkSigner("a secret for tests")
	if err != nil {
		t.Fatal(err)
	}
	h.vault = app.NewVault(app.VaultConfig{MaxUpload: 1 << 20, AllowedTypes: []string{"text/plain"}}, app.VaultDeps{
		Storage: memory.NewStorage(time.Now), Repo: memory.NewRepository(), Queue: &memory.Queue{}, Types: filetype.New(), Links: links,
	})
	api, err := rest.New(rest.Config{}, h.vault, nil)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(nil)
	server.Config = api.Server()
	inner := server.Config.Handler
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/upload") {
			h.uploads.Add(1)
		}
		if front := h.front.Load(); front != nil {
			(*front)(inner).ServeHTTP(w, r)
			return
		}
		inner.ServeHTTP(w, r)
	})
	server.Start()
	t.Cleanup(server.Close)
	h.url = server.URL
	return h
}

// before has a handler asked first; it answers if it returns true.
func (h *house) before(answers func(http.ResponseWriter, *http.Request) bool) {
	front := func(inner http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !answers(w, r) {
				inner.ServeHTTP(w, r)
			}
		})
	}
	h.front.Store(&front)
}

// documents returns what is in the vault, by name.
func (h *house) documents() map[string]domain.Document {
	h.t.Helper()
	docs, _, err := h.vault.Documents(h.t.Context(), domain.Nobody, ports.DocumentQuery{Limit: 1000})
	if err != nil {
		h.t.Fatal(err)
	}
	named := map[string]domain.Document{}
	for _, doc := range docs {
		named[string(doc.Name)] = doc
	}
	if len(named) != len(docs) {
		h.t.Errorf("%d documents with %d names", len(docs), len(named))
	}
	return named
}

// results is an observer that keeps what it is told.
type results struct {
	mu    sync.Mutex
	found int64
	sent  int64
	done  map[string]intake.Result
	order chan intake.Result
}

func newResults() *results {
	return &results{done: map[string]intake.Result{}, order: make(chan intake.Result, 1000)}
}

func (r *results) Found(_ int, bytes int64) { r.mu.Lock(); r.found += bytes; r.mu.Unlock() }
func (r *results) Sent(bytes int64)         { r.mu.Lock(); r.sent += bytes; r.mu.Unlock() }
func (r *results) Done(result intake.Result) {
	r.mu.Lock()
	r.done[result.Path] = result
	r.mu.Unlock()
	r.order <- result
}

// run imports once and returns what became of each file, by its path below dir.
func (h *house) run(dir string, change ...func(*intake.Config)) map[string]intake.Result {
	h.t.Helper()
	cfg := intake.Config{Server: h.url, Paths: []string{dir}}
	for _, c := range change {
		c(&cfg)
	}
	seen := newResults()
	in, err := intake.Open(h.t.Context(), cfg, seen)
	if err != nil {
		h.t.Fatal(err)
	}
	defer in.Close()
	if err := in.Run(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	if seen.sent != seen.found {
		h.t.Errorf("%d of %d bytes were counted", seen.sent, seen.found)
	}
	below := map[string]intake.Result{}
	for path, result := range seen.done {
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			h.t.Fatal(err)
		}
		below[filepath.ToSlash(rel)] = result
	}
	return below
}

func outcomes(all map[string]intake.Result) map[string]intake.Outcome {
	out := map[string]intake.Outcome{}
	for path, result := range all {
		out[path] = result.Outcome
	}
	return out
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for path, content := range files {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestImportOfAFolder(t *testing.T) {
	t.Parallel()
	h, dir := open(t), t.TempDir()
	topic, err := h.vault.AddTopic(t.Context(), domain.Nobody, "Taxes", "", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.vault.AddFolder(t.Context(), domain.Nobody, domain.FolderID{}, "a"); err != nil {
		t.Fatal(err)
	}
	write(t, dir, map[string]string{
		"top.txt": "on top", "a/one.txt": "in a", "a/b/two.txt": "in b", `a/b/odd "name" ü.txt`: "odd", ".hidden.txt": "h", ".git/config.txt": "h",
		"empty.txt": "", "large.txt": strings.Repeat("x", 1<<20+1), "page.html": "<!doctype html><html><body>not taken</body></html>",
	})
	if err := os.Symlink(filepath.Join(dir, "top.txt"), filepath.Join(dir, "link.txt")); err != nil {
		t.Fatal(err)
	}
	settings := func(cfg *intake.Config) { cfg.Topics, cfg.FolderFromPath = []string{"Taxes"}, true }
	got := h.run(dir, settings)
	want := map[string]intake.Outcome{"top.txt": intake.Imported, "a/one.txt": intake.Imported, "a/b/two.txt": intake.Imported,
		`a/b/odd "name" ü.txt`: intake.Imported, "empty.txt": intake.Skipped, "large.txt": intake.Skipped, "page.html": intake.Skipped, "link.txt": intake.Skipped}
	if !equal(outcomes(got), want) {
		t.Fatalf("got %+v", got)
	}
	for path, reason := range map[string]string{"empty.txt": "empty", "large.txt": "larger", "page.html": "text/html", "link.txt": "symbolic link"} {
		if !strings.Contains(got[path].Reason, reason) {
			t.Errorf("%s: %q", path, got[path].Reason)
		}
	}
	docs := h.documents()
	paths := map[string]string{}
	folders, err := h.vault.Folders(t.Context(), domain.Nobody)
	if err != nil || len(folders) != 2 {
		t.Fatalf("folders %+v, %v", folders, err)
	}
	for name, doc := range docs {
		for _, folder := range folders {
			if folder.ID == doc.Folder {
				for _, part := range folder.Path {
					paths[name] += string(part) + "/"
				}
			}
		}
		if len(doc.Topics) != 1 || doc.Topics[0].Topic != topic.ID || !doc.Topics[0].Confirmed {
			t.Errorf("%s is filed under %+v", name, doc.Topics)
		}
	}
	if !equal(paths, map[string]string{"one.txt": "a/", "two.txt": "a/b/", `odd "name" ü.txt`: "a/b/"}) || len(docs) != 4 {
		t.Errorf("in folders %v, documents %d", paths, len(docs))
	}

	// Run again, it sends nothing; with reject it says so; with keep it stores another.
	sent := h.uploads.Load()
	if again := outcomes(h.run(dir, settings)); again["top.txt"] != intake.Present || again["a/b/two.txt"] != intake.Present || h.uploads.Load() != sent+1 { // the page: only the vault can say that it does not take it
		t.Errorf("again: %v, %d uploads", again, h.uploads.Load()-sent)
	}
	one := filepath.Join(dir, "top.txt")
	if rejected := h.run(one, func(cfg *intake.Config) { cfg.OnDuplicate = intake.Reject })["."]; rejected.Outcome != intake.Skipped || !strings.Contains(rejected.Reason, docs["top.txt"].ID.String()) {
		t.Errorf("rejected: %+v", rejected)
	}
	if kept := h.run(one, func(cfg *intake.Config) { cfg.OnDuplicate = intake.Keep })["."]; kept.Outcome != intake.Imported || kept.Document == docs["top.txt"].ID.String() {
		t.Errorf("kept: %+v", kept)
	}
}

func equal[K, V comparable](a, b map[K]V) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w, ok := b[k]; !ok || v != w {
			return false
		}
	}
	return true
}

// TestBusyVault: "not now" is waited for as long as it says, by all uploads at once, and nothing is lost or stored twice.
func TestBusyVault(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusServiceUnavailable, http.StatusTooManyRequests} {
		h, dir := open(t), t.TempDir()
		files := map[string]string{}
		for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
			files[name+".txt"] = "content of " + name
		}
		write(t, dir, files)
		var refused atomic.Int64 // when the last was, in nanoseconds
		var left atomic.Int32
		left.Store(3)
		h.before(func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodPost {
				return false
			}
			if since := time.Since(time.Unix(0, refused.Load())); left.Load() < 3 && since > 300*time.Millisecond && since < 900*time.Millisecond {
				t.Errorf("an upload %s after the vault asked for a second", since)
			}
			if left.Add(-1) < 0 {
				return false
			}
			refused.Store(time.Now().UnixNano())
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(status)
			return true
		})
		for path, result := range h.run(dir) {
			if result.Outcome != intake.Imported {
				t.Errorf("%s: %+v", path, result)
			}
		}
		if docs := h.documents(); len(docs) != len(files) {
			t.Errorf("%d documents", len(docs))
		}
	}
}

// TestPatienceEnds: a vault that never has time fails the files, and says why.
func TestPatienceEnds(t *testing.T) {
	t.Parallel()
	h, dir := open(t), t.TempDir()
	write(t, dir, map[string]string{"a.txt": "a"})
	h.before(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPost {
			return false
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `{"detail":"storage is out of reach"}`)
		return true
	})
	got := h.run(dir, func(cfg *intake.Config) { cfg.Patience = time.Second / 2 })["a.txt"]
	if got.Outcome != intake.Failed || got.Reason != "storage is out of reach" {
		t.Errorf("%+v", got)
	}
}

// TestOtherBytesThanSent: an answer that names other bytes is no success.
func TestOtherBytesThanSent(t *testing.T) {
	t.Parallel()
	h, dir := open(t), t.TempDir()
	write(t, dir, map[string]string{"a.txt": "a"})
	h.before(wrongDigest)
	if got := h.run(dir)["a.txt"]; got.Outcome != intake.Failed || !strings.Contains(got.Reason, "other bytes") {
		t.Errorf("%+v", got)
	}
}

func wrongDigest(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodPost {
		return false
	}
	_, _ = io.Copy(io.Discard, r.Body)
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(map[string]string{"id": "x", "sha256": strings.Repeat("0", 64)})
	return true
}

func TestWhatCannotBegin(t *testing.T) {
	t.Parallel()
	h := open(t)
	stranger := httptest.NewServer(http.NotFoundHandler())
	defer stranger.Close()
	for name, cfg := range map[string]intake.Config{
		"no vault": {Server: stranger.URL}, "no address": {Server: "vault"}, "no policy": {Server: h.url, OnDuplicate: "perhaps"},
		"no such topic": {Server: h.url, Topics: []string{"Nowhere"}},
	} {
		if in, err := intake.Open(t.Context(), cfg, nil); err == nil {
			in.Close()
			t.Errorf("%s: no error", name)
		}
	}
	in, err := intake.Open(t.Context(), intake.Config{Server: h.url, Paths: []string{filepath.Join(t.TempDir(), "gone")}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if in.Run(t.Context()) == nil || in.Watch(t.Context()) == nil {
		t.Error("a path that is not there is no error")
	}
}

// TestWatch: what has settled is stored and removed, what still grows is not touched, what the vault does not take stays.
func TestWatch(t *testing.T) {
	t.Parallel()
	h, dir := open(t), t.TempDir()
	clock := &clock{at: time.Unix(1_800_000_000, 0)}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	seen := newResults()
	in, err := intake.Open(ctx, intake.Config{Server: h.url, Paths: []string{dir}, Poll: 5 * time.Millisecond, Settle: time.Minute, Now: clock.now}, seen)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	write(t, dir, map[string]string{"sub/a.txt": "a", "growing.txt": "one ", "empty.txt": "", "page.html": "<!doctype html><html><body>no</body></html>"})
	ended := make(chan error, 1)
	go func() { ended <- in.Watch(ctx) }()
	next := func() intake.Result {
		t.Helper()
		limit := time.NewTimer(20 * time.Second)
		defer limit.Stop()
		select {
		case result := <-seen.order:
			return result
		case <-limit.C:
			t.Fatal("nothing happens")
			return intake.Result{}
		}
	}
	growing := filepath.Join(dir, "growing.txt")
	// It grows at each step of the clock, so it never settles before the others did.
	got := map[string]intake.Result{}
	for len(got) < 2 {
		if f, err := os.OpenFile(growing, os.O_APPEND|os.O_WRONLY, 0); err != nil {
			t.Fatal(err)
		} else if _, err := f.WriteString("more "); errors.Join(err, f.Close()) != nil {
			t.Fatal(err)
		}
		clock.looked(t, 3)
		clock.advance(40 * time.Second)
		clock.looked(t, 3)
		for len(seen.order) > 0 {
			result := next()
			got[filepath.Base(result.Path)] = result
		}
	}
	if a := got["a.txt"]; a.Outcome != intake.Imported || !a.Removed {
		t.Errorf("a.txt: %+v", a)
	}
	if page := got["page.html"]; page.Outcome != intake.Skipped || page.Removed {
		t.Errorf("page.html: %+v", page)
	}
	clock.looked(t, 3)
	clock.advance(2 * time.Minute)
	if grown := next(); grown.Outcome != intake.Imported || !grown.Removed {
		t.Errorf("growing.txt: %+v", grown)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if left := names(t, dir); !slices.Equal(left, []string{"empty.txt", "page.html", "sub"}) {
		t.Errorf("left are %q", left)
	}
	if docs := h.documents(); len(docs) != 2 || docs["growing.txt"].Size < 9 {
		t.Errorf("documents %+v", docs)
	}
}

// TestWatchNeverRemovesWhatIsNotStored: the vault names other bytes, so the file stays.
func TestWatchNeverRemovesWhatIsNotStored(t *testing.T) {
	t.Parallel()
	h, dir := open(t), t.TempDir()
	h.before(wrongDigest)
	write(t, dir, map[string]string{"a.txt": "a"})
	clock := &clock{at: time.Unix(1_800_000_000, 0)}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	seen := newResults()
	in, err := intake.Open(ctx, intake.Config{Server: h.url, Paths: []string{dir}, Poll: 5 * time.Millisecond, Now: clock.now}, seen)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	ended := make(chan error, 1)
	go func() { ended <- in.Watch(ctx) }()
	clock.looked(t, 3)
	clock.advance(time.Minute)
	if result := <-seen.order; result.Outcome != intake.Failed || result.Removed {
		t.Errorf("%+v", result)
	}
	// It is tried again, and removed once the vault is well.
	h.front.Store(nil)
	clock.looked(t, 3) // so that it is known until when the file is left alone
	clock.advance(time.Minute)
	if result := <-seen.order; result.Outcome != intake.Imported || !result.Removed {
		t.Errorf("%+v", result)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if left := names(t, dir); len(left) != 0 {
		t.Errorf("left are %q", left)
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// clock moves when told and counts how often it was read.
type clock struct {
	mu    sync.Mutex
	at    time.Time
	reads int
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads++
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// looked waits until the clock was read n times more, so that the folder was looked at since.
func (c *clock) looked(t *testing.T, n int) {
	t.Helper()
	c.mu.Lock()
	until := c.reads + n
	c.mu.Unlock()
	limit, tick := time.NewTimer(20*time.Second), time.NewTicker(time.Millisecond)
	defer limit.Stop()
	defer tick.Stop()
	for {
		c.mu.Lock()
		reads := c.reads
		c.mu.Unlock()
		if reads >= until {
			return
		}
		select {
		case <-tick.C:
		case <-limit.C:
			t.Fatal("nobody looks")
		}
	}
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/schema"
	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/cmd/docuvault/config"
	"github.com/docuvault/docuvault/cmd/docuvault/shell"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/internal/testenv"
	"github.com/docuvault/docuvault/ports"
)

const placeVariable = "DOCUVAULT_TEST_PLACE"

// exportThatHalts is an export that stops in the middle of its third object.
func exportThatHalts() {
	parts := partsThatHalt(func(s ports.StorageBackend) ports.StorageBackend { return &haltingGet{StorageBackend: s} })
	sink, err := createBackup(os.Getenv(placeVariable), os.Stdout)
	if err == nil {
		err = export(context.Background(), app.NewExporter(app.ExporterDeps{Storage: parts.Storage, Repo: parts.Repo, Now: parts.Now}), sink, os.Stderr, &bytesBar{}, false)
	}
	fmt.Fprintln(os.Stderr, err)
}

// restoreThatHalts is a restore that stops in the middle of its third object.
func restoreThatHalts() {
	parts := partsThatHalt(func(s ports.StorageBackend) ports.StorageBackend { return &haltingPut{StorageBackend: s} })
	source, err := openBackup(os.Getenv(placeVariable), os.Stdin)
	if err == nil {
		err = restore(context.Background(), app.NewRestorer(app.RestorerDeps{Storage: parts.Storage, Repo: parts.Repo, Now: parts.Now}), source, os.Stderr, &bytesBar{}, false)
	}
	fmt.Fprintln(os.Stderr, err)
}

func partsThatHalt(storage func(ports.StorageBackend) ports.StorageBackend) *shell.Parts {
	parts, err := shell.OpenStores(context.Background(), loadForTest(config.Sweep), testLog(), shell.Hooks{Storage: storage})
	if err != nil {
		panic(err)
	}
	return parts
}

type haltingGet struct {
	ports.StorageBackend
	calls atomic.Int32
}

func (s *haltingGet) Get(ctx context.Context, key domain.ObjectKey, part ports.Range) (io.ReadCloser, ports.Object, error) {
	content, object, err := s.StorageBackend.Get(ctx, key, part)
	if s.calls.Add(1) == 3 && err == nil {
		return struct {
			io.Reader
			io.Closer
		}{io.MultiReader(io.LimitReader(content, 3), halting{}), content}, object, nil
	}
	return content, object, err
}

type haltingPut struct {
	ports.StorageBackend
	calls atomic.Int32
}

func (s *haltingPut) Put(ctx context.Context, key domain.ObjectKey, r io.Reader, size int64, contentType string) (int64, error) {
	if s.calls.Add(1) == 3 {
		r = io.MultiReader(io.LimitReader(r, 3), halting{})
	}
	return s.StorageBackend.Put(ctx, key, r, size, contentType)
}

// halting is a reader that has nothing, and says so.
type halting struct{}

// Read implements io.Reader.
func (halting) Read([]byte) (int, error) {
	halt(context.Background(), "halted in the middle")
	return 0, io.EOF
}

// everything is all that people see of a vault.
func (v vault) everything(t *testing.T) map[string]any {
	t.Helper()
	all := map[string]any{}
	get := func(path string) any {
		t.Helper()
		var answer any
		if status, err := v.call(http.MethodGet, path, "", nil, &answer); err != nil || status != http.StatusOK {
			t.Fatalf("%s: %d, %v", path, status, err)
		}
		all[path] = answer
		return answer
	}
	get("/api/topics")
	get("/api/folders")
	for _, item := range get("/api/documents?limit=100").([]any) {
		doc := item.(map[string]any)
		id := doc["id"].(string)
		full := get("/api/documents/" + id).(map[string]any)
		changing := []string{"storage_backend"}
		if doc["status"] != "ready" && doc["status"] != "failed" { // somebody may be about to process it
			changing = append(changing, "status", "updated_at", "task_id")
		}
		for _, field := range changing {
			delete(doc, field)
			delete(full, field)
		}
		for _, part := range []string{"/content", "/text", "/thumbnail"} {
			response, err := v.client.Get(v.url + "/api/documents/" + id + part)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != http.StatusOK {
				body = nil // it has the number of the request in it
			}
			all[id+part] = fmt.Sprint(response.StatusCode, response.Header.Get("Content-Type"), string(body))
		}
	}
	return all
}

func (v vault) must(t *testing.T, method, path, body string, answer any) {
	t.Helper()
	contentType := ""
	if body != "" {
		contentType = "application/json"
	}
	if status, err := v.call(method, path, contentType, strings.NewReader(body), answer); err != nil || status >= 300 {
		t.Fatalf("%s %s: %d, %v", method, path, status, err)
	}
}

// settled waits until a document's status is final.
func (v vault) settled(t *testing.T, id, want string) {
	t.Helper()
	testenv.Eventually(t, 2*time.Minute, func() error {
		var doc document
		if status, err := v.call(http.MethodGet, "/api/documents/"+id, "", nil, &doc); err != nil || doc.Status != want {
			return fmt.Errorf("document %s: %d, %w, %q in place of %q", id, status, err, doc.Status, want)
		}
		return nil
	})
}

// filledVault is a vault with something of everything in it.
func filledVault(t *testing.T) (realServices, vault) {
	t.Helper()
	s := services(t)
	api, worker := process(t, s.env, "api"), testenv.Child(t, "worker with thumbnails", s.env...)
	v := listening(t, api)
	invoices, letters := v.makeTopic(t, "Invoices"), v.makeTopic(t, "Letters \u00fc \U0001f4ec")
	var outer, inner struct{ ID string }
	v.must(t, http.MethodPost, "/api/folders", `{"name":"outer '; --"}`, &outer)
	v.must(t, http.MethodPost, "/api/folders", `{"name":"inner","parent_id":"`+outer.ID+`"}`, &inner)
	for i, name := range []string{"invoice.txt", "\u05e9\u05dc\u05d5\u05dd.txt", "\u65e5\u672c\u8a9e \U0001f468\u200d\U0001f469.txt", "a'; DROP TABLE documents; --.txt"} {
		doc := v.mustUpload(t, name, fmt.Sprintf("Invoices and letters, number %d", i))
		v.ready(t, doc.ID, 2*time.Minute)
		switch i {
		case 0:
			v.must(t, http.MethodPost, "/api/documents/"+doc.ID+"/topics/"+invoices+"/accept", "", nil)
			v.must(t, http.MethodPatch, "/api/documents/"+doc.ID, `{"folder_id":"`+inner.ID+`"}`, nil)
		case 1: // with a name that only Python stores
			execute(t, s.db.AppDSN, "UPDATE documents SET filename = U&'\\202Egnp.\\000A' || filename WHERE id = '"+doc.ID+"'")
			v.must(t, http.MethodPost, "/api/documents/"+doc.ID+"/topics/"+invoices+"/reject", "", nil)
			v.must(t, http.MethodPost, "/api/documents/"+doc.ID+"/topics/"+letters+"/accept", "", nil)
		}
	}
	broken := v.mustUpload(t, "broken.pdf", "%PDF-1.7\nand nothing of the kind")
	v.settled(t, broken.ID, "failed")
	stop(t, worker)
	v.mustUpload(t, "waiting.txt", "nobody has read this")
	held := v.mustUpload(t, "held.txt", "somebody was reading this")
	execute(t, s.db.AppDSN, "UPDATE documents SET status = 'processing', reconcile_at = now() + interval '1 hour' WHERE id = '"+held.ID+"'")
	return s, v
}

// emptyVault is an empty vault that keeps its objects in a folder.
func emptyVault(t *testing.T) (s realServices, objects string) {
	t.Helper()
	s, objects = services(t), filepath.Join(t.TempDir(), "objects")
	s.env = append(s.env, "STORAGE_BACKEND=filesystem", "STORAGE_DIR="+objects)
	return s, objects
}

func count(t *testing.T, dsn, query string) (n int) {
	t.Helper()
	db, err := schema.Open(dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() // nothing depends on it
	if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// files returns the files below a folder.
func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// sameVault compares two vaults as people see them, by docuvault verify, by docuvault sweep and by where the rows say that the bytes are.
func sameVault(t *testing.T, s realServices, want map[string]any) {
	t.Helper()
	if code, stdout, stderr := once(t, s.env, "verify"); code != exitDone || !strings.Contains(stdout, "7 verified, 0 without a hash but of the right size, 0 different, 0 stored elsewhere") {
		t.Errorf("verify: %d %s%s", code, stdout, stderr)
	}
	if code, stdout, stderr := once(t, s.env, "sweep"); code != exitDone || !strings.Contains(stdout, "0 that no document names") {
		t.Errorf("sweep: %d %s%s", code, stdout, stderr)
	}
	if n := count(t, s.db.AppDSN, "SELECT count(*) FROM documents WHERE storage_backend <> 'filesystem' OR status = 'processing'"); n != 0 {
		t.Errorf("%d rows are as they were in the other place", n)
	}
	api := process(t, s.env, "api")
	v := listening(t, api)
	if got := v.everything(t); !reflect.DeepEqual(got, want) {
		for what := range want {
			if !reflect.DeepEqual(got[what], want[what]) {
				t.Errorf("%s:\n got %v\nwant %v", what, got[what], want[what])
			}
		}
	}
	worker := process(t, s.env, "worker")
	testenv.Eventually(t, 3*time.Minute, func() error {
		if n := count(t, s.db.AppDSN, "SELECT count(*) FROM documents WHERE status = 'ready'"); n != 6 {
			return fmt.Errorf("%d are ready", n)
		}
		return nil
	})
	stop(t, worker)
	stop(t, api)
}

// TestBackupMovesAVault: a vault on PostgreSQL and an S3 server comes back in another place as it was, although both ways are killed in
// the middle and a byte of the backup was flipped for a while.
func TestBackupMovesAVault(t *testing.T) {
	t.Parallel()
	s, v := filledVault(t)
	want, dir := v.everything(t), filepath.Join(t.TempDir(), "backup")

	halting := testenv.Child(t, "export that halts", append(slices.Clone(s.env), placeVariable+"="+dir)...)
	halting.WaitLine(t, "halted in the middle")
	halting.Kill()
	to, objects := emptyVault(t)
	if code, _, stderr := once(t, to.env, "restore", dir); code != exitDifferences || !strings.Contains(stderr, "not finished") {
		t.Errorf("restore of half a backup: %d %s", code, stderr)
	}
	code, stdout, stderr := once(t, s.env, "export", dir, "--json")
	var exported exportSummary
	if err := json.Unmarshal([]byte(stdout), &exported); err != nil || code != exitDone {
		t.Fatalf("export: %d, %v: %s%s", code, err, stdout, stderr)
	}
	if exported.Documents != 7 || exported.Folders != 2 || exported.Topics != 2 || exported.Kept < 1 || exported.Different != 0 || exported.Objects < 11 {
		t.Errorf("%+v", exported)
	}

	one := files(t, filepath.Join(dir, "objects"))[5]
	text, err := os.ReadFile(one)
	if err != nil {
		t.Fatal(err)
	}
	text[1] ^= 1
	flip := func() {
		t.Helper()
		if err := os.WriteFile(one, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	flip()
	if code, _, stderr := once(t, to.env, "restore", dir); code != exitDifferences || !strings.Contains(stderr, filepath.Base(one)) {
		t.Errorf("restore of a damaged backup: %d %s", code, stderr)
	}
	if left := files(t, objects); len(left) != 0 || count(t, to.db.AppDSN, "SELECT count(*) FROM topics") != 0 {
		t.Errorf("a damaged backup was restored in part: %v", left)
	}
	text[1] ^= 1
	flip()

	halting = testenv.Child(t, "restore that halts", append(slices.Clone(to.env), placeVariable+"="+dir)...)
	halting.WaitLine(t, "halted in the middle")
	halting.Kill()
	if n := count(t, to.db.AppDSN, "SELECT count(*) FROM topics"); n != 0 {
		t.Errorf("%d topics were restored", n)
	}
	code, stdout, stderr = once(t, to.env, "restore", dir, "--json")
	var restored restoreSummary
	if err := json.Unmarshal([]byte(stdout), &restored); err != nil || code != exitDone {
		t.Fatalf("restore: %d, %v: %s%s", code, err, stdout, stderr)
	}
	if restored.rowsSummary != exported.rowsSummary || restored.Kept != 2 || restored.Objects != exported.Objects || restored.Bytes != exported.Bytes || restored.Pending != 2 {
		t.Errorf("%+v, of %+v", restored, exported)
	}
	sameVault(t, to, want)
	if code, _, stderr := once(t, to.env, "restore", dir); code != exitDifferences || !strings.Contains(stderr, "7 documents, 2 folders and 2 topics") {
		t.Errorf("restore into a vault that is not empty: %d %s", code, stderr)
	}
	for _, args := range [][]string{{"export"}, {"export", "a", "b"}, {"restore", ""}} {
		if code, _, _ := once(t, s.env, args...); code != exitUsage {
			t.Errorf("%q: exit code %d", args, code)
		}
	}
}

// TestBackupThroughAPipe: docuvault export - | docuvault restore -, and the same by way of a file.
func TestBackupThroughAPipe(t *testing.T) {
	t.Parallel()
	s, v := filledVault(t)
	want := v.everything(t)
	piped, _ := emptyVault(t)
	r, w := io.Pipe()
	var exporting sync.WaitGroup
	var code int
	var said bytes.Buffer
	exporting.Go(func() {
		code = run(t.Context(), []string{"export", "-"}, s.env, w, &said)
		_ = w.Close() // a pipe's cannot fail
	})
	root := newRoot(piped.env)
	root.SetArgs([]string{"restore", "-"})
	root.SetIn(r)
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&out)
	err := root.ExecuteContext(t.Context())
	_ = r.Close() // as above
	exporting.Wait()
	if err != nil || code != exitDone || !strings.Contains(said.String(), "7 documents") {
		t.Fatalf("%v, %s; %d, %s", err, &out, code, &said)
	}
	sameVault(t, piped, want)

	file := filepath.Join(t.TempDir(), "vault.tar")
	if code, stdout, stderr := once(t, s.env, "export", file); code != exitDone {
		t.Fatalf("%d %s%s", code, stdout, stderr)
	}
	filed, objects := emptyVault(t)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	damaged := filepath.Join(t.TempDir(), "damaged.tar")
	whole[bytes.Index(whole, []byte("number 2"))] ^= 1
	if err := os.WriteFile(damaged, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := once(t, filed.env, "restore", damaged); code != exitDifferences || len(files(t, objects)) != 0 {
		t.Errorf("restore of a damaged tar: %d %s", code, stderr)
	}
	if code, stdout, stderr := once(t, filed.env, "restore", file); code != exitDone {
		t.Fatalf("%d %s%s", code, stdout, stderr)
	}
	sameVault(t, filed, want)
}

package main

import (
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/docuvault/docuvault/internal/testenv"
)

// upOn starts `docuvault up` on a data folder.
func upOn(t *testing.T, dir string, args ...string) (*testenv.ChildProcess, vault) {
	t.Helper()
	env := []string{"WORKER_CONCURRENCY=1"}
	up := process(t, env, append([]string{"up", "--data", dir, "--listen", "127.0.0.1:0"}, args...)...)
	line := up.WaitLine(t, "  API ")
	return up, vault{strings.TrimSpace(strings.TrimPrefix(line, "  API")), &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}}
}

// dataDir is a folder that PostgreSQL's user may enter when the tests run as root.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "docuvault-up-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return filepath.Join(dir, "data")
}

func TestUpFindsEverythingAgain(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	up, v := upOn(t, dir)
	if status, code := v.health(t); status != "ok" || code != http.StatusOK {
		t.Errorf("health: %s, %d", status, code)
	}
	doc := v.mustUpload(t, "a.txt", "kept over a restart")
	v.ready(t, doc.ID, time.Minute)
	var link struct {
		URL string `json:"url"`
	}
	if status, err := v.call(http.MethodGet, "/api/documents/"+doc.ID+"/url", "", nil, &link); err != nil || status != http.StatusOK {
		t.Fatalf("ask for a link: %d, %v", status, err)
	}

	// A second program on the same folder is told so.
	if code, _, stderr := once(t, nil, "up", "--data", dir, "--listen", "127.0.0.1:0"); code != 1 || !strings.Contains(stderr, "another docuvault up") {
		t.Errorf("second up: %d %s", code, stderr)
	}
	// One on the same port, too.
	if code, _, stderr := once(t, nil, "up", "--data", filepath.Join(dir, "other"), "--listen", strings.TrimPrefix(v.url, "http://")); code != 1 || !strings.Contains(stderr, "already") {
		t.Errorf("same port: %d %s", code, stderr)
	}
	up.Signal(t, syscall.SIGINT)
	if code := exitCode(t, up); code != 0 {
		t.Errorf("exit code %d:\n%s", code, up.Output())
	}

	up, v2 := upOn(t, dir)
	if again := v2.ready(t, doc.ID, time.Minute); !strings.Contains(again.ExtractedText, "kept over a restart") {
		t.Errorf("document: %+v", again)
	}
	// The secret is the same, so a link given out before is still good.
	path := strings.TrimPrefix(link.URL, v.url)
	if status, err := v2.call(http.MethodGet, path, "", nil, nil); err != nil || status != http.StatusOK {
		t.Errorf("an older link, %s: %d, %v", path, status, err)
	}
	stop(t, up)
}

// Nobody but the owner can read the secrets, and the program does not print them.
func TestUpKeepsItsSecrets(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	up, _ := upOn(t, dir)
	stop(t, up)
	path := filepath.Join(dir, "secrets.json")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %o", info.Mode().Perm())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for secret := range strings.SplitSeq(string(text), `"`) {
		if len(secret) >= 26 && strings.Contains(up.Output(), secret) {
			t.Error("a secret is in the output")
		}
	}
}

// A kill loses nothing that was answered with 201, although the queue was in the killed process.
func TestUpSurvivesAKill(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	up, v := upOn(t, dir)
	var docs []document
	for range 5 {
		docs = append(docs, v.mustUpload(t, "a.txt", "survives"))
	}
	up.Kill()
	up, v = upOn(t, dir)
	for _, doc := range docs {
		v.ready(t, doc.ID, 2*time.Minute)
	}
	stop(t, up)
}

func TestUpBanner(t *testing.T) {
	t.Parallel()
	up, v := upOn(t, dataDir(t))
	up.WaitLine(t, "  Docs   "+v.url+"/docs")
	up.WaitLine(t, "    curl -F file=@document.pdf "+v.url+"/api/documents/upload")
	stop(t, up)
	if strings.Contains(up.Output(), "\x1b[") {
		t.Error("colours although nothing is a terminal")
	}
}

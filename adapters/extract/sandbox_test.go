//go:build linux && (amd64 || arm64)

package extract

import (
	"bytes"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/docuvault/docuvault/adapters/extract/formats/formatstest"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

func TestChildCanDoNothingButCompute(t *testing.T) {
	t.Parallel()
	x := open(t, Config{Children: 1})
	got, err := x.Extract(t.Context(), source(testProbe, "x"))
	if err != nil {
		t.Fatal(err)
	}
	probes := strings.Split(strings.TrimSpace(got.Text), "\n")
	if len(probes) < 15 {
		t.Fatalf("only %d probes were made: %q", len(probes), got.Text)
	}
	for _, line := range probes {
		if what, result, _ := strings.Cut(line, "="); result != "EPERM" {
			t.Errorf("%s: %s, want EPERM", what, result)
		}
	}
	mustWork(t, x)
}

// What a child has is looked at from outside: it can look at nothing itself.
func TestChildIsStartedWithNothing(t *testing.T) {
	t.Setenv("DATABASE_URL", "postgres://secret")
	secret, err := os.CreateTemp(t.TempDir(), "inherited?")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = secret.Close() }()
	if _, err := unix.FcntlInt(secret.Fd(), unix.F_SETFD, 0); err != nil { // as if this program had inherited it
		t.Fatal(err)
	}
	x := open(t, Config{})
	pid, _ := describe(t, x, domain.Nobody)
	proc := "/proc/" + strconv.Itoa(pid)
	environ, err := os.ReadFile(proc + "/environ")
	if err != nil {
		t.Fatal(err)
	}
	for v := range strings.SplitSeq(strings.TrimRight(string(environ), "\x00"), "\x00") {
		if !slices.Contains(environment(), v) {
			t.Errorf("its environment has %s", v)
		}
	}
	if dir, err := os.Readlink(proc + "/cwd"); err != nil || !strings.HasSuffix(dir, " (deleted)") {
		t.Errorf("its working folder %s (%v) has a name", dir, err)
	}
	open, err := os.ReadDir(proc + "/fd")
	if err != nil || len(open) < 3 {
		t.Fatalf("%d descriptors, %v", len(open), err)
	}
	for _, e := range open {
		target, _ := os.Readlink(proc + "/fd/" + e.Name())
		own := []string{"pipe:", "anon_inode:", "/sys/fs/cgroup/"} // the child's runtime opens the latter itself
		if !slices.ContainsFunc(own, func(prefix string) bool { return strings.HasPrefix(target, prefix) }) {
			t.Errorf("descriptor %s is open: %s", e.Name(), target)
		}
	}
	status, err := os.ReadFile(proc + "/status")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"NoNewPrivs:\t1", "Seccomp:\t2"} {
		if !strings.Contains(string(status), want) {
			t.Errorf("its status lacks %q", want)
		}
	}
	threads, err := os.ReadDir(proc + "/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, thread := range threads {
		if status, err := os.ReadFile(proc + "/task/" + thread.Name() + "/status"); err == nil && !strings.Contains(string(status), "Seccomp:\t2") {
			t.Errorf("thread %s is not filtered", thread.Name())
		}
	}
}

func TestProcessorTimeIsLimited(t *testing.T) {
	t.Parallel()
	x := open(t, Config{Children: 1, CPU: time.Second, Timeout: 5 * time.Minute})
	_, err := x.Extract(t.Context(), source(testSpin, "x"))
	mustReason(t, err, ports.ReasonTimeout)
	if message := domain.ErrorMessage(err); !strings.Contains(message, "processor time") {
		t.Errorf("the message is %q: it was the other deadline", message)
	}
	mustWork(t, x)
}

func TestSandboxSaysWhichLayersAreActive(t *testing.T) {
	t.Parallel()
	var logs bytes.Buffer
	x := open(t, Config{RequireSandbox: true})
	x.log = slog.New(slog.NewTextHandler(&logs, nil))
	active, err := x.Sandbox(t.Context())
	if err != nil || len(missing(active)) > 0 {
		t.Fatalf("layers %v, %v", active, err)
	}
	for _, layer := range layers() {
		if !strings.Contains(logs.String(), layer) {
			t.Errorf("the log does not name %s: %s", layer, logs.String())
		}
	}
	mustWork(t, x)
}

func TestFewerLayersAreRefusedWhereTheyAreRequired(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	strict := open(t, Config{Command: []string{self, unconfined}, RequireSandbox: true})
	if _, err := strict.Sandbox(t.Context()); err == nil || !strings.Contains(err.Error(), layerCalls) {
		t.Errorf("error is %v, want one that names %s", err, layerCalls)
	}
	if _, err := strict.Extract(t.Context(), source("text/plain", "x")); domain.ErrorCode(err) != domain.Unavailable {
		t.Errorf("error is %v, want Unavailable", err)
	}
	lenient := open(t, Config{Command: []string{self, unconfined}})
	if active, err := lenient.Sandbox(t.Context()); err != nil || !slices.Equal(active, []string{layerCPU}) {
		t.Errorf("layers %v, %v", active, err)
	}
}

// A PDF after a text needs a child that has loaded its engine before it was confined.
func TestChildWithoutTheEngineMakesRoom(t *testing.T) {
	t.Parallel()
	x := open(t, Config{Children: 1, CacheDir: programsOwn})
	for range 2 {
		mustWork(t, x)
		got, err := x.Extract(t.Context(), source("application/pdf", string(formatstest.PDF("a page"))))
		if err != nil || got.Text != "a page" {
			t.Fatalf("%+v, %v", got, err)
		}
		letter := formatstest.Mail("See the attachment.", formatstest.File{Name: "a.pdf", Content: formatstest.PDF("attached page")})
		got, err = x.Extract(t.Context(), source("message/rfc822", string(letter)))
		if err != nil || !strings.Contains(got.Text, "attached page") {
			t.Fatalf("%+v, %v", got, err)
		}
	}
}

//go:build linux

package extract

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/docuvault/docuvault/domain"
)

// Every layer here has another one behind it. These tests hold each alone.

// What this program inherited without the mark that keeps it from children does not reach a child either.
func TestInheritedDescriptorsStayHere(t *testing.T) {
	secret, err := os.CreateTemp(t.TempDir(), "inherited")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = secret.Close() }()
	inherited, err := syscall.Dup(int(secret.Fd())) // a copy has no such mark
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Close(inherited) }()
	_, about := describe(t, open(t, Config{}), domain.Nobody)
	for _, line := range about {
		if strings.Contains(line, secret.Name()) {
			t.Errorf("the child has %s", line)
		}
	}
}

// Close ends a child in the middle of a document, and idle ones, and returns when both are gone.
func TestCloseEndsBusyAndIdleChildren(t *testing.T) {
	t.Parallel()
	x := open(t, Config{Children: 2, Timeout: time.Hour, Idle: time.Hour})
	other := domain.Owner{1}
	idle, _ := describe(t, x, other)
	busy, _ := describe(t, x, domain.Nobody)
	sent, answered := make(chan struct{}), make(chan error, 1)
	go func() {
		in := source(testHang, "x")
		in.Content = &onEnd{do: func() { close(sent) }}
		_, err := x.Extract(t.Context(), in)
		answered <- err
	}()
	<-sent
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	for name, pid := range map[string]int{"idle": idle, "busy": busy} {
		if alive(pid) {
			t.Errorf("the %s child outlives Close", name)
		}
	}
	if err := <-answered; domain.ErrorCode(err) != domain.Unavailable {
		t.Errorf("what was being read: %v, want Unavailable", err)
	}
}

func stillAlive(reply) error { return nil }

// An answer longer than any text may be is not even taken in.
func TestAnswersHaveALimit(t *testing.T) {
	t.Parallel()
	negative := -1
	for name, answer := range map[string]reply{"too long": {Text: 101}, "negative": {Text: -1}, "pages": {Text: 1, Pages: &negative},
		"a thumbnail": {Thumbnail: maxThumbnail + 1}, "less than none": {Thumbnail: -1}, "page starts without pages": {Starts: 1}} {
		var pipe bytes.Buffer
		w := bufio.NewWriter(&pipe)
		if err := errors.Join(writeMessage(w, answer), w.Flush()); err != nil {
			t.Fatal(err)
		}
		pipe.WriteString(strings.Repeat("x", 1000))
		c := &child{r: bufio.NewReader(&pipe), deadline: time.NewTimer(time.Hour)}
		if got, err := c.receive(100, stillAlive); !errors.Is(err, errNonsense) || got.text != "" {
			t.Errorf("%s: %d bytes, %v", name, len(got.text), err)
		}
	}
	var pipe bytes.Buffer
	w := bufio.NewWriter(&pipe)
	if err := errors.Join(writeMessage(w, reply{Text: 100}), w.Flush()); err != nil {
		t.Fatal(err)
	}
	pipe.WriteString(strings.Repeat("x", 100))
	c := &child{r: bufio.NewReader(&pipe), deadline: time.NewTimer(time.Hour)}
	if got, err := c.receive(100, stillAlive); err != nil || len(got.text) != 100 {
		t.Errorf("exactly the limit: %d bytes, %v", len(got.text), err)
	}
	writeTooMuch := bufio.NewReader(bytes.NewReader([]byte{0xff, 0xff, 0xff, 0xfe}))
	if err := readMessage(writeTooMuch, &reply{}); err == nil || !strings.Contains(err.Error(), "not ours") {
		t.Errorf("a message of 4 GB: %v", err)
	}
}

func play(t *testing.T, role string) (code int, output string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, self, role)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

func TestMemoryWatchAlone(t *testing.T) {
	t.Parallel()
	if code, out := play(t, watchAlone); code != exitMemory {
		t.Errorf("exit code %d, want %d: %s", code, exitMemory, out)
	}
}

// The race detector reserves terabytes of addresses, so its processes cannot have this limit: the test then runs itself again
// as a program without it.
func TestAddressSpaceAlone(t *testing.T) {
	t.Parallel()
	if raceDetector {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		if out, err := exec.CommandContext(ctx, "go", "test", "-count=1", "-run=^TestAddressSpaceAlone$", ".").CombinedOutput(); err != nil {
			t.Errorf("without the race detector: %v\n%s", err, out)
		}
		return
	}
	code, out := play(t, confineAlone)
	if code != 2 || !strings.Contains(out, "out of memory") || !strings.Contains(out, "[address_space ") {
		t.Errorf("exit code %d: %.500s", code, out)
	}
}

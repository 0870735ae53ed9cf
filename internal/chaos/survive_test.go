//go:build chaos && unix

package chaos

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestManyUploads stores CHAOS_UPLOADS documents by 64 clients at three APIs, and compares all of them in the end.
func TestManyUploads(t *testing.T) {
	r := newVaultRun(t, vaultOptions{apis: 3, workers: 2})
	goal := amount(t, "CHAOS_UPLOADS", 500)
	began := time.Now()
	l := startLoad(r, 64, 1<<20)
	reached := func() int { l.mu.Lock(); defer l.mu.Unlock(); return len(l.accepted) }
	for reached() < goal {
		if time.Since(began) > 20*time.Minute {
			t.Fatalf("%d documents after 20 minutes: %s", reached(), l.counts())
		}
		<-time.After(100 * time.Millisecond)
	}
	l.stop()
	took := time.Since(began)
	lost := l.check(15 * time.Minute)

	var out table
	out.row("uploads by 64 clients at three APIs", "%d, %.0f/s", len(l.accepted), float64(len(l.accepted))/took.Seconds())
	out.row("all of them ready", "%v after the last", (time.Since(began) - took).Round(time.Second))
	out.row("lost or with other bytes", "%d", lost)
	out.row("answers", "%s; slowest %v", l.counts(), l.slowest.Round(time.Millisecond))
	t.Log(out.String())
	l.mustBeClean(t)
}

// TestFewConnections gives 64 clients an API with two connections to its database: they wait, or are told to come again.
func TestFewConnections(t *testing.T) {
	r := newVaultRun(t, vaultOptions{apis: 1, workers: 1, env: []string{"DATABASE_MAX_CONNS=2"}})
	l := startLoad(r, 64, 64<<10)
	<-time.After(troubleTime(t) / 3)
	l.stop()
	lost := l.check(5 * time.Minute)
	t.Logf("64 clients, two connections to the database: %d documents, %d lost; slowest answer %v; %s", len(l.accepted), lost, l.slowest.Round(time.Millisecond), l.counts())
	l.mustBeClean(t)
}

// TestStopUnderLoad ends APIs by SIGTERM and starts them again, one after the other, under load. A request that an API has begun
// to read is answered.
func TestStopUnderLoad(t *testing.T) {
	r := newVaultRun(t, vaultOptions{apis: 2, workers: 1})
	l := startLoad(r, 16, 256<<10)
	stops := 0
	for began := time.Now(); time.Since(began) < troubleTime(t)/2; stops++ {
		<-time.After(time.Second)
		api := r.apis[stops%len(r.apis)]
		if err := api.proc.Stop(t.Context(), time.Minute, syscall.SIGTERM); err != nil || api.proc.Err() != nil {
			t.Errorf("an API that was asked to end: %v, %v", err, api.proc.Err())
		}
		<-time.After(200 * time.Millisecond)
		api.start()
	}
	l.stop()
	lost := l.check(5 * time.Minute)
	t.Logf("%d orderly stops under load: %d documents, %d lost; %s", stops, len(l.accepted), lost, l.counts())
	l.mustBeClean(t)
	for what, n := range l.answers {
		if strings.HasSuffix(what, " none") || strings.HasSuffix(what, " broken off") {
			t.Errorf("%d requests were accepted and not answered (%s): %q", n, what, l.silent)
		}
	}
}

// TestSlowClients holds hundreds of connections that send a byte a second, in their headers or in a body, or that read as slowly.
// Everybody else is served meanwhile, the API does not grow, and in the end it has let go of all of them.
func TestSlowClients(t *testing.T) {
	const each, patience = 100, 3 * time.Minute
	r := newVaultRun(t, vaultOptions{apis: 1, workers: 1})
	pid := r.apis[0].proc.PID()
	large := r.large()
	l := startLoad(r, 4, 256<<10)
	<-time.After(3 * time.Second)
	alone, memoryBefore, filesBefore := len(l.snapshot()), memory(t, pid), descriptors(t, pid)

	ctx, stop := context.WithCancel(t.Context())
	var slow sync.WaitGroup
	began := time.Now()
	for i := range 3 * each {
		slow.Go(func() {
			if err := slowly(ctx, r.addresses[0], i%3, large); err != nil {
				t.Errorf("slow client: %v", err)
			}
		})
	}
	<-time.After(5 * time.Second)
	memoryBeside, filesBeside := memory(t, pid), descriptors(t, pid)
	first := len(l.snapshot())
	<-time.After(3 * time.Second)
	beside := len(l.snapshot()) - first
	for descriptors(t, pid) > filesBefore+each/10 && time.Since(began) < patience {
		<-time.After(time.Second)
	}
	took, left := time.Since(began), descriptors(t, pid)
	stop()
	slow.Wait()
	l.stop()
	lost := l.check(5 * time.Minute)

	var out table
	out.row("slow connections", "%d, let go of after %v", 3*each, took.Round(time.Second))
	out.row("descriptors of the API before, beside and after them", "%d, %d and %d", filesBefore, filesBeside, left)
	out.row("uploads of others in 3 s, before and beside them", "%d and %d", alone, beside)
	out.row("resident memory of the API, before and beside them", "%d and %d MiB", memoryBefore>>20, memoryBeside>>20)
	out.row("documents; lost", "%d; %d; %s", len(l.accepted), lost, l.counts())
	t.Log(out.String())
	if filesBeside < filesBefore+2*each {
		t.Errorf("%d descriptors: the slow clients were not there", filesBeside)
	}
	if took >= patience {
		t.Errorf("slow clients held on for %v", took)
	}
	if beside == 0 {
		t.Error("nobody else was served")
	}
	if grown := memoryBeside - memoryBefore; grown > 128<<20 {
		t.Errorf("the API grew by %d MiB", grown>>20)
	}
	l.mustBeClean(t)
}

// large uploads a document that no connection's buffers hold.
func (r *vaultRun) large() (id string) {
	content := bytes.Repeat([]byte("a long text "), 1<<20)
	contentType, form, err := newForm("large.txt", content)
	if err != nil {
		r.t.Fatal(err)
	}
	var answer struct{ ID string }
	if _, err := r.call(http.MethodPost, r.addresses[0], "/api/documents/upload", contentType, form, &answer); err != nil {
		r.t.Fatal(err)
	}
	return answer.ID
}

// slowly is a client that moves a byte a second for as long as it is let.
func slowly(ctx context.Context, address string, kind int, id string) error {
	conn, err := net.DialTimeout("tcp", address, 30*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close() // nothing depends on it
	begin := "GET /api/documents HTTP/1.1\r\nHost: vault\r\nX-Slow: "
	move := func() error { _, err := conn.Write([]byte("a")); return err }
	switch kind {
	case 1:
		begin = "POST /api/documents/upload HTTP/1.1\r\nHost: vault\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000\r\n\r\n" +
			"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"slow.txt\"\r\n\r\n"
	case 2:
		begin = "GET /api/documents/" + id + "/content HTTP/1.1\r\nHost: vault\r\n\r\n"
		move = func() error { _, err := conn.Read(make([]byte, 1)); return err }
	}
	if _, err := io.WriteString(conn, begin); err != nil {
		return err
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for move() == nil { // an error is that of a client that was let go of
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// descriptors is how many files and connections a process has open.
func descriptors(t *testing.T, pid int) int {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(pid), "fd"))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// memory is a process's resident memory in bytes.
func memory(t *testing.T, pid int) int64 {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "statm"))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

// snapshot is what was accepted until now.
func (l *load) snapshot() []stored {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.accepted[:len(l.accepted):len(l.accepted)]
}

// mustBeClean reports answers that may never be.
func (l *load) mustBeClean(t *testing.T) {
	t.Helper()
	for i, wrong := range l.wrong {
		if i == 10 {
			t.Errorf("and %d more", len(l.wrong)-i)
			return
		}
		t.Error(wrong)
	}
}

// mustAnswer reports answers that may never be during that trouble, and requests without any.
func (l *load) mustAnswer(t *testing.T, trouble string) {
	t.Helper()
	for _, wrong := range l.wrong {
		t.Errorf("%s: %s", trouble, wrong)
	}
	for what := range l.answers {
		if strings.HasSuffix(what, " none") || strings.HasSuffix(what, " refused") {
			t.Errorf("%s: requests without an answer: %s", trouble, l.counts())
			return
		}
	}
}

// TestFullDisk keeps documents on a disk that fills up: uploads are refused with the advice to try again, what is stored stays
// readable, and uploads are taken again once there is room. It mounts a small disk, which takes root on Linux.
func TestFullDisk(t *testing.T) {
	disk := smallDisk(t, "8m")
	r := newVaultRun(t, vaultOptions{apis: 1, workers: 1, env: []string{"STORAGE_BACKEND=filesystem", "STORAGE_DIR=" + filepath.Join(disk, "objects")}})
	l := startLoad(r, 4, 256<<10)
	for full := false; !full; {
		<-time.After(100 * time.Millisecond)
		l.mu.Lock()
		full = l.answers["POST 503"] > 50
		l.mu.Unlock()
		if time.Since(l.began) > 5*time.Minute {
			t.Fatalf("the disk does not fill: %s", l.counts())
		}
	}
	l.stop()
	atFull := len(l.accepted)
	// Somebody removes a few documents: there is room again.
	for _, doc := range l.accepted[:atFull/2] {
		if _, err := r.call(http.MethodDelete, r.addresses[0], "/api/documents/"+doc.id, "", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	l.accepted = l.accepted[atFull/2:]
	again := startLoad(r, 2, 1024)
	<-time.After(2 * time.Second)
	again.stop()
	lost := l.check(5*time.Minute) + again.check(5*time.Minute)
	var out table
	out.row("documents until a disk of 8 MiB was full", "%d; %s", atFull, l.counts())
	out.row("after half of them were removed", "%d more; %s", len(again.accepted), again.counts())
	out.row("lost or with other bytes", "%d", lost)
	t.Log(out.String())
	l.mustBeClean(t)
	again.mustBeClean(t)
	if len(again.accepted) == 0 {
		t.Error("no upload was taken once there was room")
	}
}

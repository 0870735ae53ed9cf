package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/docuvault/docuvault/internal/testenv"
)

// Killed between the bytes and the row, an upload was not answered and leaves no row: only bytes that the sweeper finds, and
// spares while they may belong to an upload under way.
func TestKillBetweenPutAndCommit(t *testing.T) {
	t.Parallel()
	s := services(t)
	api := testenv.Child(t, "api that halts", s.env...)
	v := listening(t, api)
	answered := make(chan error, 1)
	go func() {
		_, status, err := v.upload("a.txt", "bytes without a row")
		if err == nil {
			err = fmt.Errorf("answered with %d", status)
		} else {
			err = nil
		}
		answered <- err
	}()
	api.WaitLine(t, "halted after put")
	api.Kill()
	if err := <-answered; err != nil {
		t.Error(err)
	}

	after := process(t, s.env, "api")
	v = listening(t, after)
	var docs []document
	if status, err := v.call(http.MethodGet, "/api/documents", "", nil, &docs); err != nil || status != http.StatusOK || len(docs) != 0 {
		t.Errorf("documents: %d, %v, %v", status, docs, err)
	}
	code, stdout, stderr := once(t, s.env, "sweep", "--delete")
	if code != 0 || !strings.Contains(stdout, "1 objects: 0 that no document names (0 bytes), 0 removed, 1 too young to tell") {
		t.Errorf("sweep: %d %s%s", code, stdout, stderr)
	}
	stop(t, after)
}

// Killed in the middle of a task, a worker loses nothing: its task goes to another, which takes the document over.
func TestKillWorkerMidTask(t *testing.T) {
	t.Parallel()
	s := services(t)
	api := process(t, s.env, "api")
	v := listening(t, api)
	halting := testenv.Child(t, "worker that halts", s.env...)
	doc := v.mustUpload(t, "a.txt", "read by the second worker")
	halting.WaitLine(t, "halted in task")
	halting.Kill()
	worker := process(t, s.env, "worker")
	if doc = v.ready(t, doc.ID, 3*time.Minute); !strings.Contains(doc.ExtractedText, "second worker") {
		t.Errorf("document: %+v", doc)
	}
	stop(t, worker)
	stop(t, api)
}

// A stopping worker gives what it holds back at once: nobody has to wait for a lease to run out.
func TestStoppedWorkerGivesBack(t *testing.T) {
	t.Parallel()
	s := services(t)
	api := process(t, s.env, "api")
	v := listening(t, api)
	halting := testenv.Child(t, "worker that halts", append(s.env, "SHUTDOWN_TIMEOUT=100ms")...)
	doc := v.mustUpload(t, "a.txt", "given back")
	halting.WaitLine(t, "halted in task")
	stop(t, halting)
	// The lease may have run out since, on a slow machine, but then somebody else would have counted another try.
	if status, attempts, requeues := tries(t, s.db.AppDSN, doc.ID); status != "pending" || attempts != 1 || requeues != 0 {
		t.Errorf("the stopped worker left its document %s after %d attempts, sent back %d times", status, attempts, requeues)
	}
	worker := process(t, s.env, "worker")
	v.ready(t, doc.ID, 3*time.Minute)
	if _, attempts, requeues := tries(t, s.db.AppDSN, doc.ID); attempts != 2 || requeues != 0 {
		t.Errorf("ready after %d attempts, sent back %d times", attempts, requeues)
	}
	stop(t, worker)
	stop(t, api)
}

// A second signal ends a worker at once; what it held goes to another when its lease has run out.
func TestSecondSignalLeavesWorkToOthers(t *testing.T) {
	t.Parallel()
	s := services(t)
	api := process(t, s.env, "api")
	v := listening(t, api)
	halting := testenv.Child(t, "worker that halts", append(s.env, "SHUTDOWN_TIMEOUT=1h")...)
	doc := v.mustUpload(t, "a.txt", "taken over")
	halting.WaitLine(t, "halted in task")
	testenv.Eventually(t, time.Minute, func() error { // signals of a kind that come at once count as one
		halting.Signal(t, syscall.SIGTERM)
		select {
		case <-halting.Done():
			return nil
		default:
			return errors.New("it still runs")
		}
	})
	if code := exitCode(t, halting); code != 130 {
		t.Errorf("exit code %d:\n%s", code, halting.Output())
	}
	worker := process(t, s.env, "worker")
	v.ready(t, doc.ID, 3*time.Minute)
	stop(t, worker)
	stop(t, api)
}

// Redis loses everything with work in it: every upload that was answered with 201 ends ready.
func TestFlushedRedis(t *testing.T) {
	t.Parallel()
	s := services(t)
	api := process(t, s.env, "api")
	v := listening(t, api)
	var docs []document
	for i := range 10 {
		docs = append(docs, v.mustUpload(t, fmt.Sprintf("%d.txt", i), fmt.Sprintf("text %d", i)))
	}
	flush(t, s.redis)
	worker := process(t, s.env, "worker")
	docs = append(docs, v.mustUpload(t, "after.txt", "text after"))
	for _, doc := range docs {
		v.ready(t, doc.ID, 2*time.Minute)
	}
	stop(t, worker)
	stop(t, api)
}

func flush(t *testing.T, r testenv.RedisServer) {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", r.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() // nothing depends on it
	if _, err := fmt.Fprintf(conn, "AUTH %s\r\nFLUSHALL\r\n", r.Password); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, len("+OK\r\n+OK\r\n"))
	for n := 0; n < len(answer); {
		m, err := conn.Read(answer[n:])
		if err != nil {
			t.Fatalf("%v after %q", err, answer[:n])
		}
		n += m
	}
	if string(answer) != "+OK\r\n+OK\r\n" {
		t.Fatalf("redis answers %q", answer)
	}
}

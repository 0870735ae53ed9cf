package rest_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/memory"
	"github.com/docuvault/docuvault/adapters/rest"
	"github.com/docuvault/docuvault/domain"
)

// Short where a peer is cut off, so that it is soon; longer where a peer must not be, so that a busy machine is not taken for
// a slow one.
const (
	short = 300 * time.Millisecond
	long  = 3 * time.Second
)

func patience(window time.Duration) func(*plan) {
	return func(p *plan) { p.rest = rest.Config{StallWindow: window, HeaderTimeout: window} }
}

// dial opens a bare connection that gives up long after the API should have.
func dial(t *testing.T, h *house) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	return conn
}

// trickle sends pieces of the body at intervals, until it is sent or the connection fails.
func trickle(t *testing.T, conn net.Conn, body []byte, piece int, every time.Duration) {
	t.Helper()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for len(body) > 0 {
		n := min(piece, len(body))
		if _, err := conn.Write(body[:n]); err != nil {
			return
		}
		body = body[n:]
		<-tick.C
	}
}

// A client that sends byte by byte is cut off with a reason, and nothing of its document stays.
func TestSlowUploadIsCutOff(t *testing.T) {
	t.Parallel()
	h := open(t, patience(short))
	for name, request := range map[string]string{
		"upload": "POST /api/documents/upload HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000000\r\n\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x.txt\"\r\n\r\n" + strings.Repeat("x", 200<<10),
		"JSON":   "POST /api/topics HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
		"chunks": "POST /api/topics HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\nff\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			conn := dial(t, h)
			began := time.Now()
			if _, err := io.WriteString(conn, request); err != nil {
				t.Fatal(err)
			}
			stop := make(chan struct{})
			go func() { defer close(stop); trickle(t, conn, []byte(strings.Repeat(" ", 1000)), 1, 20*time.Millisecond) }()
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			took := time.Since(began)
			if err != nil {
				t.Fatalf("no answer: %v", err)
			}
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
			_ = conn.Close()
			<-stop
			if response.StatusCode != http.StatusRequestTimeout || !response.Close {
				t.Errorf("answered %d, closing %v", response.StatusCode, response.Close)
			}
			if took < short/2 || took > 10*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
	if names := h.storage.Names(); len(names) != 0 {
		t.Errorf("bytes are left behind: %v", names)
	}
}

// A steady upload may take many times the window.
func TestLongUploadIsNotCutOff(t *testing.T) {
	t.Parallel()
	h := open(t, patience(long))
	conn := dial(t, h)
	contentType, body := form(t, file("x.txt", strings.Repeat("x", 2<<20)))
	began := time.Now()
	_, _ = fmt.Fprintf(conn, "POST /api/documents/upload HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", contentType, len(body))
	trickle(t, conn, body, 96<<10, long/10)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		t.Errorf("answered %d after %v", response.StatusCode, time.Since(began))
	}
	if took := time.Since(began); took < 2*long {
		t.Errorf("it took only %v: this proves nothing", took)
	}
}

// Slow storage is not the client's fault, before, while and after its body is read, nor is it for a download.
func TestSlowStorageIsNotHeldAgainstTheClient(t *testing.T) {
	t.Parallel()
	h := open(t, patience(long))
	h.storage.Before(func(ctx context.Context, op memory.StorageOp, _ domain.ObjectKey) error {
		if op != memory.PutOp && op != memory.GetOp {
			return nil
		}
		select {
		case <-time.After(3 * long / 2):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	small := h.upload(file("x.txt", "x")).is(http.StatusCreated).text("id") // its body was read before storage is slow
	h.upload(file("x.txt", strings.Repeat("x", 1<<20))).is(http.StatusCreated)
	h.get("/api/documents/" + small + "/content").is(http.StatusOK)
}

// Headers must come in time, whatever else is going on.
func TestSlowHeadersAreCutOff(t *testing.T) {
	t.Parallel()
	h := open(t, patience(short))
	conn := dial(t, h)
	began := time.Now()
	go trickle(t, conn, []byte("GET /health/live HTTP/1.1\r\nHost: x\r\nX-Slow: "+strings.Repeat("x", 1000)), 1, 20*time.Millisecond)
	if _, err := io.ReadAll(conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection is still open")
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}

// A request that is refused without reading its body does not wait for a slow body either.
func TestUnreadBodyIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	h := open(t, patience(short))
	for _, request := range []string{
		"POST /api/nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n",
		"POST /api/documents/upload?on_duplicate=x HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n",
	} {
		conn := dial(t, h)
		began := time.Now()
		_, _ = io.WriteString(conn, request)
		done := make(chan struct{})
		go func() { defer close(done); trickle(t, conn, make([]byte, 1000), 1, 20*time.Millisecond) }()
		if _, err := io.ReadAll(conn); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("the connection is still open")
		}
		_ = conn.Close()
		<-done
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
	}
}

// A client that does not take its download is cut off.
func TestSlowDownloadIsCutOff(t *testing.T) {
	t.Parallel()
	h := open(t, patience(short))
	id := h.keep("x.txt", strings.Repeat("x", 24<<20))
	conn := dial(t, h)
	_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
	_, _ = io.WriteString(conn, "GET /api/documents/"+id+"/content HTTP/1.1\r\nHost: x\r\n\r\n")
	eventually(t, "the download is cut off", func() bool {
		return len(h.logs.lines(t, "download cut off, the client went away or was too slow")) == 1
	})
}

// A download that is taken steadily may take many times the window.
func TestLongDownloadIsNotCutOff(t *testing.T) {
	t.Parallel()
	h := open(t, patience(long))
	const size = 24 << 20 // more than the sockets hold
	id := h.keep("x.txt", strings.Repeat("x", size))
	conn := dial(t, h)
	_, _ = io.WriteString(conn, "GET /api/documents/"+id+"/content HTTP/1.1\r\nHost: x\r\n\r\n")
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	began, total := time.Now(), int64(0)
	tick := time.NewTicker(long / 10)
	defer tick.Stop()
	for err == nil {
		var n int64
		n, err = io.CopyN(io.Discard, response.Body, 1<<20)
		total += n
		<-tick.C
	}
	if !errors.Is(err, io.EOF) || total != size {
		t.Errorf("cut off after %d bytes: %v", total, err)
	}
	if took := time.Since(began); took < 2*long {
		t.Errorf("it took only %v: this proves nothing", took)
	}
}

// A connection that was slow once, within its limits, is as good as any for the next request.
func TestDeadlinesDoNotOutliveTheirRequest(t *testing.T) {
	t.Parallel()
	h := open(t, patience(long))
	conn := dial(t, h)
	r := bufio.NewReader(conn)
	for i := range 3 {
		body := fmt.Sprintf(`{"name":"topic %d"}`, i)
		_, _ = fmt.Fprintf(conn, "POST /api/topics HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		response, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		if response.StatusCode != http.StatusCreated || response.Close {
			t.Fatalf("request %d: %d, closing %v", i, response.StatusCode, response.Close)
		}
		<-time.After(long + long/4) // idle for longer than any deadline of the request
	}
}

// A client that looks for an answer only once it has sent everything gets the refusal that was decided on the headers, and not
// a reset connection; but nobody's endless body is read for that.
func TestEarlyRefusalReachesWhoIsStillSending(t *testing.T) {
	t.Parallel()
	h := open(t)
	refused := func(length int) net.Conn {
		t.Helper()
		conn := dial(t, h)
		_, err := fmt.Fprintf(conn, "POST /api/documents/upload HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n", length)
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	const length = 7 << 20 // more than connections buffer, less than is lingered for
	conn := refused(length)
	if _, err := conn.Write(make([]byte, length)); err != nil {
		t.Fatal("sending:", err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal("no answer:", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("status %d", response.StatusCode)
	}

	const endless = 90 << 20
	conn = refused(endless)
	if sent, err := conn.Write(make([]byte, endless)); err == nil || sent > endless/2 {
		t.Errorf("%d bytes of a refused body were taken in, %v", sent, err)
	}
}

package rest_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/docuvault/docuvault/domain"
)

// raw sends bytes as they are and reads what comes until the server closes or is silent.
func raw(t *testing.T, h *house, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	_ = conn.(*net.TCPConn).CloseWrite()
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	answer, _ := io.ReadAll(conn) // a reset is an end too
	return string(answer)
}

// Whatever a proxy in front might make of a request with two lengths, or with one that is written strangely: we see one request and
// never one more that lay hidden in it.
func TestRequestsAreNotSmuggled(t *testing.T) {
	t.Parallel()
	h := open(t)
	const hidden = "POST /api/topics HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{\"name\":\"smuggled1\"}"
	const post = "POST /api/topics HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	for name, text := range map[string]string{
		"length and chunks":             post + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
		"chunks and length":             post + "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n" + hidden,
		"two lengths":                   post + "Content-Length: 0\r\nContent-Length: 120\r\n\r\n" + hidden,
		"a list of lengths":             post + "Content-Length: 0, 120\r\n\r\n" + hidden,
		"a signed length":               post + "Content-Length: +0\r\n\r\n" + hidden,
		"a negative length":             post + "Content-Length: -1\r\n\r\n" + hidden,
		"a hexadecimal length":          post + "Content-Length: 0x0\r\n\r\n" + hidden,
		"a space before the colon":      post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + hidden,
		"an unknown encoding":           post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + hidden,
		"chunked twice":                 post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + hidden,
		"chunked, but not last":         post + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + hidden,
		"chunked with a control byte":   post + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + hidden,
		"a chunk size that overflows":   post + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff1\r\n\r\n0\r\n\r\n" + hidden,
		"a chunk size with a sign":      post + "Transfer-Encoding: chunked\r\n\r\n-0\r\n\r\n" + hidden,
		"a bare line feed after a size": post + "Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n" + hidden,
		"NUL in a header":               post + "X-A: \x00\r\nContent-Length: 0\r\n\r\n" + hidden,
		"two hosts":                     "POST /api/topics HTTP/1.1\r\nHost: x\r\nHost: y\r\nContent-Length: 0\r\n\r\n" + hidden,
		"no host":                       "POST /api/topics HTTP/1.1\r\nContent-Length: 0\r\n\r\n" + hidden,
		"a space in the path":           "POST /api/ topics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" + hidden,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := raw(t, h, text)
			if n := strings.Count(answer, "HTTP/1.1 "); n != 1 || !strings.HasPrefix(answer, "HTTP/1.1 4") && !strings.HasPrefix(answer, "HTTP/1.1 501") {
				t.Errorf("%d answers:\n%s", n, answer)
			}
		})
	}
	t.Cleanup(func() { // after the parallel ones
		if topics, err := h.repo.TopicsOf(context.Background(), domain.Nobody); err != nil || len(topics) > 0 {
			t.Errorf("topics were smuggled in: %v, %v", topics, err)
		}
	})
	// The same bytes in good order are two requests, or the test shows nothing.
	if answer := raw(t, open(t), hidden+hidden); strings.Count(answer, "HTTP/1.1 ") != 2 || !strings.HasPrefix(answer, "HTTP/1.1 201") {
		t.Errorf("two plain requests:\n%s", answer)
	}
}

// Forms that are made to cost us something are refused, and leave nothing behind.
func TestMultipartIsNotAbused(t *testing.T) {
	t.Parallel()
	h := open(t)
	const b = "----b"
	file := "--" + b + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\ntext\r\n"
	field := func(name, value string) string {
		return "--" + b + "\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
	}
	const end = "--" + b + "--\r\n"
	for name, c := range map[string]struct{ contentType, body string }{
		"no boundary":                     {"multipart/form-data", file + end},
		"an empty boundary":               {`multipart/form-data; boundary=""`, file + end},
		"a boundary of 10,000 bytes":      {"multipart/form-data; boundary=" + strings.Repeat("b", 10_000), file + end},
		"two boundaries":                  {"multipart/form-data; boundary=a; boundary=" + b, file + end},
		"not form-data":                   {"multipart/mixed; boundary=" + b, file + end},
		"no end":                          {"multipart/form-data; boundary=" + b, file},
		"cut in a header":                 {"multipart/form-data; boundary=" + b, "--" + b + "\r\nContent-Disposition: form-da"},
		"nothing":                         {"multipart/form-data; boundary=" + b, ""},
		"no part":                         {"multipart/form-data; boundary=" + b, end},
		"20,000 fields before the file":   {"multipart/form-data; boundary=" + b, strings.Repeat(field("x", "y"), 20_000) + file + end},
		"20,000 fields after the file":    {"multipart/form-data; boundary=" + b, file + strings.Repeat(field("x", "y"), 20_000) + end},
		"a field of 8 MiB":                {"multipart/form-data; boundary=" + b, field("folder_id", strings.Repeat("y", 8<<20)) + file + end},
		"a part's header of 8 MiB":        {"multipart/form-data; boundary=" + b, "--" + b + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\nX: " + strings.Repeat("y", 8<<20) + "\r\n\r\ntext\r\n" + end},
		"20,000 headers of a part":        {"multipart/form-data; boundary=" + b, "--" + b + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n" + strings.Repeat("X: y\r\n", 20_000) + "\r\ntext\r\n" + end},
		"two files":                       {"multipart/form-data; boundary=" + b, file + file + end},
		"a preamble of 8 MiB and no part": {"multipart/form-data; boundary=" + b, strings.Repeat("p", 8<<20)},
		"a form in the file's part": {"multipart/form-data; boundary=" + b,
			"--" + b + "\r\nContent-Disposition: form-data; name=\"file\"\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\nContent-Disposition: file; filename=\"a.txt\"\r\n\r\ntext\r\n--c--\r\n" + end},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := raw(t, h, fmt.Sprintf("POST /api/documents/upload HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
				c.contentType, len(c.body), c.body))
			response, err := http.ReadResponse(bufio.NewReader(strings.NewReader(answer)), nil)
			if err != nil {
				t.Fatalf("no answer: %v\n%.200s", err, answer)
			}
			_ = response.Body.Close()
			if response.StatusCode < 400 || response.StatusCode >= 500 {
				t.Errorf("status %d", response.StatusCode)
			}
		})
	}
	t.Cleanup(func() {
		if names := h.storage.Names(); len(names) != 0 {
			t.Errorf("objects were left: %v", names)
		}
	})
}

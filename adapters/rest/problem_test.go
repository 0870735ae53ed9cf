package rest_test

import (
	"bufio"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/memory"
	"github.com/docuvault/docuvault/adapters/rest"
	"github.com/docuvault/docuvault/domain"
)

func TestEveryCodeHasAStatus(t *testing.T) {
	t.Parallel()
	want := map[domain.Code]int{
		domain.Internal: 500, domain.Malformed: 400, domain.Invalid: 422, domain.NotFound: 404, domain.Conflict: 409,
		domain.TooLarge: 413, domain.UnsupportedType: 415, domain.Forbidden: 403, domain.Unreadable: 422,
		domain.NotSupported: 501, domain.Unavailable: 503, domain.Canceled: 499,
	}
	for _, code := range domain.Codes() {
		status, known := rest.StatusOf(code)
		if !known || status != want[code] {
			t.Errorf("%s is answered with %d (known: %v), want %d", code, status, known, want[code])
		}
	}
	// What a worker would try again is a fault of ours or of the moment, and only that.
	for _, code := range domain.Codes() {
		status, _ := rest.StatusOf(code)
		if retry := status == 500 || status == 503 || status == 499; retry != code.Retryable() {
			t.Errorf("%s: status %d and retryable %v contradict each other", code, status, code.Retryable())
		}
	}
	described := fmt.Sprint(description(t).root["components"].(map[string]any)["schemas"].(map[string]any)["Problem"].(map[string]any)["properties"].(map[string]any)["code"])
	for _, code := range rest.AllCodes() {
		if code != domain.Canceled && !strings.Contains(described, string(code)) {
			t.Errorf("%s is not a described code", code)
		}
	}
}

// failing returns a bare server of the API with routes that fail.
func failing(t *testing.T, err error, panics bool) (*httptest.Server, *logBook) {
	t.Helper()
	logs := &logBook{}
	h := open(t)
	api, newErr := rest.New(rest.Config{}, h.vault, slog.New(slog.NewJSONHandler(logs, nil)))
	if newErr != nil {
		t.Fatal(newErr)
	}
	rest.FailRoute(api, "/fail", err, panics)
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	return server, logs
}

func fetch(t *testing.T, url string, headers ...string) *answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	a := &answer{t: t, status: response.StatusCode, header: response.Header}
	scanner := bufio.NewReader(response.Body)
	line, _ := scanner.ReadBytes(0)
	a.body = line
	return a
}

// Causes are for the log alone, whatever code they come with.
func TestCausesStayInTheLog(t *testing.T) {
	t.Parallel()
	const canary = "postgres://docuvault_app:hunter2@db:5432/docuvault"
	cause := errors.New("dial " + canary)
	for name, err := range map[string]error{
		"plain":       cause,
		"wrapped":     fmt.Errorf("list: %w", cause),
		"internal":    &domain.Error{Code: domain.Internal, Message: "see " + canary, Reason: "leak_" + canary, Err: cause},
		"unavailable": domain.Wrap(domain.Unavailable, cause, "the database is out of reach"),
		"unknown":     &domain.Error{Code: "brand_new", Message: canary, Err: cause},
		"not found":   fmt.Errorf("read: %w", domain.Wrap(domain.NotFound, cause, "no such document")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, logs := failing(t, err, false)
			a := fetch(t, server.URL+"/fail")
			if strings.Contains(string(a.body)+fmt.Sprint(a.header), "hunter2") {
				t.Errorf("the cause is shown: %s", a.body)
			}
			if _, ok := a.object()["detail"].(string); !ok {
				t.Errorf("detail is not a string: %s", a.body)
			}
			if a.status >= 500 {
				eventually(t, "the cause is logged", func() bool { return strings.Contains(logs.text(), "hunter2") })
				failed := logs.lines(t, "request failed")
				if len(failed) != 1 || failed[0]["request_id"] != a.header.Get("X-Request-Id") {
					t.Errorf("want one record with the request's id, got %v", failed)
				}
			}
		})
	}
}

func TestPanicIsAProblemWithoutAStack(t *testing.T) {
	t.Parallel()
	server, logs := failing(t, errors.New("index out of range, password hunter2"), true)
	a := fetch(t, server.URL+"/fail").is(http.StatusInternalServerError)
	if a.text("code") != "internal" || a.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("not a problem: %s", a.body)
	}
	for _, leak := range []string{"hunter2", "goroutine", ".go:", "panic"} {
		if strings.Contains(string(a.body), leak) {
			t.Errorf("the answer shows %q: %s", leak, a.body)
		}
	}
	eventually(t, "the panic is logged", func() bool { return len(logs.lines(t, "request")) == 1 })
	if panics := logs.lines(t, "handler panicked"); len(panics) != 1 || !strings.Contains(fmt.Sprint(panics[0]["stack"]), "rest") || panics[0]["request_id"] != a.header.Get("X-Request-Id") {
		t.Errorf("the panic is not logged with its stack and request: %v", panics)
	}
	fetch(t, server.URL+"/health/live").is(http.StatusOK)
}

func TestNoRouteAndWrongMethod(t *testing.T) {
	t.Parallel()
	h := open(t)
	for _, path := range []string{"/", "/api", "/api/nothing", "/api/documents/a/b/c", "/API/documents", "/api//documents", "/api/documents//", "/api/documents/..%2f..%2fetc%2fpasswd", "/health/x"} {
		h.get(path).is(http.StatusNotFound).hasReason("no_route")
	}
	for request, allow := range map[string][]string{
		"DELETE /api/documents":           {"GET", "HEAD"},
		"PUT /api/topics":                 {"GET", "HEAD", "POST"},
		"POST /api/topics/x":              {"GET", "HEAD", "PATCH", "PUT", "DELETE"},
		"POST /health":                    {"GET", "HEAD"},
		"OPTIONS /api/folders":            {"GET", "HEAD", "POST"},
		"TRACE /api/documents":            {"GET", "HEAD"},
		"GET /api/documents/x/process":    {"POST"},
		"BREW /api/documents/x/content":   {"GET", "HEAD"},
		"PUT /api/documents/x":            {"GET", "HEAD", "PATCH", "DELETE"},
		"POST /api/documents/x/content/":  {"GET", "HEAD"},
		"PATCH /api/documents/upload/url": {"GET", "HEAD"},
	} {
		method, path, _ := strings.Cut(request, " ")
		got := h.send(method, path, nil).is(http.StatusMethodNotAllowed).header.Get("Allow")
		for _, want := range allow {
			if !regexp.MustCompile(`\b` + want + `\b`).MatchString(got) {
				t.Errorf("%s: Allow is %q, want %s in it", request, got, want)
			}
		}
	}
}

// Both forms of every path answer, and neither redirects.
func TestTrailingSlash(t *testing.T) {
	t.Parallel()
	h := open(t)
	for _, path := range []string{"/health", "/health/live", "/openapi.yaml", "/docs", "/api/documents", "/api/topics", "/api/folders", "/api/settings"} {
		h.get(path).is(http.StatusOK)
		h.get(path + "/").is(http.StatusOK)
		h.get(path + "/?limit=5").is(http.StatusOK)
	}
	id := h.uploadTo("/api/documents/upload/", file("a.txt", "slash")).is(http.StatusCreated).text("id")
	h.get("/api/documents/" + id + "/").is(http.StatusOK)
	h.get("/api/documents/" + id + "/content/").is(http.StatusOK)
	h.json("POST", "/api/topics/", `{"name":"x"}`).is(http.StatusCreated)
	h.send("DELETE", "/api/documents/"+id+"/", nil).is(http.StatusNoContent)
}

func TestHeadAnswersWhereGetDoes(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.keep("a.txt", "head")
	h.finish(id, "head")
	for _, path := range []string{"/health", "/health/live", "/openapi.yaml", "/docs", "/api/documents", "/api/documents/" + id, "/api/documents/" + id + "/text", "/api/documents/" + id + "/content", "/api/documents/" + id + "/url", "/api/topics", "/api/folders", "/api/settings"} {
		get, head := h.get(path).is(http.StatusOK), h.send(http.MethodHead, path, nil).is(http.StatusOK)
		if path == "/health" { // the latencies differ
			continue
		}
		if head.header.Get("Content-Length") != get.header.Get("Content-Length") || get.header.Get("Content-Length") != fmt.Sprint(len(get.body)) {
			t.Errorf("%s: Content-Length is %q for GET, %q for HEAD, of %d bytes", path, get.header.Get("Content-Length"), head.header.Get("Content-Length"), len(get.body))
		}
	}
	h.send(http.MethodHead, "/api/documents/x", nil).is(http.StatusBadRequest)
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	h := open(t)
	for given, kept := range map[string]bool{
		"abc-123_X.y": true, strings.Repeat("a", 64): true, strings.Repeat("a", 65): false, "a b": false, "ä": false,
		"<script>": false, "a;b": false, "": false,
	} {
		got := h.get("/api/topics/x", "X-Request-ID", given).is(http.StatusBadRequest)
		if id := got.text("request_id"); (id == given) != kept || id == "" {
			t.Errorf("X-Request-ID %q became %q", given, id)
		}
	}
	if a, b := h.get("/health/live").header.Get("X-Request-Id"), h.get("/health/live").header.Get("X-Request-Id"); a == b {
		t.Errorf("two requests have the id %s", a)
	}
	// The use cases log with the request's id too.
	h.queue.Fail(domain.Errorf(domain.Unavailable, "down"))
	contentType, body := form(t, file("a.txt", "id in the log"))
	h.send("POST", "/api/documents/upload", strings.NewReader(string(body)), "Content-Type", contentType, "X-Request-ID", "from-the-client").is(http.StatusCreated)
	eventually(t, "the request is logged", func() bool {
		for _, line := range h.logs.lines(t, "request") {
			if line["request_id"] == "from-the-client" {
				return true
			}
		}
		return false
	})
	lines := 0
	for line := range strings.SplitSeq(h.logs.text(), "\n") {
		if n := strings.Count(line, `"request_id"`); n > 1 {
			t.Errorf("%d ids in one line: %s", n, line)
		}
		if strings.Contains(line, `"request_id":"from-the-client"`) {
			lines++
		}
	}
	if lines != 2 { // the queue's refusal and the request
		t.Errorf("%d lines have the request's id, want 2:\n%s", lines, h.logs.text())
	}
}

func TestAccessLog(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.keep("a.txt", "log me")
	link := h.get("/api/documents/" + id + "/url").is(http.StatusOK).text("url")
	token := link[strings.LastIndex(link, "/")+1:]
	h.get("/api/links/" + token).is(http.StatusOK)
	h.get("/api/documents?q=private-words&status=nope").is(http.StatusUnprocessableEntity)
	eventually(t, "all requests are logged", func() bool { return len(h.logs.lines(t, "request")) == 4 })
	logged := h.logs.text()
	for _, secret := range []string{token, token[:40], "private-words", "a secret for tests", "log me"} {
		if strings.Contains(logged, secret) {
			t.Errorf("the log shows %q", secret)
		}
	}
	last := h.logs.lines(t, "request")[3]
	for key, want := range map[string]any{"method": "GET", "path": "/api/documents", "route": "/api/documents", "status": 422.0, "code": "invalid", "client": "127.0.0.1", "level": "INFO"} {
		if last[key] != want {
			t.Errorf("%s is %v, want %v in %v", key, last[key], want, last)
		}
	}
	if upload := h.logs.lines(t, "request")[0]; upload["route"] != "/api/documents/upload" || upload["response_bytes"].(float64) < 100 {
		t.Errorf("the upload is logged as %v", upload)
	}
}

func TestDependenciesDown(t *testing.T) {
	t.Parallel()
	h := open(t, func(p *plan) { p.rest.RetryAfter = 17 * time.Second })
	id := h.keep("a.txt", "before")
	h.repo.Down()
	for _, request := range []string{"GET /api/documents", "GET /api/documents/" + id, "GET /api/documents/" + id + "/text",
		"GET /api/documents/" + id + "/content", "GET /api/documents/" + id + "/url", "DELETE /api/documents/" + id,
		"POST /api/documents/" + id + "/process", "GET /api/topics", "GET /api/folders", "GET /api/tasks/x",
		"DELETE /api/topics/" + id, "DELETE /api/folders/" + id} {
		method, path, _ := strings.Cut(request, " ")
		a := h.send(method, path, nil).is(http.StatusServiceUnavailable)
		if a.header.Get("Retry-After") != "17" || a.text("code") != "unavailable" {
			t.Errorf("%s: Retry-After is %q, code %s", request, a.header.Get("Retry-After"), a.text("code"))
		}
	}
	h.json("POST", "/api/topics", `{"name":"x"}`).is(http.StatusServiceUnavailable)
	h.json("POST", "/api/folders", `{"name":"x"}`).is(http.StatusServiceUnavailable)
	h.json("PATCH", "/api/documents/"+id, `{"filename":"x"}`).is(http.StatusServiceUnavailable)
	h.upload(file("b.txt", "b")).is(http.StatusServiceUnavailable)
	if names := h.storage.Names(); len(names) != 2 {
		t.Errorf("nobody knows whether the row is there, so its bytes must be, for the sweeper to judge: %v", names)
	}
	h.repo.Up()
	h.storage.Down()
	h.upload(file("b.txt", "b")).is(http.StatusServiceUnavailable)
	h.get("/api/documents/" + id + "/content").is(http.StatusServiceUnavailable)
	h.send("HEAD", "/api/documents/"+id+"/content", nil).is(http.StatusOK)
	h.get("/api/documents").is(http.StatusOK)
	h.storage.Up()
	h.queue.Fail(domain.Errorf(domain.Unavailable, "down"))
	h.upload(file("b.txt", "b")).is(http.StatusCreated)
	// A full disk or a broken server is told from an absent object.
	h.storage.Fail(memory.GetOp, errors.New("surprise with a secret"))
	h.get("/api/documents/" + id + "/content").is(http.StatusInternalServerError)
}

// What never becomes a request is refused by the server itself.
func TestHugeAndBrokenRequests(t *testing.T) {
	t.Parallel()
	h := open(t)
	for name, c := range map[string]struct{ request, want string }{
		"huge header":     {"GET /health/live HTTP/1.1\r\nHost: x\r\nX-Big: " + strings.Repeat("a", 64<<10) + "\r\n\r\n", "HTTP/1.1 431"},
		"many headers":    {"GET /health/live HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-A: b\r\n", 8<<10) + "\r\n", "HTTP/1.1 431"},
		"huge path":       {"GET /" + strings.Repeat("a", 64<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 431"},
		"no host":         {"GET /health/live HTTP/1.1\r\n\r\n", "HTTP/1.1 400"},
		"two lengths":     {"POST /api/topics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n{}  ", "HTTP/1.1 400"},
		"smuggled length": {"POST /api/topics HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 4"},
		"no HTTP":         {"\x16\x03\x01\x02\x00\x01\r\n\r\n", "HTTP/1.1 400"},
		"connect":         {"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n", "HTTP/1.1 404"},
		"connect a path":  {"CONNECT /health HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405"},
		"star":            {"GET * HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 4"},
		"options star":    {"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200"},
		"absolute":        {"GET http://other.example.org/health/live HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200"},
		"HTTP/1.0":        {"GET /docs HTTP/1.0\r\n\r\n", "HTTP/1.0 200"},
		"strange host":    {"GET /docs HTTP/1.1\r\nHost: a\"b<c>\r\n\r\n", "HTTP/1.1 "},
		"bad chunk":       {"POST /api/topics HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n", "HTTP/1.1 400"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
			go func() { _, _ = conn.Write([]byte(c.request)) }()
			line, err := bufio.NewReader(conn).ReadString('\n')
			if err != nil || !strings.HasPrefix(line, c.want) {
				t.Errorf("answered %q (%v), want %s", line, err, c.want)
			}
		})
	}
}

func TestNewRefusesBadConfig(t *testing.T) {
	t.Parallel()
	h := open(t)
	for _, cfg := range []rest.Config{
		{PublicURL: "vault.example.org"}, {PublicURL: "ftp://x"}, {PublicURL: "https://user:pw@x"}, {PublicURL: "https://x?y"}, {PublicURL: "https://"},
		{TrustedProxies: []string{"proxy.example.org"}}, {TrustedProxies: []string{"10.0.0.0/33"}},
	} {
		if _, err := rest.New(cfg, h.vault, nil); err == nil {
			t.Errorf("%+v is accepted", cfg)
		}
	}
	if _, err := rest.New(rest.Config{PublicURL: "https://x/store/", TrustedProxies: []string{"10.0.0.1", "::1", "192.168.0.0/16"}}, h.vault, nil); err != nil {
		t.Error(err)
	}
}

// Every timeout and limit of the server is set: a zero would mean none.
func TestServerHasEveryLimit(t *testing.T) {
	t.Parallel()
	s := open(t).api.Server()
	if s.ReadHeaderTimeout <= 0 || s.ReadTimeout <= 0 || s.WriteTimeout <= 0 || s.IdleTimeout <= 0 || s.MaxHeaderBytes <= 0 || s.ErrorLog == nil {
		t.Errorf("a limit is missing: %+v", s)
	}
}

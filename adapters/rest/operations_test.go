package rest_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// operations returns what the description offers under /api, and under /api/topics and /api/folders with the id of one of each.
func (h *house) operations() (all []operation) {
	h.t.Helper()
	topic := h.json("POST", "/api/topics", `{"name":"T"}`).is(http.StatusCreated).text("id")
	folder := h.json("POST", "/api/folders", `{"name":"F"}`).is(http.StatusCreated).text("id")
	document := h.keep("a.txt", "x")
	for path, item := range description(h.t).root["paths"].(map[string]any) {
		id := document
		switch {
		case strings.HasPrefix(path, "/api/topics/"):
			id = topic
		case strings.HasPrefix(path, "/api/folders/"):
			id = folder
		case strings.HasPrefix(path, "/api/tasks/"):
			id = "some-task"
		case strings.HasPrefix(path, "/api/links/"):
			link := h.get("/api/documents/" + document + "/url").is(http.StatusOK).text("url")
			path = "/api/links/" + link[strings.LastIndex(link, "/")+1:]
		}
		for method, raw := range item.(map[string]any) {
			described, ok := raw.(map[string]any)
			if !ok {
				continue
			}
			op := operation{method: strings.ToUpper(method), path: strings.NewReplacer("{id}", id, "{topic_id}", topic).Replace(path)}
			body, _ := description(h.t).resolve(described["requestBody"], "")
			content, _ := body["content"].(map[string]any)
			op.takesJSON, op.takesForm = content["application/json"] != nil, content["multipart/form-data"] != nil
			all = append(all, op)
		}
	}
	return all
}

type operation struct {
	method, path         string
	takesJSON, takesForm bool
}

func (op operation) String() string { return op.method + " " + op.path }

// Whatever takes JSON judges it alike, and what it refuses changes nothing.
func TestEveryJSONBodyIsJudgedAlike(t *testing.T) {
	t.Parallel()
	h := open(t)
	judged := 0
	for _, op := range h.operations() {
		if !op.takesJSON {
			continue
		}
		judged++
		for body, want := range map[string]int{
			``: 400, `{`: 400, `{"name":"a"} x`: 400, "{\"name\":\"\xff\"}": 400,
			`[]`: 422, `null`: 422, `{"nobody_knows_this":1}`: 422, `{"nobody_knows_this":1,"nobody_knows_this":2}`: 422,
			`{"name":"` + strings.Repeat("a", 64<<10) + `"}`: 413,
		} {
			if a := h.json(op.method, op.path, body); a.status != want {
				t.Errorf("%s with %.40q: %d, want %d: %s", op, body, a.status, want, clip(a.body))
			}
		}
		h.json(op.method, op.path, `{"nobody_knows_this":1}`).names("nobody_knows_this")
		if a := h.send(op.method, op.path, strings.NewReader(`{"name":"b","filename":"b"}`), "Content-Type", "text/plain"); a.status != http.StatusUnsupportedMediaType {
			t.Errorf("%s with plain text: %d", op, a.status)
		}
	}
	if judged != 7 {
		t.Errorf("%d operations take JSON", judged)
	}
	topics, folders, documents := h.get("/api/topics").list(), h.get("/api/folders").list(), h.get("/api/documents").list()
	if len(topics) != 1 || topics[0]["name"] != "T" || len(folders) != 1 || folders[0]["name"] != "F" || len(documents) != 1 || documents[0]["filename"] != "a.txt" {
		t.Errorf("something was changed: %v %v %v", topics, folders, documents)
	}
}

// Without the database everything under /api that needs it says so, and when to come again. Only the settings need nothing.
func TestEveryOperationWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	h := open(t)
	all := h.operations()
	h.repo.Down()
	for _, op := range all {
		if !strings.HasPrefix(op.path, "/api/") || op.path == "/api/settings" {
			continue
		}
		var a *answer
		switch {
		case op.takesJSON:
			a = h.json(op.method, op.path, `{"name":"b"}`)
			if strings.HasPrefix(op.path, "/api/documents/") {
				a = h.json(op.method, op.path, `{"filename":"b"}`)
			}
		case op.takesForm:
			a = h.uploadTo(op.path, file("b.txt", "b"))
		default:
			a = h.send(op.method, op.path, nil)
		}
		if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || op.method != http.MethodHead && a.text("code") != "unavailable" {
			t.Errorf("%s: %d, Retry-After %q: %s", op, a.status, a.header.Get("Retry-After"), clip(a.body))
		}
	}
	h.get("/api/settings").is(http.StatusOK)
	h.get("/health/live").is(http.StatusOK)
}

// A slash more is the same path for every operation, and never a redirect.
func TestEveryOperationTakesATrailingSlash(t *testing.T) {
	t.Parallel()
	h := open(t)
	all := h.operations()
	h.repo.Down() // so that none changes what another needs; the refusal tells which handler was reached
	for _, op := range all {
		var plain, slashed *answer
		for suffix, to := range map[string]**answer{"": &plain, "/": &slashed} {
			var body io.Reader
			var headers []string
			if op.takesJSON {
				body, headers = strings.NewReader(`{"nobody_knows_this":1}`), []string{"Content-Type", "application/json"}
			}
			*to = h.send(op.method, op.path+suffix, body, headers...)
		}
		if slashed.status != plain.status || slashed.status/100 == 3 || slashed.header.Get("Content-Type") != plain.header.Get("Content-Type") {
			t.Errorf("%s answers %d, with a slash at its end %d", op, plain.status, slashed.status)
		}
	}
}

// Storage that breaks in the middle of a download cuts the connection, and the log tells it from a client that left.
func TestDownloadStorageBreaks(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.keep("a.txt", strings.Repeat("x", 1<<20))
	h.storage.FailGetAfter(300<<10, errors.New("connection reset by peer"))
	if body, err := download(t, h, "/api/documents/"+id+"/content"); !errors.Is(err, io.ErrUnexpectedEOF) || len(body) != 300<<10 {
		t.Errorf("got %d bytes and %v", len(body), err)
	}
	eventually(t, "it is logged", func() bool { return len(h.logs.lines(t, "download cut off, storage failed")) == 1 })
	if line := h.logs.lines(t, "download cut off, storage failed")[0]; line["document_id"] != id || line["error"] != "connection reset by peer" {
		t.Errorf("the log says %v", line)
	}
	if body, err := download(t, h, "/api/documents/"+id+"/content"); err != nil || len(body) != 1<<20 {
		t.Errorf("afterwards: %d bytes and %v", len(body), err)
	}
}

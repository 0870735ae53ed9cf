package rest_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
)

// TestIfMatch: a change that expects another version than there is changes nothing, one that expects the present one is made, and
// what people cannot change makes no other version.
func TestIfMatch(t *testing.T) {
	t.Parallel()
	h := open(t)
	topic := h.json("POST", "/api/topics", `{"name":"T"}`).is(http.StatusCreated)
	folder := h.json("POST", "/api/folders", `{"name":"F"}`).is(http.StatusCreated)
	h.clock.advance(1)
	doc := h.upload(file("a.txt", "content")).is(http.StatusCreated)
	for path, c := range map[string]struct {
		made   *answer
		change []string // two that differ
		field  string
	}{
		"/api/topics/" + topic.text("id"):   {topic, []string{`{"name":"U"}`, `{"name":"V"}`}, "name"},
		"/api/folders/" + folder.text("id"): {folder, []string{`{"name":"G"}`, `{"name":"H"}`}, "name"},
		"/api/documents/" + doc.text("id"):  {doc, []string{`{"filename":"b.txt"}`, `{"filename":"c.txt"}`}, "filename"},
	} {
		before := h.get(path).is(http.StatusOK)
		tag := before.header.Get("ETag")
		if tag == "" || tag != c.made.header.Get("ETag") {
			t.Errorf("%s: ETag %q when read, %q when made", path, tag, c.made.header.Get("ETag"))
		}
		if strings.HasPrefix(path, "/api/documents/") {
			h.finish(doc.text("id"), "text") // reading it is no change of anybody's
		}
		for _, other := range []string{`"x"`, "W/" + tag, `"x", "y"`} {
			refused := h.json("PATCH", path, c.change[0], "If-Match", other).is(http.StatusPreconditionFailed)
			if refused.object()["code"] != "precondition_failed" {
				t.Errorf("%s: %s", path, refused.body)
			}
			h.send("DELETE", path, nil, "If-Match", other).is(http.StatusPreconditionFailed)
			h.json("PATCH", path, `{}`, "If-Match", other).is(http.StatusPreconditionFailed)
		}
		if now := h.get(path); now.text(c.field) != before.text(c.field) || now.header.Get("ETag") != tag {
			t.Errorf("%s: changed all the same: %s", path, now.body)
		}
		changed := h.json("PATCH", path, c.change[0], "If-Match", `"x", `+tag).is(http.StatusOK)
		next := changed.header.Get("ETag")
		if next == tag || next != h.get(path).header.Get("ETag") {
			t.Errorf("%s: ETag %q after %q", path, next, tag)
		}
		h.json("PATCH", path, c.change[1], "If-Match", tag).is(http.StatusPreconditionFailed)
		h.json("PATCH", path, c.change[1], "If-Match", "*").is(http.StatusOK)
		h.send("DELETE", path, nil, "If-Match", next).is(http.StatusPreconditionFailed)
		if gone := h.send("DELETE", path, nil, "If-Match", h.get(path).header.Get("ETag")); gone.status >= 300 {
			t.Errorf("%s: delete: %d %s", path, gone.status, gone.body)
		}
		h.send("DELETE", path, nil, "If-Match", "*").is(http.StatusNotFound)
	}
}

// TestIfMatchAtOnce: of changes that all expect the version there is, one is made.
func TestIfMatchAtOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	path := "/api/documents/" + h.keep("a.txt", "content")
	tag := h.get(path).header.Get("ETag")
	statuses := make([]int, 8)
	var changing sync.WaitGroup
	for i := range statuses {
		changing.Go(func() {
			statuses[i] = h.json("PATCH", path, fmt.Sprintf(`{"filename":"%d.txt"}`, i), "If-Match", tag).status
		})
	}
	changing.Wait()
	made := 0
	for _, status := range statuses {
		switch status {
		case http.StatusOK:
			made++
		case http.StatusPreconditionFailed:
		default:
			t.Errorf("status %d", status)
		}
	}
	if made != 1 {
		t.Errorf("%d changes were made", made)
	}
}

// uploadAs uploads under a key.
func (h *house) uploadAs(key, path string, parts ...part) *answer {
	h.t.Helper()
	contentType, body := form(h.t, parts...)
	return h.send(http.MethodPost, path, bytes.NewReader(body), "Content-Type", contentType, "Idempotency-Key", key)
}

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	h := open(t)
	const upload = "/api/documents/upload"
	first := h.uploadAs("key-1", upload, file("a.txt", "content")).is(http.StatusCreated)
	if first.header.Get("Idempotency-Replayed") != "" {
		t.Error("the first is a replay")
	}
	for _, policy := range []string{"", "?on_duplicate=reject", "?on_duplicate=existing"} {
		again := h.uploadAs("key-1", upload+policy, file("another name.txt", "content")).is(http.StatusCreated)
		if again.text("id") != first.text("id") || again.header.Get("Idempotency-Replayed") != "true" || again.header.Get("Location") != first.header.Get("Location") {
			t.Errorf("%q: %s %v", policy, again.body, again.header)
		}
	}
	h.uploadAs("key-1", upload, file("a.txt", "other content")).is(http.StatusUnprocessableEntity).hasReason("idempotency_key_reused")
	if other := h.uploadAs("key-2", upload, file("a.txt", "content")).is(http.StatusCreated); other.text("id") == first.text("id") {
		t.Error("two keys, one document")
	}
	h.uploadAs("key-3", upload+"?on_duplicate=existing", file("a.txt", "content")).is(http.StatusOK)
	if names := h.storage.Names(); len(names) != 2 {
		t.Errorf("objects %q", names)
	}
	// A key is free again once its document is gone.
	h.send("DELETE", "/api/documents/"+first.text("id"), nil).is(http.StatusNoContent)
	h.uploadAs("key-1", upload, file("a.txt", "other content")).is(http.StatusCreated)
	for _, bad := range []string{"", " ", "a b", "ü", strings.Repeat("x", 256)} {
		h.uploadAs(bad, upload, file("a.txt", "x")).is(http.StatusUnprocessableEntity).names("Idempotency-Key")
	}
}

// TestIdempotentTwins: the same upload sent many times at once is one document, and one object.
func TestIdempotentTwins(t *testing.T) {
	t.Parallel()
	h := open(t)
	key := uuid.NewString()
	ids := make([]string, 12)
	var sending sync.WaitGroup
	for i := range ids {
		sending.Go(func() {
			ids[i] = h.uploadAs(key, "/api/documents/upload", file("a.txt", "content")).is(http.StatusCreated).text("id")
		})
	}
	sending.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Errorf("two documents: %s and %s", id, ids[0])
		}
	}
	if names := h.storage.Names(); len(names) != 1 {
		t.Errorf("objects %q", names)
	}
}

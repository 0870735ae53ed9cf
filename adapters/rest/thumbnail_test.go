package rest_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// TestWhatWasFoundIsShown: all of it in the single document, all but the long parts in lists.
func TestWhatWasFoundIsShown(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.keep("a.txt", "content")
	pages := 2
	h.complete(id, ports.Outcome{Text: "one two", Truncated: true, PageCount: &pages, PageStarts: []int{0, 4}, About: domain.About{
		Title: "Title", Author: "Author", Language: "en-GB", Warning: "beware",
		AuthoredAt: time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC), ModifiedAt: time.Date(2002, 2, 3, 4, 5, 6, 0, time.UTC),
	}})
	want := map[string]any{"title": "Title", "author": "Author", "language": "en-GB", "warning": "beware", "text_truncated": true,
		"authored_at": "2001-02-03T04:05:06.000000Z", "modified_at": "2002-02-03T04:05:06.000000Z", "page_count": 2.0, "thumbnail_url": nil}
	single, listed := h.get("/api/documents/"+id).is(http.StatusOK).object(), h.get("/api/documents").is(http.StatusOK).list()[0]
	for key, value := range want {
		if single[key] != value || listed[key] != value {
			t.Errorf("%s: %v alone and %v in the list, want %v", key, single[key], listed[key], value)
		}
	}
	if starts, ok := single["page_starts"].([]any); !ok || len(starts) != 2 || starts[1] != 4.0 {
		t.Errorf("page_starts: %v", single["page_starts"])
	}
	if _, there := listed["page_starts"]; there {
		t.Error("the list has page_starts")
	}
}

func TestThumbnail(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.keep("a.txt", "content")
	path := "/api/documents/" + id + "/thumbnail"
	h.get(path).is(http.StatusNotFound).hasReason("no_thumbnail")
	h.get("/api/documents/" + uuid.NewString() + "/thumbnail").is(http.StatusNotFound)
	h.get("/api/documents/x/thumbnail").is(http.StatusBadRequest)

	key := h.thumbnail(id, "a picture")
	h.complete(id, ports.Outcome{Thumbnail: key})
	if url := h.get("/api/documents/" + id).object()["thumbnail_url"]; url != path {
		t.Errorf("thumbnail_url %v", url)
	}
	got := h.get(path).is(http.StatusOK)
	for name, want := range map[string]string{"Content-Type": "image/jpeg", "Content-Length": "9", "Cache-Control": "private, no-cache",
		"X-Content-Type-Options": "nosniff", "Content-Disposition": "inline", "Content-Security-Policy": "default-src 'none'; sandbox"} {
		if got.header.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, got.header.Get(name), want)
		}
	}
	if string(got.body) != "a picture" {
		t.Errorf("body %q", got.body)
	}
	tag := got.header.Get("ETag")
	if len(tag) < 10 || strings.Contains(tag, key.String()) {
		t.Errorf("ETag %q", tag)
	}
	head := h.send(http.MethodHead, path, nil).is(http.StatusOK)
	if head.header.Get("ETag") != tag || head.header.Get("Content-Length") != strconv.Itoa(len("a picture")) || len(head.body) != 0 {
		t.Errorf("HEAD: %v", head.header)
	}
	for _, none := range []string{tag, "W/" + tag, `"x", ` + tag, "*"} {
		if not := h.get(path, "If-None-Match", none).is(http.StatusNotModified); not.header.Get("ETag") != tag || len(not.body) != 0 {
			t.Errorf("304 for %s: %v", none, not.header)
		}
	}
	h.get(path, "If-None-Match", `"other"`).is(http.StatusOK)

	// Another round, another picture, another tag.
	h.json(http.MethodPost, "/api/documents/"+id+"/process", "").is(http.StatusAccepted)
	h.complete(id, ports.Outcome{Thumbnail: h.thumbnail(id, "another")})
	if again := h.get(path, "If-None-Match", tag).is(http.StatusOK); string(again.body) != "another" || again.header.Get("ETag") == tag {
		t.Errorf("after another round: %q, %v", again.body, again.header)
	}

	// The bytes are gone.
	h.json(http.MethodPost, "/api/documents/"+id+"/process", "").is(http.StatusAccepted)
	h.complete(id, ports.Outcome{Thumbnail: domain.NewThumbnailKey(domain.Nobody, mustID(t, id), uuid.New())})
	h.get(path).is(http.StatusNotFound).hasReason("content_missing")
	h.storage.Down()
	h.get(path).is(http.StatusServiceUnavailable)
}

// thumbnail stores a thumbnail's bytes, as a worker does.
func (h *house) thumbnail(id, content string) domain.ObjectKey {
	h.t.Helper()
	key := domain.NewThumbnailKey(domain.Nobody, mustID(h.t, id), uuid.New())
	if _, err := h.storage.Put(h.t.Context(), key, strings.NewReader(content), int64(len(content)), "image/jpeg"); err != nil {
		h.t.Fatal(err)
	}
	return key
}

func mustID(t *testing.T, s string) domain.DocumentID {
	t.Helper()
	id, err := domain.ParseDocumentID(s)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

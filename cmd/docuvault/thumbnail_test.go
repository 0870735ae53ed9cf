package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/docuvault/docuvault/cmd/docuvault/shell"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/internal/testenv"
	"github.com/docuvault/docuvault/ports"
)

// picturing is an extractor that adds a picture to what another reads.
type picturing struct{ ports.Extractor }

func (x picturing) Extract(ctx context.Context, source ports.Source) (ports.Extraction, error) {
	got, err := x.Extractor.Extract(ctx, source)
	got.Title, got.Thumbnail = "what it is called", []byte("a picture")
	return got, err
}

func picturingWorker(hooks shell.Hooks) {
	hooks.Extractor = func(x ports.Extractor) ports.Extractor { return picturing{x} }
	haltingWorker(hooks)
}

// TestThumbnailSurvivesAKill: a worker that is killed between a thumbnail's bytes and its row leaves an object that the sweeper
// knows as nobody's; the next worker's thumbnail is served, and goes with the document.
func TestThumbnailSurvivesAKill(t *testing.T) {
	t.Parallel()
	s := services(t)
	api := process(t, s.env, "api")
	v := listening(t, api)
	halting := testenv.Child(t, "worker that halts after its thumbnail", s.env...)
	doc := v.mustUpload(t, "a.txt", "read by the second worker")
	halting.WaitLine(t, "halted after put")
	halting.Kill()
	worker := testenv.Child(t, "worker with thumbnails", s.env...)
	v.ready(t, doc.ID, 3*time.Minute)

	var shown struct {
		Title        string `json:"title"`
		ThumbnailURL string `json:"thumbnail_url"`
	}
	if status, err := v.call(http.MethodGet, "/api/documents/"+doc.ID, "", nil, &shown); err != nil || status != http.StatusOK || shown.Title != "what it is called" {
		t.Fatalf("%+v: %d, %v", shown, status, err)
	}
	response, err := v.client.Get(v.url + shown.ThumbnailURL)
	if err != nil {
		t.Fatal(err)
	}
	picture, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil || string(picture) != "a picture" || response.Header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("%d %q %v %v", response.StatusCode, picture, response.Header, err)
	}
	sweep := func(want string) {
		t.Helper()
		if code, stdout, stderr := once(t, s.env, "sweep", "--delete"); code != 0 || !strings.Contains(stdout, want) {
			t.Errorf("sweep: %d %s%s", code, stdout, stderr)
		}
	}
	sweep("3 objects: 0 that no document names (0 bytes), 0 removed, 1 too young to tell")
	if status, err := v.call(http.MethodDelete, "/api/documents/"+doc.ID, "", nil, nil); err != nil || status != http.StatusNoContent {
		t.Errorf("delete: %d, %v", status, err)
	}
	sweep("1 objects: 0 that no document names (0 bytes), 0 removed, 1 too young to tell")
	stop(t, worker)
	stop(t, api)
}

// haltingThumbnails stops between the bytes and the row of a thumbnail.
type haltingThumbnails struct{ ports.StorageBackend }

func (s haltingThumbnails) Put(ctx context.Context, key domain.ObjectKey, r io.Reader, size int64, contentType string) (int64, error) {
	n, err := s.StorageBackend.Put(ctx, key, r, size, contentType)
	if err != nil {
		return n, fmt.Errorf("put: %w", err)
	}
	halt(context.Background(), "halted after put")
	return n, nil
}

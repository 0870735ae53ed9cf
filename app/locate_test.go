package app_test

import (
	"errors"
	"testing"
	"time"

	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// A document of another backend is neither lost nor broken: people are told where its bytes are, and its processing waits, for
// as long as it takes, for a worker that can read them.
func TestDocumentStoredElsewhere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	doc := h.row(t, func(up *domain.Upload) { up.Backend = "minio" })

	_, err := h.OpenContent(t.Context(), doc, ports.Range{})
	mustCode(t, err, domain.Unavailable)
	if domain.ErrorReason(err) != "stored_elsewhere" {
		t.Errorf("content: %v", err)
	}
	_, err = h.Link(t.Context(), domain.Nobody, doc.ID, 0, func(domain.Document) ports.Link { return ports.Link{} })
	mustCode(t, err, domain.Unavailable)

	for range 3 * recovery.MaxRequeues {
		_, err := h.processor.Process(t.Context(), doc.ID)
		var retry *app.RetryError
		if !errors.As(err, &retry) || !retry.Held || retry.After < time.Minute {
			t.Fatalf("processing: %v", err)
		}
	}
	if now := h.document(t, doc.ID); now.Status != domain.Pending || now.Attempts != 0 || now.Requeues != 0 {
		t.Errorf("left as %+v", now.Progress)
	}

	if err := h.DeleteDocument(t.Context(), domain.Nobody, doc.ID); err != nil {
		t.Errorf("delete: %v", err)
	}
}

package app_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/domain"
)

// row adds a document whose bytes were never stored.
func (h *house) row(t *testing.T, change ...func(*domain.Upload)) domain.Document {
	t.Helper()
	id := domain.DocumentID(uuid.New())
	up := domain.Upload{ID: id, Name: "a.txt", Object: domain.NewObjectKey(domain.Nobody, id, uuid.New(), "a.txt"),
		ContentType: "text/plain", Size: 1, Backend: h.storage.Name(), Task: domain.TaskID(uuid.NewString())}
	for _, c := range change {
		c(&up)
	}
	doc := domain.NewDocument(up, h.clock.Now(), recovery)
	if err := h.repo.AddDocument(t.Context(), doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// The nil UUID is an id as good as any; it must not read as "from the beginning".
func TestSweepEndsAtTheNilUUID(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.row(t, func(up *domain.Upload) { up.ID = domain.DocumentID{} })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if report, err := h.sweeper.Sweep(ctx, app.SweepOptions{}); err != nil || report.Documents != 1 {
		t.Errorf("%+v, error %v", report, err)
	}
}

// After a change of backend the old documents are not missing: nothing was asked about them, and nothing of theirs is removed.
func TestSweepSkipsDocumentsStoredElsewhere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.row(t)
	h.row(t, func(up *domain.Upload) { up.Backend = "minio" })
	report, err := h.sweeper.Sweep(t.Context(), app.SweepOptions{Delete: true})
	if err != nil || report.Documents != 2 || report.Missing != 1 || report.Elsewhere != 1 {
		t.Errorf("%+v, error %v", report, err)
	}
}

// A row whose key is not of our shape is damaged, and neither its sweep nor its processing says that bytes are gone.
func TestDamagedObjectKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	doc := h.row(t, func(up *domain.Upload) { up.Object = domain.ObjectKey{} })
	var findings []app.Finding
	report, err := h.sweeper.Sweep(t.Context(), app.SweepOptions{Delete: true, Found: func(f app.Finding) { findings = append(findings, f) }})
	if err != nil || report.Documents != 1 || report.Missing != 0 || report.Damaged != 1 {
		t.Errorf("%+v, error %v", report, err)
	}
	if len(findings) != 1 || findings[0].Kind != app.DamagedKey || findings[0].Document != doc.ID {
		t.Errorf("found %+v", findings)
	}
	if _, err := h.processor.Process(t.Context(), doc.ID); err != nil {
		t.Fatal(err)
	}
	if now := h.document(t, doc.ID); now.Status != domain.Failed || now.Failure.Code != "object_key_damaged" {
		t.Errorf("left as %+v", now.Progress)
	}
}

package app_test

import (
	"bytes"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/adapters/memory"
	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/domain"
)

func TestVerify(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.extract = pictured
	good, missing, changed, unseen := h.upload(t, "good", "good"), h.upload(t, "missing", "missing"), h.upload(t, "changed", "changed"), h.upload(t, "unseen", "unseen")
	h.work(t)
	replace := func(doc domain.Document, content string) {
		if err := h.storage.Delete(t.Context(), doc.Object); err != nil {
			t.Fatal(err)
		}
		if content == "" {
			return
		}
		if _, err := h.storage.Put(t.Context(), doc.Object, strings.NewReader(content), -1, "text/plain"); err != nil {
			t.Fatal(err)
		}
	}
	replace(missing, "")
	replace(changed, "CHANGED")
	if err := h.storage.Delete(t.Context(), h.document(t, unseen.ID).Thumbnail); err != nil {
		t.Fatal(err)
	}
	add := func(change func(*domain.Upload), content string) domain.Document {
		up := domain.Upload{ID: domain.DocumentID(uuid.Must(uuid.NewV7())), Name: "x", ContentType: "text/plain", Backend: h.storage.Name(), Size: int64(len(content))}
		up.Object = domain.NewObjectKey(domain.Nobody, up.ID, uuid.New(), "x")
		change(&up)
		if !up.Object.IsZero() {
			if _, err := h.storage.Put(t.Context(), up.Object, bytes.NewReader([]byte(content)), -1, ""); err != nil {
				t.Fatal(err)
			}
		}
		doc := domain.NewDocument(up, h.clock.Now(), recovery)
		if err := h.repo.AddDocument(t.Context(), doc); err != nil {
			t.Fatal(err)
		}
		return doc
	}
	add(func(*domain.Upload) {}, "of Python's")
	short := add(func(up *domain.Upload) { up.Size = 1 }, "of Python's, and longer")
	damaged := add(func(up *domain.Upload) { up.Object = domain.ObjectKey{} }, "")
	add(func(up *domain.Upload) { up.Backend, up.Object = "tape", domain.ObjectKey{} }, "")

	verifier := app.NewVerifier(app.VerifierDeps{Storage: h.storage, Repo: h.repo})
	documents, total, err := verifier.Total(t.Context())
	if err != nil || documents != 7 || total != 4+7+7+6+11+1 {
		t.Errorf("%d documents of %d bytes, %v", documents, total, err)
	}
	found := map[domain.DocumentID]app.DiscrepancyKind{}
	var read atomic.Int64
	report, err := verifier.Verify(t.Context(), app.VerifyOptions{
		Read: func(n int64) { read.Add(n) },
		Found: func(d app.Discrepancy) {
			if _, twice := found[d.Document]; twice {
				t.Errorf("%s is reported twice", d.Document)
			}
			found[d.Document] = d.Kind
		},
	})
	if err != nil || report.Documents != 8 || report.Verified != 1 || report.Unhashed != 1 || report.Different != 5 || report.Elsewhere != 1 || report.Bytes != read.Load() {
		t.Errorf("%+v, read %d, %v", report, read.Load(), err)
	}
	want := map[domain.DocumentID]app.DiscrepancyKind{missing.ID: app.BytesMissing, changed.ID: app.BytesDiffer, unseen.ID: app.NoThumbnail,
		short.ID: app.BytesDiffer, damaged.ID: app.RowDamaged}
	for id, kind := range want {
		if found[id] != kind {
			t.Errorf("%s: %q, want %q", id, found[id], kind)
		}
	}
	if len(found) != len(want) || found[good.ID] != "" {
		t.Errorf("found %v", found)
	}

	// Storage that is down is no difference.
	h.storage.Fail(memory.GetOp, errDown)
	_, err = verifier.Verify(t.Context(), app.VerifyOptions{})
	mustCode(t, err, domain.Unavailable)
}

// TestVerifyWhileDocumentsGo: a document that is deleted while it is read is no difference.
func TestVerifyWhileDocumentsGo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	doc := h.upload(t, "x", "content")
	if err := h.storage.Delete(t.Context(), doc.Object); err != nil {
		t.Fatal(err)
	}
	h.repo.Fail("Document", domain.Errorf(domain.NotFound, "it has gone"))
	report, err := app.NewVerifier(app.VerifierDeps{Storage: h.storage, Repo: h.repo}).Verify(t.Context(), app.VerifyOptions{})
	if err != nil || report.Different != 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

package app_test

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/adapters/backup"
	"github.com/docuvault/docuvault/adapters/memory"
	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// export backs a house up into a folder; meanwhile happens between the rows and the objects.
func (h *house) export(t *testing.T, dir string, meanwhile func(), options app.ExportOptions) (app.ExportReport, error) {
	t.Helper()
	sink, err := backup.CreateFolder(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	return app.NewExporter(app.ExporterDeps{Storage: h.storage, Repo: h.repo, Now: h.clock.Now}).Export(t.Context(), &pausedSink{sink, meanwhile}, options)
}

type pausedSink struct {
	ports.BackupSink
	meanwhile func()
}

func (s *pausedSink) EachRow(ctx context.Context, each func(ports.Record) error) error {
	s.meanwhile()
	return s.BackupSink.EachRow(ctx, each)
}

// restore brings a backup back from a folder.
func (h *house) restore(t *testing.T, dir string) (app.RestoreReport, error) {
	t.Helper()
	source, err := backup.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	return app.NewRestorer(app.RestorerDeps{Storage: h.storage, Repo: h.repo, Now: h.clock.Now}).Restore(t.Context(), source, app.RestoreOptions{})
}

func (h *house) content(t *testing.T, name string) string {
	t.Helper()
	key, err := domain.ParseObjectKey(name)
	if err != nil {
		t.Fatal(err)
	}
	r, _, err := h.storage.Get(t.Context(), key, ports.Range{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func nothing() {}

// TestBackup: what was finished comes back as it was, what was under way is done in the new place.
func TestBackup(t *testing.T) {
	t.Parallel()
	h, dir := newHouse(t), filepath.Join(t.TempDir(), "backup")
	h.extract = pictured
	if _, err := h.AddTopic(t.Context(), domain.Nobody, "e", "", ""); err != nil {
		t.Fatal(err)
	}
	done := h.upload(t, "a.txt", "done")
	h.work(t)
	model := domain.NewModelKey(domain.Nobody, uuid.New())
	if _, err := h.storage.Put(t.Context(), model, strings.NewReader("a model"), -1, ""); err != nil {
		t.Fatal(err)
	}
	waiting, held := h.upload(t, "waiting.txt", "waiting"), h.upload(t, "held.txt", "held")
	if _, err := h.repo.Advance(t.Context(), held.ID, func(d *domain.Document) error {
		_, err := d.Claim(h.clock.Now(), recovery)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	var total, read int64
	report, err := h.export(t, dir, nothing, app.ExportOptions{Total: func(n int64) { total += n }, Done: func(n int64) { read += n }})
	if err != nil || report.Rows.Documents != 3 || report.Rows.Topics != 1 || report.Objects != 5 || report.Different+report.Deleted+report.Kept != 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	if total != int64(len("done"+"waiting"+"held")) || read != total {
		t.Errorf("%d of %d bytes", read, total)
	}
	again, err := h.export(t, dir, nothing, app.ExportOptions{})
	if err != nil || again.Kept != 3 || again.Objects != 5 {
		t.Errorf("%+v, %v", again, err)
	}

	other := newHouse(t)
	back, err := other.restore(t, dir)
	if err != nil || back.Rows != report.Rows || back.Objects != 5 || back.Bytes != report.Bytes || back.Pending != 2 {
		t.Fatalf("%+v, %v", back, err)
	}
	if got, want := other.document(t, done.ID), h.document(t, done.ID); !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
	if got, want := other.storage.Names(), h.storage.Names(); !reflect.DeepEqual(got, want) {
		t.Errorf("objects %v, want %v", got, want)
	}
	for _, name := range h.storage.Names() {
		if got, want := other.content(t, name), h.content(t, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if _, err := other.reconciler.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	other.work(t)
	for _, doc := range []domain.Document{waiting, held} {
		if got := other.document(t, doc.ID); got.Status != domain.Ready {
			t.Errorf("%+v", got)
		}
	}
	if _, err := other.restore(t, dir); domain.ErrorReason(err) != "not_empty" {
		t.Errorf("into a vault that is not empty: %v", err)
	}
}

// TestBackupOfAVaultInUse: what was deleted meanwhile does not come back, what the vault has lost is named and no error.
func TestBackupOfAVaultInUse(t *testing.T) {
	t.Parallel()
	h, dir := newHouse(t), filepath.Join(t.TempDir(), "backup")
	h.extract = pictured
	if _, err := h.AddTopic(t.Context(), domain.Nobody, "e", "", ""); err != nil {
		t.Fatal(err)
	}
	kept, deleted, lost := h.upload(t, "a1", "kept"), h.upload(t, "a2", "deleted"), h.upload(t, "a3", "lost")
	h.work(t)
	thumbnail := h.document(t, kept.ID).Thumbnail
	var found []app.Discrepancy
	report, err := h.export(t, dir, func() {
		h.upload(t, "later", "later")
		if err := h.DeleteDocument(t.Context(), domain.Nobody, deleted.ID); err != nil {
			t.Fatal(err)
		}
		for _, key := range []domain.ObjectKey{lost.Object, thumbnail} {
			if err := h.storage.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
	}, app.ExportOptions{Found: func(d app.Discrepancy) { found = append(found, d) }})
	if err != nil || report.Deleted != 1 || report.Different != 1 || len(found) != 1 || found[0].Kind != app.BytesMissing || found[0].Document != lost.ID {
		t.Fatalf("%+v, %+v, %v", report, found, err)
	}
	other := newHouse(t)
	back, err := other.restore(t, dir)
	if err != nil || back.Deleted != 1 || back.Rows.Documents != 2 || back.Rows.Filings != 1 {
		t.Fatalf("%+v, %v", back, err)
	}
	if got := other.document(t, kept.ID); !got.Thumbnail.IsZero() || len(got.Topics) != 1 {
		t.Errorf("%+v", got)
	}
	verified, err := app.NewVerifier(app.VerifierDeps{Storage: other.storage, Repo: other.repo}).Verify(t.Context(), app.VerifyOptions{})
	if err != nil || verified.Verified != 1 || verified.Different != 1 {
		t.Errorf("%+v, %v", verified, err)
	}
}

// TestRestoreGoesOn: what a restore that failed leaves is objects alone, and the next one does not store them again.
func TestRestoreGoesOn(t *testing.T) {
	t.Parallel()
	h, dir := newHouse(t), filepath.Join(t.TempDir(), "backup")
	h.upload(t, "a", "one")
	h.upload(t, "b", "two")
	if _, err := h.export(t, dir, nothing, app.ExportOptions{}); err != nil {
		t.Fatal(err)
	}
	other := newHouse(t)
	puts := 0
	other.storage.Before(func(_ context.Context, op memory.StorageOp, _ domain.ObjectKey) error {
		if op == memory.PutOp {
			puts++
		}
		if puts == 2 {
			return domain.Errorf(domain.Unavailable, "storage is away")
		}
		return nil
	})
	if _, err := other.restore(t, dir); domain.ErrorCode(err) != domain.Unavailable {
		t.Fatal(err)
	}
	if rows := other.rows(t); len(rows) != 0 || len(other.storage.Names()) != 1 {
		t.Errorf("%d rows, objects %v", len(rows), other.storage.Names())
	}
	puts = 3
	if back, err := other.restore(t, dir); err != nil || back.Kept != 1 || back.Objects != 2 {
		t.Errorf("%+v, %v", back, err)
	}
	if got := other.rows(t); len(got) != 2 {
		t.Errorf("%d rows", len(got))
	}

	taken := newHouse(t)
	key, err := domain.ParseObjectKey(h.storage.Names()[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := taken.storage.Put(t.Context(), key, strings.NewReader("another's"), -1, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := taken.restore(t, dir); domain.ErrorReason(err) != "other_bytes" || taken.content(t, key.String()) != "another's" || len(taken.rows(t)) != 0 {
		t.Errorf("other bytes under the key: %v", err)
	}
}

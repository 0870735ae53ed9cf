package app_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/adapters/memory"
	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// pictured reads a document as plain does and makes its first word its title and its thumbnail.
func pictured(ctx context.Context, source ports.Source) (ports.Extraction, error) {
	x, err := plain(ctx, source)
	x.Title, _, _ = strings.Cut(x.Text, " ")
	x.Thumbnail = []byte("picture of " + x.Title)
	return x, err
}

func (h *house) seen(t *testing.T, doc domain.Document) string {
	t.Helper()
	content, size, err := h.OpenThumbnail(t.Context(), doc)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(content)
	if err != nil || content.Close() != nil || int64(len(b)) != size {
		t.Fatalf("read %q of %d bytes, error %v", b, size, err)
	}
	return string(b)
}

func (h *house) again(t *testing.T, doc domain.Document) domain.Document {
	t.Helper()
	if _, err := h.Reprocess(t.Context(), domain.Nobody, doc.ID); err != nil {
		t.Fatal(err)
	}
	h.work(t)
	return h.document(t, doc.ID)
}

func TestThumbnailIsKeptReplacedAndRemoved(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.extract = pictured
	doc := h.upload(t, "x", "one two")
	if _, _, err := h.OpenThumbnail(t.Context(), doc); domain.ErrorReason(err) != "no_thumbnail" {
		t.Errorf("before it was read: %v", err)
	}
	h.work(t)
	first := h.document(t, doc.ID)
	if h.seen(t, first) != "picture of one" || first.About.Title != "one" || first.Thumbnail.Document() != doc.ID || len(h.objects(t)) != 2 {
		t.Errorf("%+v, objects %q", first, h.objects(t))
	}
	second := h.again(t, doc)
	if second.Thumbnail == first.Thumbnail || h.seen(t, second) != "picture of one" || len(h.objects(t)) != 2 {
		t.Errorf("after another round: %s, objects %q", second.Thumbnail, h.objects(t))
	}
	if _, _, err := h.OpenThumbnail(t.Context(), first); domain.ErrorCode(err) != domain.Unavailable {
		t.Errorf("the one before: %v", err)
	}
	// A round that fails keeps it, one that finds nothing to show drops it.
	h.extract = func(context.Context, ports.Source) (ports.Extraction, error) {
		return ports.Extraction{}, domain.Errorf(domain.Unreadable, "it is broken").Because(ports.ReasonCorrupt)
	}
	if failed := h.again(t, doc); failed.Status != domain.Failed || failed.Thumbnail != second.Thumbnail || h.seen(t, failed) != "picture of one" {
		t.Errorf("after a failure: %+v", failed)
	}
	h.extract = plain
	if bare := h.again(t, doc); !bare.Thumbnail.IsZero() || bare.About != (domain.About{}) || len(h.objects(t)) != 1 {
		t.Errorf("without a picture: %+v, objects %q", bare, h.objects(t))
	}
	h.extract = pictured
	h.again(t, doc)
	if err := h.DeleteDocument(t.Context(), domain.Nobody, doc.ID); err != nil || len(h.objects(t)) != 0 {
		t.Errorf("deleted: %v, objects %q", err, h.objects(t))
	}
}

// TestThumbnailOfALostAttempt: an attempt that was overtaken leaves neither its picture in the row nor its object in storage.
func TestThumbnailOfALostAttempt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	doc := h.upload(t, "x", "one two")
	h.extract = func(ctx context.Context, source ports.Source) (ports.Extraction, error) {
		h.extract = pictured
		h.clock.advance(recovery.Lease + time.Second)
		if _, err := h.processor.Process(ctx, doc.ID); err != nil { // another worker
			t.Error(err)
		}
		x, err := pictured(ctx, source)
		x.Thumbnail = []byte("late")
		return x, err
	}
	if _, err := h.processor.Process(t.Context(), doc.ID); err != nil {
		t.Fatal(err)
	}
	if now := h.document(t, doc.ID); h.seen(t, now) != "picture of one" || len(h.objects(t)) != 2 {
		t.Errorf("%s, objects %q", h.seen(t, now), h.objects(t))
	}
	// One that was deleted meanwhile leaves nothing.
	h.extract = func(ctx context.Context, source ports.Source) (ports.Extraction, error) {
		x, err := pictured(ctx, source)
		if gone := h.DeleteDocument(ctx, domain.Nobody, doc.ID); gone != nil {
			t.Error(gone)
		}
		return x, err
	}
	if _, err := h.Reprocess(t.Context(), domain.Nobody, doc.ID); err != nil {
		t.Fatal(err)
	}
	h.work(t)
	if left := h.objects(t); len(left) != 0 {
		t.Errorf("left are %q", left)
	}
}

// TestThumbnailThatNobodyNames: what a failing database leaves behind is the sweeper's, and nothing else is.
func TestThumbnailThatNobodyNames(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	doc := h.upload(t, "x", "one two")
	failing := func(methods ...string) {
		h.extract = func(ctx context.Context, source ports.Source) (ports.Extraction, error) {
			for _, method := range methods {
				h.repo.Fail(method, errDown)
			}
			return pictured(ctx, source)
		}
		var again *app.RetryError
		if _, err := h.processor.Process(t.Context(), doc.ID); !errors.As(err, &again) {
			t.Fatalf("got %v", err)
		}
		h.repo.Up()
	}
	failing("Complete")
	if len(h.objects(t)) != 1 {
		t.Fatalf("given back, and left are %q", h.objects(t))
	}
	failing("Complete", "Advance")
	if len(h.objects(t)) != 2 {
		t.Fatalf("nobody knows what became of it, and left are %q", h.objects(t))
	}
	h.extract = pictured
	h.clock.advance(recovery.Lease)
	if _, err := h.processor.Process(t.Context(), doc.ID); err != nil {
		t.Fatal(err)
	}
	now := h.document(t, doc.ID)
	if h.seen(t, now) != "picture of one" || len(h.objects(t)) != 3 {
		t.Fatalf("objects %q", h.objects(t))
	}
	h.clock.advance(app.DefaultGrace + time.Second)
	report, err := h.sweeper.Sweep(t.Context(), app.SweepOptions{Delete: true})
	if err != nil || report.Orphans != 1 || report.Removed != 1 || report.Missing+report.MissingThumbnails != 0 {
		t.Errorf("swept %+v, error %v", report, err)
	}
	if h.seen(t, now) != "picture of one" || len(h.objects(t)) != 2 {
		t.Errorf("objects %q", h.objects(t))
	}

	// A thumbnail that is gone is reported, and no loss of the document's bytes.
	if err := h.storage.Delete(t.Context(), now.Thumbnail); err != nil {
		t.Fatal(err)
	}
	var found []app.Finding
	report, err = h.sweeper.Sweep(t.Context(), app.SweepOptions{Found: func(f app.Finding) { found = append(found, f) }})
	if err != nil || report.Missing != 0 || report.MissingThumbnails != 1 || len(found) != 1 ||
		found[0] != (app.Finding{Kind: app.MissingThumbnail, Object: now.Thumbnail.String(), Document: doc.ID}) {
		t.Errorf("looked %+v, found %+v, error %v", report, found, err)
	}
	if _, _, err := h.OpenThumbnail(t.Context(), now); domain.ErrorReason(err) != "content_missing" {
		t.Errorf("opened: %v", err)
	}
}

// TestThumbnailWhileStorageIsDown: the document waits for storage rather than going without its picture.
func TestThumbnailWhileStorageIsDown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.extract = pictured
	doc := h.upload(t, "x", "one two")
	h.storage.Fail(memory.PutOp, errDown)
	var again *app.RetryError
	if _, err := h.processor.Process(t.Context(), doc.ID); !errors.As(err, &again) {
		t.Errorf("got %v", err)
	}
	if now := h.document(t, doc.ID); now.Status != domain.Pending {
		t.Errorf("status %s", now.Status)
	}
	h.storage.Fail(memory.PutOp, nil)
	if _, err := h.processor.Process(t.Context(), doc.ID); err != nil {
		t.Fatal(err)
	}
	h.seen(t, h.document(t, doc.ID))
}

// TestDatesThatCannotBeWritten: a file may claim any date; one that RFC 3339 cannot write is not kept.
func TestDatesThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	good := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	h.extract = func(ctx context.Context, source ports.Source) (ports.Extraction, error) {
		x, err := plain(ctx, source)
		x.Created, x.Modified = good, good.Add(time.Second)
		return x, err
	}
	doc := h.upload(t, "x", uuid.NewString())
	h.work(t)
	if about := h.document(t, doc.ID).About; !about.AuthoredAt.Equal(good) || !about.ModifiedAt.IsZero() {
		t.Errorf("%+v", about)
	}
}

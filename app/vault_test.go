package app_test

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/adapters/memory"
	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

func TestPagesHangTogether(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for range 7 {
		h.upload(t, "x", uuid.NewString())
	}
	for _, limit := range []int{1, 2, 3, 7, 8} {
		var seen []domain.DocumentID
		query := ports.DocumentQuery{Limit: limit}
		for pages := 0; ; pages++ {
			docs, next, err := h.Documents(t.Context(), domain.Nobody, query)
			if err != nil || len(docs) > limit || pages > 7 {
				t.Fatalf("limit %d: page of %d, error %v", limit, len(docs), err)
			}
			for _, doc := range docs {
				seen = append(seen, doc.ID)
			}
			if query.After = next; next == nil {
				break
			}
		}
		slices.SortFunc(seen, func(a, b domain.DocumentID) int { return strings.Compare(a.String(), b.String()) })
		if len(slices.Compact(seen)) != 7 {
			t.Errorf("limit %d: saw %d documents", limit, len(seen))
		}
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	doc := h.upload(t, "x", "text")
	h.storage.Fail(memory.URLOp, domain.Errorf(domain.NotSupported, "no links"))
	describe := func(domain.Document) ports.Link { return ports.Link{} }
	link, err := h.Link(t.Context(), domain.Nobody, doc.ID, 0, describe)
	if err != nil || link.Token == "" || !link.ExpiresAt.Equal(h.clock.Now().Add(time.Hour)) {
		t.Fatalf("link %+v, error %v", link, err)
	}
	if got, err := h.Redeem(t.Context(), link.Token); err != nil || got.ID != doc.ID {
		t.Errorf("redeemed %s, error %v", got.ID, err)
	}
	for i := range link.Token {
		tampered := []byte(link.Token)
		tampered[i] ^= 1
		if _, err := h.Redeem(t.Context(), string(tampered)); domain.ErrorCode(err) != domain.Forbidden {
			t.Fatalf("a token changed at %d: %v", i, err)
		}
	}
	for _, token := range []string{"", "x", link.Token + "A", link.Token[:len(link.Token)-1], "\x00"} {
		_, err := h.Redeem(t.Context(), token)
		mustCode(t, err, domain.Forbidden)
	}
	stranger, err := app.NewLinkSigner("another secret")
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.Redeem(t.Context(), stranger.Sign(domain.Nobody, doc.ID, h.clock.Now().Add(time.Hour)))
	mustCode(t, err, domain.Forbidden)
	h.clock.advance(time.Hour)
	if _, err := h.Redeem(t.Context(), link.Token); domain.ErrorReason(err) != "expired" {
		t.Errorf("an old link: %v", err)
	}
	for _, ttl := range []time.Duration{-time.Second, time.Millisecond, 8 * 24 * time.Hour} {
		_, err := h.Link(t.Context(), domain.Nobody, doc.ID, ttl, describe)
		mustCode(t, err, domain.Invalid)
	}
	_, err = h.Link(t.Context(), domain.Owner(uuid.New()), doc.ID, 0, describe)
	mustCode(t, err, domain.NotFound)
	if _, err := app.NewLinkSigner(""); err == nil {
		t.Error("an empty secret was taken")
	}
}

func TestHealthNamesWhatFails(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	check := func(what string, want app.HealthStatus, postgres, storage, redis bool) {
		t.Helper()
		got := h.Health(t.Context())
		if got.Status != want || got.Postgres.OK != postgres || got.Storage.OK != storage || got.Redis.OK != redis {
			t.Errorf("%s: %+v", what, got)
		}
		for _, c := range []app.Check{got.Postgres, got.Storage, got.Redis} {
			if c.OK != (c.Error == "") {
				t.Errorf("%s: %+v", what, c)
			}
		}
	}
	check("all well", app.HealthOK, true, true, true)
	h.queue.Fail(errDown)
	check("no queue", app.HealthDegraded, true, true, false)
	h.repo.Fail("Health", errDown)
	check("no queue and no database", app.HealthUnavailable, false, true, false)
	h.queue.Fail(nil)
	check("no database", app.HealthUnavailable, false, true, true)
	h.repo.Fail("Health", nil)
	h.storage.Down()
	check("no storage", app.HealthUnavailable, true, false, true)
}

func TestSweep(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	kept, lost := h.upload(t, "kept.txt", "kept"), h.upload(t, "lost.txt", "lost")
	orphan := domain.NewObjectKey(domain.Nobody, domain.DocumentID(uuid.New()), uuid.New(), "orphan.txt")
	put := func(key domain.ObjectKey) {
		if _, err := h.storage.Put(t.Context(), key, strings.NewReader("12345"), -1, "text/plain"); err != nil {
			t.Fatal(err)
		}
	}
	put(orphan)
	if err := h.storage.Delete(t.Context(), lost.Object); err != nil {
		t.Fatal(err)
	}
	h.clock.advance(app.DefaultGrace + time.Second)
	young := domain.NewObjectKey(domain.Nobody, domain.DocumentID(uuid.New()), uuid.New(), "")
	put(young)

	var findings []app.Finding
	found := func(f app.Finding) { findings = append(findings, f) }
	report, err := h.sweeper.Sweep(t.Context(), app.SweepOptions{Found: found})
	if err != nil || report.Orphans != 1 || report.Removed != 0 || report.Young != 1 || report.Missing != 1 || report.Bytes != 5 || report.Documents != 2 || len(h.objects(t)) != 3 {
		t.Errorf("looking: %+v, error %v, objects %d", report, err, len(h.objects(t)))
	}
	if len(findings) != 2 || findings[0].Kind != app.OrphanObject || findings[0].Object != orphan.String() || findings[0].Removed || findings[1].Kind != app.MissingObject || findings[1].Document != lost.ID {
		t.Errorf("found %+v", findings)
	}
	report, err = h.sweeper.Sweep(t.Context(), app.SweepOptions{Delete: true})
	if err != nil || report.Removed != 1 || report.Missing != 1 {
		t.Errorf("deleting: %+v, error %v", report, err)
	}
	left := h.objects(t)
	slices.Sort(left)
	want := []string{kept.Object.String(), young.String()}
	slices.Sort(want)
	if !slices.Equal(left, want) {
		t.Errorf("left are %q, want %q", left, want)
	}
	_, err = h.sweeper.Sweep(t.Context(), app.SweepOptions{Grace: time.Minute, Delete: true})
	mustCode(t, err, domain.Invalid)
}

func TestContentOfADocumentWhoseBytesAreGone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	doc := h.upload(t, "x", "text")
	content, err := h.OpenContent(t.Context(), doc, ports.Range{Offset: 1, Length: 2})
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(content); string(b) != "ex" || err != nil || content.Close() != nil {
		t.Errorf("read %q, error %v", b, err)
	}
	if err := h.storage.Delete(t.Context(), doc.Object); err != nil {
		t.Fatal(err)
	}
	if _, err := h.OpenContent(t.Context(), doc, ports.Range{}); domain.ErrorReason(err) != "content_missing" {
		t.Errorf("got %v", err)
	}
	_, err = h.OpenContent(t.Context(), domain.Document{Backend: h.storage.Name()}, ports.Range{})
	mustCode(t, err, domain.NotFound)
	if domain.ErrorReason(err) != "object_key_damaged" {
		t.Errorf("got %v", err)
	}
}

func TestTaskOfAnotherOwnerIsUnknown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	doc := h.upload(t, "x", "text")
	stranger := domain.Owner(uuid.New())
	for range 2 { // before it ran, and after
		_, err := h.Task(t.Context(), stranger, doc.Task)
		mustCode(t, err, domain.NotFound)
		h.work(t)
	}
	_, err := h.Task(t.Context(), domain.Nobody, "never heard of")
	mustCode(t, err, domain.NotFound)
	// An earlier task of the document is still known.
	if _, err := h.Reprocess(t.Context(), domain.Nobody, doc.ID); err != nil {
		t.Fatal(err)
	}
	if task, err := h.Task(t.Context(), domain.Nobody, doc.Task); err != nil || task.Status != ports.TaskSuccess {
		t.Errorf("task %+v, error %v", task, err)
	}
	// Without the queue's record, the document tells.
	h.queue.Fail(errDown)
	now := h.document(t, doc.ID)
	if task, err := h.Task(t.Context(), domain.Nobody, now.Task); err != nil || task.Status != ports.TaskPending {
		t.Errorf("task %+v, error %v", task, err)
	}
}

func TestTopicsAndFoldersAreEdited(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	topic, err := h.AddTopic(t.Context(), domain.Nobody, "Taxes", "", "")
	if err != nil {
		t.Fatal(err)
	}
	name, color, bad := "Taxes 2026", "#FF0000", "red"
	got, err := h.EditTopic(t.Context(), domain.Nobody, topic.ID, app.TopicChange{Name: &name, Color: &color})
	if err != nil || string(got.Name) != name || got.Color != "#ff0000" {
		t.Errorf("topic %+v, error %v", got, err)
	}
	_, err = h.EditTopic(t.Context(), domain.Nobody, topic.ID, app.TopicChange{Color: &bad})
	mustCode(t, err, domain.Invalid)
	_, err = h.AddTopic(t.Context(), domain.Nobody, name, "", "")
	mustCode(t, err, domain.Conflict)

	top, err := h.AddFolder(t.Context(), domain.Nobody, domain.FolderID{}, "Top")
	if err != nil {
		t.Fatal(err)
	}
	below, err := h.AddFolder(t.Context(), domain.Nobody, top.ID, "Below")
	if err != nil || len(below.Path) != 2 {
		t.Fatalf("folder %+v, error %v", below, err)
	}
	if _, err := h.EditFolder(t.Context(), domain.Nobody, top.ID, app.FolderChange{Parent: &below.ID}); domain.ErrorReason(err) != "cycle" {
		t.Errorf("moving a folder below itself: %v", err)
	}
	doc := h.upload(t, "x", "text")
	if _, err := h.EditDocument(t.Context(), domain.Nobody, doc.ID, app.DocumentChange{Folder: &below.ID}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.DeleteFolder(t.Context(), domain.Nobody, top.ID, true); domain.ErrorReason(err) != "not_empty" {
		t.Errorf("deleting a full folder: %v", err)
	}
	if removed, err := h.DeleteFolder(t.Context(), domain.Nobody, top.ID, false); err != nil || removed.Folders != 2 || removed.Documents != 1 {
		t.Errorf("removed %+v, error %v", removed, err)
	}
	if got := h.document(t, doc.ID); !got.Folder.IsZero() {
		t.Error("the document is still in a folder")
	}
}

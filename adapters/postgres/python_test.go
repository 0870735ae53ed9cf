package postgres

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/internal/testenv"
	"github.com/docuvault/docuvault/ports"
)

// TestPythonsRows reads, processes and deletes rows of which only the columns that the Python models know were set.
func TestPythonsRows(t *testing.T) {
	t.Parallel()
	store, ctx := open(t, Config{DSN: testenv.Schema(t).AppDSN}), t.Context()
	id, topic := uuid.New(), uuid.New()
	key := uuid.Nil.String() + "/" + id.String() + "/" + uuid.NewString() + ".pdf"
	exec(t, store, `INSERT INTO documents (id, user_id, folder_id, filename, object_key, content_type, size_bytes, storage_backend, extracted_text, status, created_at, updated_at)
		VALUES ($1, NULL, NULL, 'a.pdf', $2, 'application/pdf', 7, 'minio', NULL, 'pending', now(), now())`, id, key)
	exec(t, store, `INSERT INTO topics (id, user_id, name, description, color) VALUES ($1, NULL, 'topic', '', '#6366f1')`, topic)
	exec(t, store, `INSERT INTO document_topics (document_id, topic_id) VALUES ($1, $2)`, id, topic)

	doc, err := store.Document(ctx, domain.Nobody, domain.DocumentID(id))
	if err != nil {
		t.Fatal(err)
	}
	if doc.Object.String() != key || !doc.SHA256.IsZero() || doc.Task != "" || !doc.EnqueuedAt.IsZero() || doc.Failure != nil ||
		doc.PageCount != nil || doc.About != (domain.About{}) || !doc.Thumbnail.IsZero() || len(doc.Topics) != 1 || doc.Topics[0].Confirmed || doc.Topics[0].Confidence != nil {
		t.Errorf("read as %+v", doc)
	}
	if starts, err := store.PageStarts(ctx, domain.Nobody, doc.ID); err != nil || starts != nil {
		t.Errorf("page starts %v, %v", starts, err)
	}
	if wait := time.Until(doc.ReconcileAt); wait < 30*time.Second || wait > 90*time.Second {
		t.Errorf("the reconciler looks after it in %s", wait)
	}
	recovered, err := store.RecoverOverdue(ctx, ports.Overdue{By: time.Now().Add(2 * time.Minute), Limit: 10}, func(d *domain.Document) domain.Verdict {
		return d.Recover(false, "given", time.Now().Add(2*time.Minute), domain.Recovery{}.WithDefaults())
	})
	if err != nil || len(recovered) != 1 || recovered[0].Document.Task != "given" || recovered[0].Verdict != domain.EnqueueIt {
		t.Errorf("recovered as %+v, %v", recovered, err)
	}

	// Python goes straight to a final status, does not touch our columns and leaves updated_at alone.
	exec(t, store, `UPDATE documents SET failure_code = 'old', failure_message = 'old' WHERE id = $1`, id)
	exec(t, store, `UPDATE documents SET status = 'ready', extracted_text = 'text' WHERE id = $1`, id)
	doc, err = store.Document(ctx, domain.Nobody, domain.DocumentID(id))
	if err != nil || doc.Status != domain.Ready || doc.Failure != nil {
		t.Errorf("read as %+v, %v", doc, err)
	}
	if text, err := store.DocumentText(ctx, domain.Nobody, doc.ID); err != nil || text != "text" {
		t.Errorf("text %q, %v", text, err)
	}
}

// TestOddRows: whatever the columns can hold is read by every method, found by keyset and can be deleted.
func TestOddRows(t *testing.T) {
	t.Parallel()
	store, ctx := open(t, Config{DSN: testenv.Schema(t).AppDSN}), t.Context()
	for name, set := range map[string]string{
		"unknown status": "status = 'quarantined'", "empty status": "status = ''", "foreign key": "object_key = '../../etc/passwd'",
		"no key": "object_key = ''", "odd page starts": "page_starts = '{NULL}'",
		"foreign thumbnail": "thumbnail_key = '/etc/passwd'", "short digest": "sha256 = '\\x01'", "empty digest": "sha256 = ''", "no digest": "sha256 = NULL",
		"upper-case key": "object_key = upper(object_key)", "negative size": "size_bytes = -1", "huge size": "size_bytes = 9223372036854775807",
		"failed without a reason": "status = 'failed'", "half a reason": "status = 'failed', failure_code = 'c'", "no type": "content_type = ''",
		"old":       "created_at = '0044-03-15 00:00 BC', updated_at = '0044-03-15 00:00 BC', reconcile_at = '9999-12-31', enqueued_at = '0001-01-01'",
		"long name": "filename = repeat('x', 2000)", "no name": "filename = ''", "name with a path": "filename = '../a\nb'",
		"negative counts": "attempts = -1, requeues = -1, page_count = -1", "other storage": "storage_backend = 'gdrive'", "no task": "task_id = ''",
	} {
		doc := added(t, store, name)
		exec(t, store, "UPDATE documents SET "+set+" WHERE id = $1", uuid.UUID(doc.ID))
		if _, err := store.Document(ctx, domain.Nobody, doc.ID); err != nil {
			t.Errorf("%s: read: %v", name, err)
		}
		if _, err := store.DocumentText(ctx, domain.Nobody, doc.ID); err != nil {
			t.Errorf("%s: text: %v", name, err)
		}
		if _, err := store.PageStarts(ctx, domain.Nobody, doc.ID); err != nil {
			t.Errorf("%s: page starts: %v", name, err)
		}
		if _, err := store.Advance(ctx, doc.ID, func(d *domain.Document) error { d.Requeues++; return nil }); err != nil {
			t.Errorf("%s: advance: %v", name, err)
		}
		if _, err := store.EditDocument(ctx, domain.Nobody, doc.ID, time.Now(), func(d *domain.Document) error { d.Folder = domain.FolderID{}; return nil }); err != nil {
			t.Errorf("%s: edit: %v", name, err)
		}
	}
	for _, sort := range ports.Sorts() {
		seen := map[domain.DocumentID]bool{}
		query := ports.DocumentQuery{Sort: sort, Limit: 1}
		for range 30 {
			page, err := store.ListDocuments(ctx, domain.Nobody, query)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			seen[page[0].ID] = true
			after := ports.PositionOf(page[0])
			query.After = &after
		}
		if len(seen) != 22 {
			t.Errorf("by %s: %d of 22 odd rows are listed", sort, len(seen))
		}
	}
	all, err := store.DocumentsAfter(ctx, nil, 100)
	if err != nil || len(all) != 22 {
		t.Fatalf("%d rows, %v", len(all), err)
	}
	for _, doc := range all {
		if strings.Contains(doc.Object.String(), "..") {
			t.Errorf("a key that is none: %s", doc.Object)
		}
		if _, err := store.DeleteDocument(ctx, domain.Nobody, doc.ID); err != nil {
			t.Errorf("delete: %v", err)
		}
	}
}

// TestFoldersInALoop: Python checks no cycles. Nothing here runs for ever on one, and it can be taken apart.
func TestFoldersInALoop(t *testing.T) {
	t.Parallel()
	store, ctx := open(t, Config{DSN: testenv.Schema(t).AppDSN, StatementTimeout: 5 * time.Second}), t.Context()
	a, b := domain.Folder{ID: domain.FolderID(uuid.New()), Name: "a"}, domain.Folder{ID: domain.FolderID(uuid.New()), Name: "b"}
	b.Parent = a.ID
	for _, folder := range []domain.Folder{a, b} {
		if err := store.AddFolder(ctx, folder); err != nil {
			t.Fatal(err)
		}
	}
	exec(t, store, "UPDATE folders SET parent_id = $1 WHERE id = $2", uuid.UUID(b.ID), uuid.UUID(a.ID))
	if _, err := store.ListFolders(ctx, domain.Nobody); err != nil {
		t.Error(err)
	}
	if placed, err := store.Folder(ctx, domain.Nobody, a.ID); err != nil || len(placed.Path) != 2 {
		t.Errorf("%+v %v", placed, err)
	}
	if _, err := store.EditFolder(ctx, domain.Nobody, a.ID, func(f *domain.Folder) error { f.Parent = domain.FolderID{}; return nil }); err != nil {
		t.Error(err)
	}
	if folders, err := store.ListFolders(ctx, domain.Nobody); err != nil || len(folders) != 2 {
		t.Errorf("%+v %v", folders, err)
	}
}

// TestNilUUIDWalk: a row may have the nil UUID as its id, and a walk over all rows goes on behind it.
func TestNilUUIDWalk(t *testing.T) {
	t.Parallel()
	store, ctx := open(t, Config{DSN: testenv.Schema(t).AppDSN}), t.Context()
	added(t, store, "a")
	exec(t, store, "UPDATE documents SET id = $1", uuid.Nil)
	b := added(t, store, "b")
	first, err := store.DocumentsAfter(ctx, nil, 1)
	if err != nil || len(first) != 1 || first[0].ID != (domain.DocumentID{}) {
		t.Fatalf("%+v %v", first, err)
	}
	second, err := store.DocumentsAfter(ctx, &first[0].ID, 1)
	if err != nil || len(second) != 1 || second[0].ID != b.ID {
		t.Fatalf("%+v %v", second, err)
	}
}

// TestPythonBringsNoRejectedTopicBack: Python's workers add what they find with ON CONFLICT DO NOTHING, and know nothing of rejections.
func TestPythonBringsNoRejectedTopicBack(t *testing.T) {
	t.Parallel()
	store, ctx := open(t, Config{DSN: testenv.Schema(t).AppDSN}), t.Context()
	id, topic := uuid.New(), uuid.New()
	exec(t, store, `INSERT INTO documents (id, filename, object_key, content_type, status) VALUES ($1, 'a.pdf', '', 'application/pdf', 'ready')`, id)
	exec(t, store, `INSERT INTO topics (id, name) VALUES ($1, 'topic')`, topic)
	add := func() {
		exec(t, store, `INSERT INTO document_topics (document_id, topic_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`, id, topic)
	}
	add()
	doc, err := store.EditDocument(ctx, domain.Nobody, domain.DocumentID(id), time.Now(), func(d *domain.Document) error {
		d.Reject(domain.TopicID(topic))
		return nil
	})
	if err != nil || len(doc.Topics) != 0 {
		t.Fatalf("rejected: %+v, %v", doc.Topics, err)
	}
	add()
	doc, err = store.Document(ctx, domain.Nobody, doc.ID)
	if err != nil || len(doc.Topics) != 0 || len(doc.Rejected) != 1 {
		t.Errorf("after Python: %+v, rejected %v, %v", doc.Topics, doc.Rejected, err)
	}
}

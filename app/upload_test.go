package app_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/adapters/memory"
	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

func TestUploadToReady(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	topic, err := h.AddTopic(t.Context(), domain.Nobody, "Invoice", "", "")
	if err != nil {
		t.Fatal(err)
	}
	const text = "Invoice 42"
	doc := h.upload(t, "A\u0308.TXT", text)
	if doc.Status != domain.Pending || doc.Name != "Ä.TXT" || doc.Size != int64(len(text)) || doc.SHA256 != sha256.Sum256([]byte(text)) || doc.ContentType != "text/plain" || doc.Task == "" {
		t.Errorf("uploaded document is %+v", doc)
	}
	if keys := h.objects(t); len(keys) != 1 || keys[0] != doc.Object.String() || !strings.HasPrefix(keys[0], uuid.Nil.String()+"/"+doc.ID.String()+"/") || !strings.HasSuffix(keys[0], ".txt") {
		t.Errorf("objects are %q", keys)
	}
	if _, _, err := h.Text(t.Context(), domain.Nobody, doc.ID); domain.ErrorReason(err) != "not_ready" {
		t.Errorf("text before it is ready: %v", err)
	}
	if ran := h.work(t); ran != 1 {
		t.Fatalf("%d tasks ran", ran)
	}
	done, got, err := h.Text(t.Context(), domain.Nobody, doc.ID)
	if err != nil || got != text || done.Status != domain.Ready || len(done.Topics) != 1 || done.Topics[0].Topic != topic.ID || done.Topics[0].Confirmed {
		t.Errorf("text %q of %+v, error %v", got, done, err)
	}
	task, err := h.Task(t.Context(), domain.Nobody, doc.Task)
	if err != nil || task.Status != ports.TaskSuccess || task.Result.Status != "ready" || strings.Join(task.Result.Topics, "") != "Invoice" {
		t.Errorf("task is %+v, error %v", task, err)
	}
}

// TestUploadsThatFailLeaveNothing tries everything that can go wrong before the row is there.
func TestUploadsThatFailLeaveNothing(t *testing.T) {
	t.Parallel()
	broken := func(after string) io.Reader {
		return io.MultiReader(strings.NewReader(after), iotest.ErrReader(errRead))
	}
	long := strings.Repeat("x", 1<<20)
	for name, c := range map[string]struct {
		up   app.NewUpload
		fail func(*house)
		want domain.Code
	}{
		"hostile name":           {app.NewUpload{Name: "../x", Content: strings.NewReader("x")}, nil, domain.Invalid},
		"empty file":             {app.NewUpload{Name: "x", Content: strings.NewReader("")}, nil, domain.Invalid},
		"reader was consumed":    {app.NewUpload{Name: "x", Content: consumed("x")}, nil, domain.Invalid},
		"too large":              {app.NewUpload{Name: "x", Content: strings.NewReader(long + "x"), Size: -1}, nil, domain.TooLarge},
		"too large as announced": {app.NewUpload{Name: "x", Content: strings.NewReader("x"), Size: 1<<20 + 1}, nil, domain.TooLarge},
		"type not allowed":       {app.NewUpload{Name: "x.txt", Content: strings.NewReader("MZ\x90"), Size: -1}, nil, domain.UnsupportedType},
		"breaks at once":         {app.NewUpload{Name: "x", Content: broken(""), Size: -1}, nil, domain.Internal},
		"breaks half way":        {app.NewUpload{Name: "x", Content: broken(long[:1<<19]), Size: -1}, nil, domain.Internal},
		"storage is down":        {app.NewUpload{Name: "x", Content: strings.NewReader("x"), Size: -1}, func(h *house) { h.storage.Down() }, domain.Unavailable},
		"storage breaks":         {app.NewUpload{Name: "x", Content: strings.NewReader(long), Size: -1}, func(h *house) { h.storage.FailPutAfter(1000, errDown) }, domain.Unavailable},
		"details are wrong": {app.NewUpload{Name: "x", Content: strings.NewReader("x"), Size: -1, Details: func() (app.UploadDetails, error) {
			return app.UploadDetails{}, domain.Errorf(domain.Malformed, "the form ends too early")
		}}, nil, domain.Malformed},
		"no such folder": {app.NewUpload{Name: "x", Content: strings.NewReader("x"), Size: -1, Details: func() (app.UploadDetails, error) {
			return app.UploadDetails{Folder: domain.FolderID(uuid.New())}, nil
		}}, nil, domain.Invalid},
		"no such topic": {app.NewUpload{Name: "x", Content: strings.NewReader("x"), Size: -1, Details: func() (app.UploadDetails, error) {
			return app.UploadDetails{Topics: []domain.TopicID{domain.TopicID(uuid.New())}}, nil
		}}, nil, domain.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			if c.fail != nil {
				c.fail(h)
			}
			_, _, err := h.Upload(t.Context(), domain.Nobody, c.up)
			mustCode(t, err, c.want)
			if c.want == domain.Internal && !errors.Is(err, errRead) {
				t.Errorf("the reader's error is lost in %v", err)
			}
			h.storage.Up()
			if keys, rows := h.objects(t), h.rows(t); len(keys) != 0 || len(rows) != 0 {
				t.Errorf("left behind: objects %q, rows %d", keys, len(rows))
			}
			if h.work(t) != 0 {
				t.Error("left a task behind")
			}
		})
	}
}

// TestNoRowLosesItsBytes has the database fail around the commit of an upload. Whether the row is there then nobody can say, so
// the bytes must stay; those that no row names are the sweeper's.
func TestNoRowLosesItsBytes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fail func(*answerLost)
		rows int
	}{
		"before the insert": {func(r *answerLost) { r.before = true }, 0},
		"after the insert":  {func(r *answerLost) { r.after = true }, 1},
	} {
		for _, policy := range []app.OnDuplicate{app.KeepDuplicate, app.ReturnExisting} {
			t.Run(name+" "+string(policy), func(t *testing.T) {
				t.Parallel()
				h := newHouse(t)
				repo := &answerLost{Repository: h.repo}
				c.fail(repo)
				vault := app.NewVault(app.VaultConfig{}, app.VaultDeps{Storage: h.storage, Repo: repo, Queue: h.queue, Types: memory.Types{}, Now: h.clock.Now})
				_, _, err := vault.Upload(t.Context(), domain.Nobody, app.NewUpload{Name: "x", Content: strings.NewReader("text"), Size: -1, OnDuplicate: policy})
				mustCode(t, err, domain.Unavailable)
				if rows, keys := h.rows(t), h.objects(t); len(rows) != c.rows || len(keys) != 1 {
					t.Fatalf("%d rows, objects %q", len(rows), keys)
				}
				h.clock.advance(app.DefaultGrace + 1)
				h.reconcile(t)
				h.work(t)
				for _, doc := range h.rows(t) {
					if doc.Status != domain.Ready {
						t.Errorf("document is %s, %+v", doc.Status, doc.Failure)
					}
				}
				if report, err := h.sweeper.Sweep(t.Context(), app.SweepOptions{Delete: true, Force: true}); err != nil || report.Removed != 1-c.rows || report.Missing != 0 {
					t.Errorf("swept %+v, error %v", report, err)
				}
			})
		}
	}
}

// answerLost is a database whose answer to an insert does not arrive.
type answerLost struct {
	ports.Repository
	before, after bool
}

func (r *answerLost) AddDocument(ctx context.Context, doc domain.Document) error {
	if r.before {
		return errDown
	}
	if err := r.Repository.AddDocument(ctx, doc); err != nil {
		return err
	}
	return errDown
}

func (r *answerLost) Tx(ctx context.Context, fn func(ports.Repository) error) error {
	if r.before {
		return errDown
	}
	if err := r.Repository.Tx(ctx, fn); err != nil {
		return err
	}
	return errDown
}

// A caller that goes away once the bytes are stored does not cut the commit off in the middle.
func TestUploadOutlivesItsCallerOnceTheBytesAreStored(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, cancel := context.WithCancel(t.Context())
	doc, _, err := h.Upload(ctx, domain.Nobody, app.NewUpload{Name: "x", Content: strings.NewReader("x"), Size: -1, Details: func() (app.UploadDetails, error) {
		cancel()
		return app.UploadDetails{}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if h.work(t) != 1 || h.document(t, doc.ID).Status != domain.Ready {
		t.Errorf("document is %s", h.document(t, doc.ID).Status)
	}
}

// The answer to an upload under topics names them, whatever the database can be asked afterwards.
func TestUploadUnderTopics(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var topics []domain.TopicID
	for _, name := range []string{"b", "c", "a"} {
		topic, err := h.AddTopic(t.Context(), domain.Nobody, name, "", "")
		if err != nil {
			t.Fatal(err)
		}
		topics = append(topics, topic.ID)
	}
	h.repo.Fail("Document", errDown)
	doc, _, err := h.Upload(t.Context(), domain.Nobody, app.NewUpload{Name: "x", Content: strings.NewReader("x"), Size: -1, Details: func() (app.UploadDetails, error) {
		return app.UploadDetails{Topics: []domain.TopicID{topics[0], topics[2], topics[0]}}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	h.repo.Fail("Document", nil)
	stored := h.document(t, doc.ID)
	if len(doc.Topics) != 2 || doc.Topics[0].Name != "a" || doc.Topics[1].Name != "b" || !slices.Equal(doc.Topics, stored.Topics) {
		t.Errorf("answered %+v, stored %+v", doc.Topics, stored.Topics)
	}
}

func consumed(s string) io.Reader {
	r := strings.NewReader(s)
	_, _ = io.Copy(io.Discard, r)
	return r
}

func TestUploadOfTheLargestAllowed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if doc := h.upload(t, "x", strings.Repeat("x", 1<<20)); doc.Size != 1<<20 {
		t.Errorf("size is %d", doc.Size)
	}
}

func TestUploadWhenTheCallerGoesAway(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, _, err := h.Upload(ctx, domain.Nobody, app.NewUpload{Name: "x", Content: strings.NewReader("x"), Size: -1, Details: func() (app.UploadDetails, error) {
		cancel()
		return app.UploadDetails{}, context.Canceled
	}})
	if err == nil {
		t.Error("the upload succeeded")
	}
	if keys := h.objects(t); len(keys) != 0 {
		t.Errorf("left behind: %q", keys)
	}
}

func TestDuplicates(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first := h.upload(t, "first", "same")
	send := func(policy app.OnDuplicate, content string) (domain.Document, bool, error) {
		return h.Upload(t.Context(), domain.Nobody, app.NewUpload{Name: "second", Content: strings.NewReader(content), Size: -1, OnDuplicate: policy})
	}
	if _, _, err := send(app.RejectDuplicate, "same"); domain.ErrorReason(err) != "duplicate_content" {
		t.Errorf("reject: %v", err)
	}
	if doc, existing, err := send(app.ReturnExisting, "same"); err != nil || !existing || doc.ID != first.ID {
		t.Errorf("existing: %s, existing %t, error %v", doc.ID, existing, err)
	}
	if len(h.objects(t)) != 1 {
		t.Error("a refused duplicate left its bytes")
	}
	if doc, existing, err := send(app.KeepDuplicate, "same"); err != nil || existing || doc.ID == first.ID {
		t.Errorf("keep: existing %t, error %v", existing, err)
	}
	for _, policy := range []app.OnDuplicate{app.RejectDuplicate, app.ReturnExisting} {
		if _, existing, err := send(policy, "new for "+string(policy)); err != nil || existing {
			t.Errorf("%s of new bytes: existing %t, error %v", policy, existing, err)
		}
	}
	other := domain.Owner(uuid.New())
	if _, existing, err := h.Upload(t.Context(), other, app.NewUpload{Name: "x", Content: strings.NewReader("same"), Size: -1, OnDuplicate: app.RejectDuplicate}); err != nil || existing {
		t.Errorf("another owner's bytes count as duplicates: %v", err)
	}
	if _, err := app.ParseOnDuplicate("maybe"); domain.ErrorCode(err) != domain.Invalid {
		t.Errorf("an unknown policy: %v", err)
	}
}

func TestDuplicatesAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const n = 16
	var uploading sync.WaitGroup
	ids := make([]domain.DocumentID, n)
	for i := range n {
		uploading.Go(func() {
			doc, _, err := h.Upload(t.Context(), domain.Nobody, app.NewUpload{Name: "x", Content: strings.NewReader("same"), Size: -1, OnDuplicate: app.ReturnExisting})
			if err != nil {
				t.Error(err)
			}
			ids[i] = doc.ID
		})
	}
	uploading.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Errorf("two documents came of it: %s and %s", id, ids[0])
		}
	}
	if len(h.objects(t)) != 1 || len(h.rows(t)) != 1 {
		t.Errorf("%d objects and %d rows", len(h.objects(t)), len(h.rows(t)))
	}
}

func TestUploadWhileTheQueueIsDown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.queue.Fail(errDown)
	doc := h.upload(t, "x", "text")
	if _, err := h.reconciler.Once(t.Context()); domain.ErrorCode(err) != domain.Unavailable {
		t.Errorf("reconciling while the queue is down: %v", err)
	}
	h.queue.Fail(nil)
	// The row says that the task is not queued, so nobody waits for patience to end.
	if done, err := h.reconciler.Once(t.Context()); err != nil || done.Enqueued != 1 {
		t.Fatalf("reconciled %+v, error %v", done, err)
	}
	if h.work(t) != 1 || h.document(t, doc.ID).Status != domain.Ready {
		t.Errorf("the document is %s", h.document(t, doc.ID).Status)
	}
}

func TestDeleteRemovesRowAndBytes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	doc := h.upload(t, "x", "text")
	if err := h.DeleteDocument(t.Context(), domain.Owner(uuid.New()), doc.ID); domain.ErrorCode(err) != domain.NotFound {
		t.Errorf("another owner deleted it: %v", err)
	}
	if err := h.DeleteDocument(t.Context(), domain.Nobody, doc.ID); err != nil {
		t.Fatal(err)
	}
	if len(h.objects(t)) != 0 {
		t.Error("the bytes are still there")
	}
	mustCode(t, h.DeleteDocument(t.Context(), domain.Nobody, doc.ID), domain.NotFound)
	h.work(t)
	if task, err := h.Task(t.Context(), domain.Nobody, doc.Task); domain.ErrorCode(err) != domain.NotFound {
		t.Errorf("task of a deleted document: %+v, %v", task, err)
	}
}

func TestDeleteWhileStorageIsDown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	doc := h.upload(t, "x", "text")
	h.storage.Fail(memory.DeleteOp, errDown)
	if err := h.DeleteDocument(t.Context(), domain.Nobody, doc.ID); err != nil {
		t.Errorf("the row is gone, so the document is: %v", err)
	}
	h.storage.Fail(memory.DeleteOp, nil)
	h.clock.advance(app.DefaultGrace + 1)
	if report, err := h.sweeper.Sweep(t.Context(), app.SweepOptions{Delete: true, Force: true}); err != nil || report.Removed != 1 || len(h.objects(t)) != 0 {
		t.Errorf("swept %+v, error %v", report, err)
	}
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/docuvault/docuvault/cmd/docuvault/config"
	"github.com/docuvault/docuvault/cmd/docuvault/serve"
	"github.com/docuvault/docuvault/cmd/docuvault/shell"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/internal/testenv"
	"github.com/docuvault/docuvault/ports"
)

// The steps of an upload and of a delete, in their order, at which an API can be killed.
const (
	beforePut    = "before the bytes"
	withinPut    = "within the bytes"
	afterPut     = "after the bytes"
	afterAdd     = "after the row"
	afterEnqueue = "after the task"

	beforeRemove = "before the row goes"
	afterRemove  = "after the row went"
	afterDelete  = "after the bytes went"
)

// Killed at any step, an upload or a delete leaves nothing that lasts: what was stored is a document that ends ready, or what
// the sweeper removes.
func TestKillAtEveryStep(t *testing.T) {
	t.Parallel()
	const upload, remove = http.MethodPost, http.MethodDelete
	for _, c := range []struct {
		step, method string
		documents    int // that are there after it, beside the bystander
		orphans      int // objects that no row names
		unfinished   int // writes of objects that never ended
	}{
		{beforePut, upload, 0, 0, 0},
		{withinPut, upload, 0, 0, 1},
		{afterPut, upload, 0, 1, 0},
		{afterAdd, upload, 1, 0, 0},
		{afterEnqueue, upload, 1, 0, 0},
		{beforeRemove, remove, 1, 0, 0},
		{afterRemove, remove, 0, 1, 0},
		{afterDelete, remove, 0, 0, 0},
	} {
		t.Run(c.step, func(t *testing.T) {
			t.Parallel()
			s := services(t)
			root := t.TempDir()
			s.env = append(s.env, "STORAGE_BACKEND=filesystem", "STORAGE_DIR="+root)
			killAt(t, s, c.step, c.method)

			api, worker := process(t, s.env, "api"), process(t, s.env, "worker")
			v := listening(t, api)
			var docs []document
			if status, err := v.call(http.MethodGet, "/api/documents", "", nil, &docs); err != nil || status != http.StatusOK || len(docs) != 1+c.documents {
				t.Errorf("documents: %d, %v, %v", status, docs, err)
			}
			for _, doc := range docs {
				v.ready(t, doc.ID, 3*time.Minute)
			}
			age(t, root, 2*time.Hour)
			before := swept(t, s.env, "--delete", "--force")
			if before.Orphans != c.orphans || before.Missing != 0 || before.Uploads != c.unfinished {
				t.Errorf("after the kill: %+v", before)
			}
			if after := swept(t, s.env); after.Objects != len(docs) || after.Documents != len(docs) || after.Orphans+after.Missing+after.Uploads != 0 {
				t.Errorf("after the sweep: %+v, want the objects of %d documents and nothing else", after, len(docs))
			}
			stop(t, worker)
			stop(t, api)
		})
	}
}

// killAt stores a bystander, and, for a delete, the document to remove; then an API is killed at the step.
func killAt(t *testing.T, s realServices, step, method string) {
	t.Helper()
	api := process(t, s.env, "api")
	v := listening(t, api)
	v.mustUpload(t, "bystander.txt", "it has nothing to do with this")
	path, contentType, body := "/api/documents/upload", "", io.Reader(nil)
	if method == http.MethodDelete {
		path = "/api/documents/" + v.mustUpload(t, "doomed.txt", "a document to remove").ID
	} else {
		var err error
		if contentType, body, err = newForm("begun.txt", "an upload that is not answered"); err != nil {
			t.Fatal(err)
		}
	}
	stop(t, api)

	halting := testenv.Child(t, "api that halts at a step", append(s.env, haltVariable+"="+step)...)
	v = listening(t, halting)
	answered := make(chan error, 1)
	go func() {
		status, err := v.call(method, path, contentType, body, nil)
		if err == nil {
			answered <- fmt.Errorf("answered with %d", status)
		}
		close(answered)
	}()
	halting.WaitLine(t, "halted "+step)
	halting.Kill()
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

// age makes everything in a folder older.
func age(t *testing.T, root string, by time.Duration) {
	t.Helper()
	then := time.Now().Add(-by)
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chtimes(path, then, then)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// swept runs the sweeper with the shortest grace there is.
func swept(t *testing.T, env []string, flags ...string) (summary sweepSummary) {
	t.Helper()
	code, stdout, stderr := once(t, env, append([]string{"sweep", "--json", "--grace", "1h"}, flags...)...)
	if code != 0 {
		t.Fatalf("sweep: %d %s%s", code, stdout, stderr)
	}
	if err := json.Unmarshal([]byte(stdout), &summary); err != nil {
		t.Fatalf("sweep: %v: %s", err, stdout)
	}
	return summary
}

const haltVariable = "DOCUVAULT_TEST_HALT"

// step stops the process, until it is killed, when the API comes to the step that the variable names.
func step(name string) {
	if os.Getenv(haltVariable) == name {
		halt(context.Background(), "halted "+name)
	}
}

func apiThatHaltsAtAStep() {
	err := serve.RunAPI(context.Background(), loadForTest(config.API), testLog(), serve.Options{
		Hooks: shell.Hooks{
			Storage: func(s ports.StorageBackend) ports.StorageBackend { return steppedStorage{s} },
			Repo:    func(r ports.Repository) ports.Repository { return steppedRepo{r} },
			Queue:   func(q ports.TaskQueue) ports.TaskQueue { return steppedQueue{q} },
		},
		Ready: func(url string) { fmt.Println("listening on " + url) },
	})
	fmt.Fprintln(os.Stderr, err)
}

type steppedStorage struct{ ports.StorageBackend }

func (s steppedStorage) Put(ctx context.Context, key domain.ObjectKey, r io.Reader, size int64, contentType string) (int64, error) {
	step(beforePut)
	n, err := s.StorageBackend.Put(ctx, key, &steppedReader{r: r}, size, contentType)
	step(afterPut)
	return n, err
}

func (s steppedStorage) Delete(ctx context.Context, key domain.ObjectKey) error {
	err := s.StorageBackend.Delete(ctx, key)
	step(afterDelete)
	return err
}

// steppedReader comes to its step once something was read.
type steppedReader struct {
	r    io.Reader
	read bool
}

func (s *steppedReader) Read(p []byte) (int, error) {
	if s.read {
		step(withinPut)
	}
	s.read = true
	return s.r.Read(p[:min(len(p), 4)])
}

type steppedRepo struct{ ports.Repository }

func (r steppedRepo) AddDocument(ctx context.Context, doc domain.Document) error {
	err := r.Repository.AddDocument(ctx, doc)
	step(afterAdd)
	return err
}

func (r steppedRepo) DeleteDocument(ctx context.Context, owner domain.Owner, id domain.DocumentID) (domain.Document, error) {
	step(beforeRemove)
	doc, err := r.Repository.DeleteDocument(ctx, owner, id)
	step(afterRemove)
	return doc, err
}

type steppedQueue struct{ ports.TaskQueue }

func (q steppedQueue) Enqueue(ctx context.Context, task domain.TaskID, doc domain.DocumentID, now time.Time) error {
	err := q.TaskQueue.Enqueue(ctx, task, doc, now)
	step(afterEnqueue)
	return err
}

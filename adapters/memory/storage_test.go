package memory

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
	"github.com/docuvault/docuvault/ports/storagetest"
)

func TestStorageConformance(t *testing.T) {
	t.Parallel()
	storagetest.Run(t, func(*testing.T) storagetest.Subject {
		store := NewStorage(time.Now)
		return storagetest.Subject{
			Store:            store,
			PartSize:         256 << 10,
			KeepsContentType: true,
			Plant:            func(_ *testing.T, name string, content []byte) { store.Plant(name, content) },
			Abandon: func(*testing.T, domain.ObjectKey) time.Time {
				up := &upload{begun: time.Now()}
				store.mu.Lock()
				defer store.mu.Unlock()
				store.uploads[up] = struct{}{}
				return up.begun
			},
			Unfinished: func(*testing.T) int {
				store.mu.Lock()
				defer store.mu.Unlock()
				return len(store.uploads)
			},
			Break: func(*testing.T) { store.Down(); store.Fail(URLOp, nil) },
		}
	})
}

func newKey() domain.ObjectKey {
	return domain.NewObjectKey(domain.Owner{}, domain.DocumentID(uuid.New()), uuid.New(), "a.txt")
}

func TestStorageFailsWhenTold(t *testing.T) {
	t.Parallel()
	store, key, down := NewStorage(time.Now), newKey(), errors.New("down")
	put := func() error {
		_, err := store.Put(t.Context(), key, strings.NewReader("12345"), 5, "text/plain")
		return err
	}
	store.Fail(PutOp, down)
	if err := put(); !errors.Is(err, down) {
		t.Fatalf("Put: %v, want the planned failure", err)
	}
	store.Fail(PutOp, nil)
	for _, after := range []int64{0, 3, 100} {
		store.FailPutAfter(after, down)
		if err := put(); !errors.Is(err, down) {
			t.Fatalf("Put that fails after %d bytes: %v", after, err)
		}
		if names := store.Names(); len(names) != 0 {
			t.Fatalf("%q are left of a failed Put", names)
		}
	}
	if err := put(); err != nil {
		t.Fatalf("the Put after it: %v", err)
	}
	for _, after := range []int{0, 3, 100} {
		store.FailGetAfter(int64(after), down)
		reader, _, err := store.Get(t.Context(), key, ports.Range{})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(reader); !errors.Is(err, down) || string(got) != "12345"[:min(after, 5)] {
			t.Fatalf("the reader that fails after %d bytes: %q, %v", after, got, err)
		}
	}
	store.Down()
	if _, err := store.Stat(t.Context(), key); domain.ErrorCode(err) != domain.Unavailable {
		t.Fatalf("Stat while down: %v", err)
	}
	store.Up()
	if _, err := store.Stat(t.Context(), key); err != nil {
		t.Fatalf("Stat when up again: %v", err)
	}
	var seen []StorageOp
	store.Before(func(_ context.Context, op StorageOp, at domain.ObjectKey) error {
		if at != key {
			t.Errorf("%s of %q", op, at)
		}
		seen = append(seen, op)
		return down
	})
	if err := store.Delete(t.Context(), key); !errors.Is(err, down) || len(seen) != 1 || seen[0] != DeleteOp {
		t.Fatalf("Delete: %v after %q", err, seen)
	}
}

func TestStorageLinks(t *testing.T) {
	t.Parallel()
	now := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	store, key := NewStorage(func() time.Time { return now }), newKey()
	store.LinkTo("https://files.example.org/")
	link, err := store.URL(t.Context(), key, ports.Link{TTL: time.Minute, Disposition: "inline", ContentType: "text/plain"})
	want := "https://files.example.org/" + key.String() + "?content_type=text%2Fplain&disposition=inline&expires=1714979349"
	if err != nil || link != want {
		t.Fatalf("URL: %q, %v, want %q", link, err, want)
	}
	for _, ttl := range []time.Duration{0, time.Second - 1, 7*24*time.Hour + 1} {
		if _, err := store.URL(t.Context(), key, ports.Link{TTL: ttl}); domain.ErrorCode(err) != domain.Invalid {
			t.Errorf("URL for %s: %v", ttl, err)
		}
	}
}

func TestStorageKeepsItsOwnCopy(t *testing.T) {
	t.Parallel()
	store, key := NewStorage(time.Now), newKey()
	content := []byte("content")
	if _, err := store.Put(t.Context(), key, bytes.NewReader(content), -1, ""); err != nil {
		t.Fatal(err)
	}
	content[0] = 'X'
	reader, object, err := store.Get(t.Context(), key, ports.Range{})
	if err != nil || object.ContentType != "application/octet-stream" {
		t.Fatalf("Get: %+v, %v", object, err)
	}
	got := make([]byte, 7)
	if _, err := reader.Read(got); err != nil || string(got) != "content" {
		t.Fatalf("read %q, %v", got, err)
	}
}

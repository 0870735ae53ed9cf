package storagetest

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

func upkeepTests() []test {
	return []test{
		{"a name", func(t *testing.T, s Subject) {
			if s.Store.Name() == "" {
				t.Fatal("Name is empty")
			}
		}},
		{"delete twice", deleteTwice},
		{"delete beside concurrent puts", deleteRace},
		{"abort stale uploads, dry and wet", abortStale},
		{"abort no upload that is under way", abortSparesLive},
		{"abort an upload that is under way and old", abortLive},
		{"health", health},
		{"canceled contexts", func(t *testing.T, s Subject) {
			key := newKey()
			mustPut(t, s.Store, key, []byte("x"))
			mustCode(t, "Delete", s.Store.Delete(canceled(t), key), domain.Canceled)
			mustHave(t, s, key, []byte("x"))
			mustCode(t, "Health", s.Store.Health(canceled(t)), domain.Canceled)
			_, err := s.Store.AbortStale(canceled(t), time.Now(), false)
			mustCode(t, "AbortStale", err, domain.Canceled)
		}},
	}
}

func deleteTwice(t *testing.T, s Subject) {
	key := newKey()
	mustPut(t, s.Store, key, []byte("x"))
	for range 3 {
		if err := s.Store.Delete(t.Context(), key); err != nil {
			t.Fatalf("Delete: %v", err)
		}
		mustLackEverything(t, s, key)
	}
	for _, never := range []domain.ObjectKey{newKey(), {}} {
		if err := s.Store.Delete(t.Context(), never); err != nil {
			t.Fatalf("Delete of a key that never was: %v", err)
		}
	}
	mustPut(t, s.Store, key, []byte("y"))
	mustHave(t, s, key, []byte("y"))
}

// deleteRace deletes in the folder that others are putting into, until it would be gone if it went when empty.
func deleteRace(t *testing.T, s Subject) {
	doc := domain.DocumentID(uuid.New())
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 20 {
				key := keyOf(doc, "a.txt")
				if _, err := s.Store.Put(t.Context(), key, streamOf([]byte("content")), 7, plain); err != nil {
					t.Errorf("Put beside deletes: %v", err)
					return
				}
				if _, err := s.Store.Stat(t.Context(), key); err != nil {
					t.Errorf("Stat after Put: %v", err)
					return
				}
				if err := s.Store.Delete(t.Context(), key); err != nil {
					t.Errorf("Delete: %v", err)
					return
				}
			}
		})
	}
	group.Wait()
	mustList(t, s, "")
}

func abortStale(t *testing.T, s Subject) {
	kept := newKey()
	mustPut(t, s.Store, kept, []byte("kept"))
	var begun time.Time
	keys := []domain.ObjectKey{newKey(), newKey(), kept}
	for _, key := range keys {
		begun = s.Abandon(t, key)
	}
	abort := func(before time.Time, dryRun bool, want int) {
		t.Helper()
		n, err := s.Store.AbortStale(t.Context(), before, dryRun)
		if err != nil || n != want {
			t.Fatalf("AbortStale(dry run %t): %d, %v, want %d", dryRun, n, err, want)
		}
	}
	unfinished := func(want int) {
		t.Helper()
		if n := s.Unfinished(t); n != want {
			t.Fatalf("%d uploads are unfinished, want %d", n, want)
		}
	}
	mustLack(t, s.Store, keys[0])
	mustList(t, s, "", kept.String())
	abort(begun.Add(-time.Hour), false, 0)
	unfinished(3)
	abort(begun.Add(time.Hour), true, 3)
	unfinished(3)
	abort(begun.Add(time.Hour), false, 3)
	unfinished(0)
	abort(begun.Add(time.Hour), false, 0)
	mustHave(t, s, kept, []byte("kept"))
	mustLack(t, s.Store, keys[0])
}

// abortSparesLive sweeps with a grace time while an upload is under way.
func abortSparesLive(t *testing.T, s Subject) {
	content, key := body(2*s.PartSize+10, 40), newKey()
	swept := false
	reader := &between{first: content[:s.PartSize+5], rest: content[s.PartSize+5:], do: func() {
		swept = true
		if n, err := s.Store.AbortStale(t.Context(), time.Now().Add(-time.Hour), false); err != nil || n != 0 {
			t.Errorf("AbortStale: %d, %v, want none", n, err)
		}
	}}
	n, err := s.Store.Put(t.Context(), key, reader, -1, plain)
	if err != nil || n != int64(len(content)) || !swept {
		t.Fatalf("Put beside AbortStale (%t): %d, %v", swept, n, err)
	}
	mustHave(t, s, key, content)
}

// abortLive sweeps an upload away before its end.
func abortLive(t *testing.T, s Subject) {
	content, key := body(3*s.PartSize, 41), newKey()
	reader := &between{first: content[:2*s.PartSize+5], rest: content[2*s.PartSize+5:], do: func() {
		deadline := time.Now().Add(20 * time.Second)
		for { // the parts before may still be on their way
			n, err := s.Store.AbortStale(t.Context(), time.Now().Add(time.Hour), false)
			if err != nil {
				t.Errorf("AbortStale: %v", err)
			}
			if n > 0 || err != nil || time.Now().After(deadline) {
				return
			}
		}
	}}
	_, err := s.Store.Put(t.Context(), key, reader, -1, plain)
	mustCode(t, "Put that was aborted", err, domain.Unavailable)
	mustLackEverything(t, s, key)
}

// between yields first, does something, and yields rest.
type between struct {
	first, rest []byte
	do          func()
}

func (b *between) Read(p []byte) (int, error) {
	if len(b.first) > 0 {
		n := copy(p, b.first)
		b.first = b.first[n:]
		return n, nil
	}
	if b.do != nil {
		b.do()
		b.do = nil
	}
	if len(b.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

func health(t *testing.T, s Subject) {
	key := newKey()
	mustPut(t, s.Store, key, []byte("x"))
	if err := s.Store.Health(t.Context()); err != nil {
		t.Fatalf("Health of a sound backend: %v", err)
	}
	mustList(t, s, "", key.String()) // the probe leaves nothing behind

	s.Break(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	err := s.Store.Health(ctx)
	mustCode(t, "Health of a broken backend", err, domain.Unavailable)
	var coded *domain.Error
	if errors.As(err, &coded) && coded.Message == "" {
		t.Fatal("Health says nothing about what is wrong")
	}
	_, err = s.Store.Put(ctx, newKey(), streamOf([]byte("x")), 1, plain)
	mustCode(t, "Put to a broken backend", err, domain.Unavailable)
	_, err = s.Store.Put(ctx, newKey(), streamOf(body(2*s.PartSize, 42)), -1, plain)
	mustCode(t, "large Put to a broken backend", err, domain.Unavailable)
	err = s.Store.List(ctx, "", func(ports.Object) error { return nil })
	mustCode(t, "List of a broken backend", err, domain.Unavailable)
}

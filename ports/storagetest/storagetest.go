// Package storagetest holds every promise of ports.StorageBackend against an implementation.
package storagetest

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// Subject is one empty backend under test and what the suite has to know to test it. The fields that are functions do what
// the port cannot: they act behind the backend's back. All of them are required.
type Subject struct {
	Store ports.StorageBackend

	// PartSize is the length in bytes from which the backend treats an upload differently (a part of a multipart upload, a
	// buffer). Bodies around it and of several parts are tried.
	PartSize int64

	// Presigns says that URL makes links which plain HTTP can fetch. If not, URL must be NotSupported.
	Presigns bool

	// KeepsContentType says that Stat and Get report the content type given to Put.
	KeepsContentType bool

	// Plant stores content under a name that this vault would not make.
	Plant func(t *testing.T, name string, content []byte)

	// Abandon begins an upload of key and leaves it as a process that died would, and returns when it was begun.
	Abandon func(t *testing.T, key domain.ObjectKey) time.Time

	// Unfinished counts the uploads that are begun and neither visible nor cleared away, for instance temporary files.
	Unfinished func(t *testing.T) int

	// Break takes away what the backend needs: its bucket, its folder, its server.
	Break func(t *testing.T)
}

// Run runs the suite. Open is called once for each subtest, which may run in parallel with others, and cleans up after itself.
func Run(t *testing.T, open func(t *testing.T) Subject) {
	groups := []struct {
		name  string
		tests []test
	}{
		{"Put", putTests()}, {"PutFails", putFailureTests()}, {"Get", getTests()}, {"List", listTests()},
		{"Upkeep", upkeepTests()}, {"URL", urlTests()},
	}
	for _, group := range groups {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			for _, test := range group.tests {
				t.Run(test.name, func(t *testing.T) {
					t.Parallel()
					test.run(t, open(t))
				})
			}
		})
	}
}

type test struct {
	name string
	run  func(t *testing.T, s Subject)
}

const plain = "text/plain"

// newKey makes a key that was never used.
func newKey() domain.ObjectKey {
	return keyOf(domain.DocumentID(uuid.New()), "a file.TXT")
}

func keyOf(doc domain.DocumentID, name string) domain.ObjectKey {
	return domain.NewObjectKey(domain.Owner{}, doc, uuid.New(), domain.FileName(name))
}

// body makes length bytes that look random and are the same for the same seed.
func body(length int64, seed uint64) []byte {
	content := make([]byte, length)
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	_, _ = rand.NewChaCha8(key).Read(content) // it never fails
	return content
}

func mustPut(t *testing.T, store ports.StorageBackend, key domain.ObjectKey, content []byte) {
	t.Helper()
	put(t, store, key, content, int64(len(content)))
}

// put stores content with the given announcement and expects success.
func put(t *testing.T, store ports.StorageBackend, key domain.ObjectKey, content []byte, size int64) {
	t.Helper()
	n, err := store.Put(t.Context(), key, streamOf(content), size, plain)
	if err != nil || n != int64(len(content)) {
		t.Fatalf("Put of %d bytes announced as %d: got %d, %v", len(content), size, n, err)
	}
}

// mustHave expects key to hold exactly content, by Get and by Stat.
func mustHave(t *testing.T, s Subject, key domain.ObjectKey, content []byte) {
	t.Helper()
	got, object := mustGet(t, s.Store, key, ports.Range{})
	if sha256.Sum256(got) != sha256.Sum256(content) {
		t.Fatalf("Get(%s): %d bytes of another content, want %d bytes", key, len(got), len(content))
	}
	stat, err := s.Store.Stat(t.Context(), key)
	if err != nil {
		t.Fatalf("Stat(%s): %v", key, err)
	}
	for _, from := range []ports.Object{object, stat} {
		if from.Key != key || from.Name != key.String() || from.Size != int64(len(content)) {
			t.Fatalf("described as %+v, want key %s and size %d", from, key, len(content))
		}
		if age := time.Since(from.ModTime); age < -time.Minute || age > 10*time.Minute {
			t.Fatalf("ModTime %v is not about now", from.ModTime)
		}
		if s.KeepsContentType && from.ContentType != plain {
			t.Fatalf("content type %q, want %q", from.ContentType, plain)
		}
	}
}

func mustGet(t *testing.T, store ports.StorageBackend, key domain.ObjectKey, part ports.Range) ([]byte, ports.Object) {
	t.Helper()
	reader, object, err := store.Get(t.Context(), key, part)
	if err != nil {
		t.Fatalf("Get(%s, %+v): %v", key, part, err)
	}
	got, err := io.ReadAll(reader)
	if err != nil {
		t.Fatalf("read %s: %v", key, err)
	}
	if err := reader.Close(); err != nil {
		t.Fatalf("close %s: %v", key, err)
	}
	return got, object
}

// mustLackEverything expects that no trace of key is left: no object, nothing in a listing, no unfinished upload.
func mustLackEverything(t *testing.T, s Subject, key domain.ObjectKey) {
	t.Helper()
	mustLack(t, s.Store, key)
	for _, object := range list(t, s.Store, "") {
		if object.Name == key.String() {
			t.Fatalf("%s is listed", key)
		}
	}
	if n := s.Unfinished(t); n != 0 {
		t.Fatalf("%d unfinished uploads are left, want none", n)
	}
}

func mustLack(t *testing.T, store ports.StorageBackend, key domain.ObjectKey) {
	t.Helper()
	_, err := store.Stat(t.Context(), key)
	mustCode(t, "Stat of an absent key", err, domain.NotFound)
	reader, _, err := store.Get(t.Context(), key, ports.Range{})
	if err == nil {
		_ = reader.Close()
	}
	mustCode(t, "Get of an absent key", err, domain.NotFound)
}

func list(t *testing.T, store ports.StorageBackend, prefix string) []ports.Object {
	t.Helper()
	var all []ports.Object
	err := store.List(t.Context(), prefix, func(object ports.Object) error {
		all = append(all, object)
		return nil
	})
	if err != nil {
		t.Fatalf("List(%q): %v", prefix, err)
	}
	return all
}

func mustCode(t *testing.T, what string, err error, want domain.Code) {
	t.Helper()
	if err == nil {
		t.Fatalf("%s: succeeded, want %s", what, want)
	}
	var coded *domain.Error
	if !errors.As(err, &coded) || coded.Code != want {
		t.Fatalf("%s: %v with code %q, want %q", what, err, domain.ErrorCode(err), want)
	}
}

// canceled returns a context that has ended.
func canceled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

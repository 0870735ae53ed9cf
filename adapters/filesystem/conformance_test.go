package filesystem

import (
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports/storagetest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	storagetest.Run(t, subject)
}

// TestConformanceWithoutHardLinks is the suite on a filesystem like FAT, where renaming stands in for linking.
func TestConformanceWithoutHardLinks(t *testing.T) {
	t.Parallel()
	storagetest.Run(t, func(t *testing.T) storagetest.Subject {
		s := subject(t)
		s.Store.(*Store).hardLink = func(old, name string) error {
			return &os.LinkError{Op: "link", Old: old, New: name, Err: syscall.EPERM}
		}
		return s
	})
}

func subject(t *testing.T) storagetest.Subject {
	store, dir := open(t)
	return storagetest.Subject{
		Store:    store,
		PartSize: 4 * copyBuffer,
		Plant: func(t *testing.T, name string, content []byte) {
			file := filepath.Join(dir, filepath.FromSlash(name))
			must(t, os.MkdirAll(filepath.Dir(file), folderMode))
			must(t, os.WriteFile(file, content, fileMode))
		},
		Abandon: func(t *testing.T, _ domain.ObjectKey) time.Time {
			temp, err := store.newTemp()
			must(t, err)
			_, err = temp.Write([]byte("as far as it came"))
			must(t, err)
			must(t, temp.Close())
			return time.Now()
		},
		Unfinished: func(t *testing.T) int { return len(entriesOf(t, filepath.Join(dir, tempFolder))) },
		Break:      func(t *testing.T) { must(t, os.RemoveAll(dir)) },
	}
}

func open(t testing.TB) (*Store, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "objects")
	return openAt(t, dir), dir
}

func openAt(t testing.TB, dir string) *Store {
	t.Helper()
	store, err := New(Config{Root: dir}, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(func() { must(t, store.Close()) })
	return store
}

func entriesOf(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = entry.Name()
	}
	return names
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

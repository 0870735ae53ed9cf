package filesystem

import (
	"bytes"
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
)

func newKey() domain.ObjectKey {
	return domain.NewObjectKey(domain.Owner{}, domain.DocumentID(uuid.New()), uuid.New(), "a.txt")
}

// TestPutIsDurable watches what is synced when: the whole file before anyone can see it, and each folder on its way after it
// is in place.
func TestPutIsDurable(t *testing.T) {
	t.Parallel()
	store, dir := open(t)
	key, content := newKey(), bytes.Repeat([]byte("docuvault"), 50_000)
	visible := func() bool {
		_, err := os.Stat(filepath.Join(dir, key.String()))
		return err == nil
	}
	var synced []string
	store.syncFile = func(file *os.File) error {
		info, err := file.Stat()
		must(t, err)
		if info.Size() != int64(len(content)) || visible() {
			t.Errorf("the file is synced with %d of %d bytes, visible %t", info.Size(), len(content), visible())
		}
		synced = append(synced, "file")
		return file.Sync()
	}
	store.folders.sync = func(folder string) error {
		if !visible() {
			t.Errorf("folder %s is synced before the object is in it", folder)
		}
		synced = append(synced, folder)
		return store.syncFolder(folder)
	}
	_, err := store.Put(t.Context(), key, bytes.NewReader(content), -1, "")
	must(t, err)
	document := path.Dir(key.String())
	if want := []string{"file", document, path.Dir(document), "."}; !slices.Equal(synced, want) {
		t.Fatalf("synced %q, want %q", synced, want)
	}

	synced = nil
	store.folders.sync = func(folder string) error {
		err := store.syncFolder(folder)
		if err == nil {
			synced = append(synced, folder)
		}
		return err
	}
	must(t, store.Delete(t.Context(), key))
	if want := []string{"."}; !slices.Equal(synced, want) {
		t.Fatalf("Delete synced %q, want %q, the nearest folder that is left", synced, want)
	}
}

func TestPutThatCannotBeDurableFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is dying")
	for name, plant := range map[string]func(*Store){
		"file":   func(s *Store) { s.syncFile = func(*os.File) error { return broken } },
		"folder": func(s *Store) { s.folders.sync = func(string) error { return broken } },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, dir := open(t)
			plant(store)
			_, err := store.Put(t.Context(), newKey(), strings.NewReader("x"), 1, "")
			if domain.ErrorCode(err) != domain.Unavailable || !errors.Is(err, broken) {
				t.Fatalf("Put: %v, want Unavailable", err)
			}
			mustBeEmpty(t, dir)
		})
	}
}

// mustBeEmpty expects nothing below the root but the empty temporary folder.
func mustBeEmpty(t *testing.T, dir string) {
	t.Helper()
	if names := entriesOf(t, dir); !slices.Equal(names, []string{tempFolder}) {
		t.Fatalf("left below the root: %q", names)
	}
	if names := entriesOf(t, filepath.Join(dir, tempFolder)); len(names) != 0 {
		t.Fatalf("left in %s: %q", tempFolder, names)
	}
}

// TestFolderSyncsAreShared: every caller is answered by a sync that began after its call, and callers that wait share one.
func TestFolderSyncsAreShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan error)
		begun := 0
		syncs := folderSyncs{sync: func(string) error {
			begun++
			return <-release
		}}
		var group sync.WaitGroup
		var failed atomic.Int32
		call := func() {
			if err := syncs.do("a"); err != nil {
				failed.Add(1)
			}
		}
		group.Go(call)
		synctest.Wait()
		for range 10 { // the first sync has begun: it is no good for these
			group.Go(call)
		}
		synctest.Wait()
		if begun != 1 {
			t.Fatalf("%d syncs of one folder at a time", begun)
		}
		release <- nil
		synctest.Wait()
		if begun != 2 {
			t.Fatalf("%d syncs after the first one ended, want 2", begun)
		}
		group.Go(call) // this one needs a third
		synctest.Wait()
		release <- os.ErrPermission
		release <- nil
		group.Wait()
		if begun != 3 || failed.Load() != 10 {
			t.Fatalf("%d syncs and %d failures, want 3 syncs for 12 callers and the failure of the second told to 10", begun, failed.Load())
		}
		if len(syncs.running)+len(syncs.waiting) != 0 {
			t.Fatalf("%d rounds are kept for ever", len(syncs.running)+len(syncs.waiting))
		}
	})
}

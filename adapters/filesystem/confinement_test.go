package filesystem

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// TestNothingOutsideTheRoot plants every kind of symbolic link on an object's way and tries every operation through it.
func TestNothingOutsideTheRoot(t *testing.T) {
	t.Parallel()
	for _, level := range []string{"owner", "document", "file"} {
		for _, manner := range []string{"absolute", "relative"} {
			t.Run(level+" "+manner, func(t *testing.T) {
				t.Parallel()
				store, dir := open(t)
				outside := t.TempDir()
				key := newKey()
				parts := strings.Split(key.String(), "/")
				depth := map[string]int{"owner": 1, "document": 2, "file": 3}[level]
				link := filepath.Join(append([]string{dir}, parts[:depth]...)...)
				victim := filepath.Join(append([]string{outside}, parts[depth:]...)...)
				if depth == 3 {
					victim = filepath.Join(outside, "secret")
				}
				must(t, os.MkdirAll(filepath.Dir(victim), 0o755))
				must(t, os.WriteFile(victim, []byte("secret"), 0o644))
				target := outside
				if depth == 3 {
					target = victim
				}
				must(t, os.MkdirAll(filepath.Dir(link), 0o755))
				if manner == "relative" {
					var err error
					target, err = filepath.Rel(filepath.Dir(link), target)
					must(t, err)
				}
				must(t, os.Symlink(target, link))

				if _, err := store.Stat(t.Context(), key); err == nil {
					t.Error("Stat sees a file outside the root")
				}
				if reader, _, err := store.Get(t.Context(), key, ports.Range{}); err == nil {
					t.Error("Get reads a file outside the root")
					_ = reader.Close()
				}
				if _, err := store.Put(t.Context(), key, strings.NewReader("x"), 1, ""); err == nil {
					t.Error("Put succeeded through a link")
				}
				err := store.List(t.Context(), "", func(object ports.Object) error {
					t.Errorf("listed %q", object.Name)
					return nil
				})
				must(t, err)
				_ = store.Delete(t.Context(), key) // whether it removes the link or fails is all the same
				if content, err := os.ReadFile(victim); err != nil || string(content) != "secret" {
					t.Fatalf("the file outside is now %q, %v", content, err)
				}
				if depth < 3 && len(entriesOf(t, filepath.Dir(victim))) != 1 {
					t.Fatalf("files were made outside the root: %q", entriesOf(t, filepath.Dir(victim)))
				}
			})
		}
	}
}

// TestModes: what is stored is the service user's alone, whatever the umask.
func TestModes(t *testing.T) {
	t.Parallel()
	store, dir := open(t)
	_, err := store.Put(t.Context(), newKey(), strings.NewReader("x"), 1, "")
	must(t, err)
	seen := 0
	must(t, filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		must(t, err)
		info, err := entry.Info()
		must(t, err)
		want := fs.FileMode(fileMode)
		if entry.IsDir() {
			want = folderMode
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", name, info.Mode().Perm(), want)
		}
		seen++
		return nil
	}))
	if seen != 5 {
		t.Fatalf("%d files and folders, want 5", seen)
	}
}

func TestDeleteRemovesEmptyFolders(t *testing.T) {
	t.Parallel()
	store, dir := open(t)
	first, other := newKey(), newKey()
	second, err := domain.ParseObjectKey(first.String()[:74] + other.String()[74:])
	must(t, err)
	for _, key := range []domain.ObjectKey{first, second, other} {
		_, err := store.Put(t.Context(), key, strings.NewReader("x"), 1, "")
		must(t, err)
	}
	documents := func() int { return len(entriesOf(t, filepath.Join(dir, first.String()[:36]))) }
	must(t, store.Delete(t.Context(), first))
	if documents() != 2 {
		t.Fatal("a document's folder went with the first of its two objects")
	}
	must(t, store.Delete(t.Context(), second))
	if documents() != 1 {
		t.Fatal("an empty folder was left")
	}
	must(t, store.Delete(t.Context(), other))
	mustBeEmpty(t, dir)
}

// TestFolderReplaced: a root that was moved away or mounted over is a failure and not an empty vault.
func TestFolderReplaced(t *testing.T) {
	t.Parallel()
	store, dir := open(t)
	key := newKey()
	must(t, os.Rename(dir, dir+".old"))
	must(t, os.Mkdir(dir, folderMode))
	_, err := store.Stat(t.Context(), key)
	for what, err := range map[string]error{
		"Health": store.Health(t.Context()), "Stat": err, "Delete": store.Delete(t.Context(), key),
		"List": store.List(t.Context(), "", func(ports.Object) error { return nil }),
	} {
		if domain.ErrorCode(err) != domain.Unavailable {
			t.Errorf("%s: %v, want Unavailable", what, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	for _, root := range []string{"", file, filepath.Join(file, "below")} {
		if store, err := New(Config{Root: root}, nil); err == nil {
			t.Errorf("New(%q) succeeded", root)
			_ = store.Close()
		}
	}
}

// TestTemporaryFolderComesBack: someone who tidies up does not stop uploads.
func TestTemporaryFolderComesBack(t *testing.T) {
	t.Parallel()
	store, dir := open(t)
	must(t, os.RemoveAll(filepath.Join(dir, tempFolder)))
	n, err := store.AbortStale(t.Context(), farFuture, false)
	if n != 0 || err != nil {
		t.Fatalf("AbortStale: %d, %v", n, err)
	}
	_, err = store.Put(t.Context(), newKey(), strings.NewReader("x"), 1, "")
	must(t, err)
}

package intake

import (
	"os"
	"path/filepath"
	"testing"
)

// TestRemoveSparesWhatChanged: only the very file that was stored goes.
func TestRemoveSparesWhatChanged(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(path string) error{
		"same":     func(string) error { return nil },
		"written":  func(path string) error { return os.WriteFile(path, []byte("longer than it was"), 0o600) },
		"replaced": func(path string) error { return os.Rename(path+".new", path) },
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "a.txt")
		for _, p := range []string{path, path + ".new"} {
			if err := os.WriteFile(p, []byte("content"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		found := file{path: path, size: info.Size(), changed: info.ModTime(), info: info}
		if err := change(path); err != nil {
			t.Fatal(err)
		}
		removed := remove(found) == nil
		if _, err := os.Lstat(path); removed != (name == "same") || (err == nil) == removed {
			t.Errorf("%s: removed %t, afterwards %v", name, removed, err)
		}
	}
}

package filesystem

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"
)

// The folder of all objects is as durable as they are: every folder above it that got a new name is synced.
func TestRootIsDurable(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	root := filepath.Join(top, "a", "b", "c")
	var synced []string
	record := func(folder string) error {
		synced = append(synced, folder)
		return syncOutside(folder)
	}
	if err := makeRoot(root, record); err != nil {
		t.Fatal(err)
	}
	if want := []string{filepath.Join(top, "a", "b"), filepath.Join(top, "a"), top}; !slices.Equal(synced, want) {
		t.Errorf("synced %q, want %q", synced, want)
	}
	synced = nil
	if err := makeRoot(root, record); err != nil || synced != nil {
		t.Errorf("a root that is there: synced %q, error %v", synced, err)
	}
	broken := errors.New("the disk is gone")
	if err := makeRoot(filepath.Join(top, "d"), func(string) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("a sync that fails: %v", err)
	}
}

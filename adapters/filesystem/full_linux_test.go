package filesystem

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/docuvault/docuvault/domain"
)

// tinyDisk mounts a tmpfs and returns a folder on it. That takes root, be it of a user namespace.
func tinyDisk(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Fatalf("mount a tiny disk: %v", err)
	}
	t.Cleanup(func() { must(t, syscall.Unmount(dir, 0)) })
	return filepath.Join(dir, "objects")
}

// asRoot runs a test again as root of a user namespace of its own, who may mount there.
func asRoot(t *testing.T) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	switch {
	case err != nil:
		t.Fatalf("%v\n%s\nThis test mounts a disk: it needs root, or a kernel that lets ordinary users make user namespaces.", err, out)
	case !strings.Contains(string(out), "--- PASS: "+t.Name()+" "):
		t.Fatalf("it did not run:\n%s", out)
	}
}

// TestDiskFull fills a real disk: bytes run out, inodes run out, many run out at once.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		asRoot(t)
		return
	}
	t.Run("bytes", func(t *testing.T) {
		t.Parallel()
		dir := tinyDisk(t, "size=1m")
		store := openAt(t, dir)
		kept := newKey()
		_, err := store.Put(t.Context(), kept, bytes.NewReader(make([]byte, 300_000)), -1, "")
		must(t, err)
		for range 3 {
			_, err = store.Put(t.Context(), newKey(), bytes.NewReader(make([]byte, 5<<20)), -1, "")
			mustBeFull(t, err)
			mustHold(t, dir, kept)
		}
		must(t, store.Health(t.Context()))
		_, err = store.Put(t.Context(), newKey(), bytes.NewReader(make([]byte, 300_000)), -1, "")
		must(t, err) // the room that failures took is back

		must(t, os.WriteFile(filepath.Join(dir, "ballast"), nil, 0o600))
		ballast, err := os.OpenFile(filepath.Join(dir, "ballast"), os.O_WRONLY, 0)
		must(t, err)
		_, err = io.Copy(ballast, endless{})
		if !isFull(err) {
			t.Fatalf("filling the disk: %v", err)
		}
		must(t, ballast.Close())
		mustBeFull(t, store.Health(t.Context()))
		must(t, os.Remove(filepath.Join(dir, "ballast")))
		must(t, store.Health(t.Context()))
	})
	t.Run("inodes", func(t *testing.T) {
		t.Parallel()
		dir := tinyDisk(t, "size=4m,nr_inodes=12") // a root of each of disk and store, .tmp, and folders that fit badly
		store := openAt(t, dir)
		var kept []domain.ObjectKey
		var err error
		for range 12 {
			key := newKey()
			if _, err = store.Put(t.Context(), key, strings.NewReader("x"), 1, ""); err != nil {
				break
			}
			kept = append(kept, key)
		}
		mustBeFull(t, err)
		if len(kept) == 0 {
			t.Fatal("not one object fitted")
		}
		mustHold(t, dir, kept...)
	})
	t.Run("at once", func(t *testing.T) {
		t.Parallel()
		dir := tinyDisk(t, "size=2m")
		store := openAt(t, dir)
		var mu sync.Mutex
		var kept []domain.ObjectKey
		var group sync.WaitGroup
		for range 16 {
			group.Go(func() {
				key := newKey()
				_, err := store.Put(t.Context(), key, bytes.NewReader(make([]byte, 400_000)), 400_000, "")
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					kept = append(kept, key)
				} else if domain.ErrorReason(err) != "full" {
					t.Errorf("Put: %v", err)
				}
			})
		}
		group.Wait()
		mustHold(t, dir, kept...)
		for _, key := range kept {
			object, err := store.Stat(t.Context(), key)
			if err != nil || object.Size != 400_000 {
				t.Fatalf("%+v, %v", object, err)
			}
		}
	})
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func mustBeFull(t *testing.T, err error) {
	t.Helper()
	if domain.ErrorCode(err) != domain.Unavailable || domain.ErrorReason(err) != "full" {
		t.Fatalf("%v with code %q and reason %q, want Unavailable because full", err, domain.ErrorCode(err), domain.ErrorReason(err))
	}
}

// mustHold expects exactly these objects, and no other file or folder.
func mustHold(t *testing.T, dir string, keys ...domain.ObjectKey) {
	t.Helper()
	want := map[string]bool{".": true, tempFolder: true}
	for _, key := range keys {
		for name := key.String(); name != "."; name = filepath.Dir(name) {
			want[name] = true
		}
	}
	must(t, filepath.WalkDir(dir, func(name string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err = filepath.Rel(dir, name)
		if err == nil && !want[name] {
			return fmt.Errorf("%s is left behind", name)
		}
		delete(want, name)
		return err
	}))
	if len(want) != 0 {
		t.Fatalf("missing: %v", want)
	}
}

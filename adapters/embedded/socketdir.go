package embedded

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// socketDir is the folder of the unix socket.
type socketDir struct {
	path      string
	temporary bool
	record    string // where the path of a temporary folder is noted
}

const temporaryPrefix = "docuvault-"

// openSocketDir returns a folder that only the server's user and this one can enter: run/ in the data folder or, where
// the socket's path would be longer than the system allows, a fresh one under the runtime or temporary folder.
func (d *dataDir) openSocketDir() (socketDir, error) {
	s := socketDir{path: d.file("run"), record: d.file("socket-dir")}
	if err := s.removeForgotten(); err != nil {
		return s, err
	}
	if fits(s.path) {
		if err := os.Mkdir(s.path, 0o700); err != nil && !os.IsExist(err) {
			return s, err
		}
		return s, giveTo(s.path, d.runAs)
	}
	for _, parent := range runtimeDirs(d.runAs != nil) {
		if !fits(filepath.Join(parent, temporaryPrefix+"0123456789")) || blocked(parent, d.runAs) != "" {
			continue
		}
		path, err := os.MkdirTemp(parent, temporaryPrefix)
		if err != nil {
			continue
		}
		s.path, s.temporary = path, true
		if err := writeSynced(s.record, path); err != nil {
			return s, err
		}
		return s, giveTo(path, d.runAs)
	}
	return s, fmt.Errorf("the path of a unix socket in %s is longer than %d bytes and there is no shorter place: use a shorter data folder", d.root, maxSocketPath)
}

func fits(dir string) bool { return len(filepath.Join(dir, ".s.PGSQL.65535")) <= maxSocketPath }

func runtimeDirs(dropped bool) []string {
	dirs := []string{os.TempDir(), "/tmp"}
	if run := os.Getenv("XDG_RUNTIME_DIR"); run != "" && !dropped {
		dirs = append([]string{run}, dirs...)
	}
	return dirs
}

// removeForgotten removes the temporary folder that a killed program left.
func (s socketDir) removeForgotten() error {
	b, err := os.ReadFile(s.record)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if path := strings.TrimSpace(string(b)); strings.HasPrefix(filepath.Base(path), temporaryPrefix) {
		if err := os.RemoveAll(path); err != nil { //nolint:gosec // this package wrote the record, in a folder of its own
			return err
		}
	}
	return os.Remove(s.record)
}

func (s socketDir) close() error {
	if !s.temporary {
		return nil
	}
	return s.removeForgotten()
}

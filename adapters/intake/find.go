package intake

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// file is one regular file as it was found.
type file struct {
	path    string
	folders []string // the folders it is in below the path that was given
	size    int64
	changed time.Time
	info    fs.FileInfo
}

// find walks the paths. Names that begin with a dot are passed over without a word, as are symbolic links below the paths and
// whatever else is no file or folder: of these and of what cannot be read the observer is told. A path that is given by itself
// is taken whatever it is called; one that does not exist is an error.
func (in *Intake) find(ctx context.Context) ([]file, error) {
	var files []file
	seen := map[string]bool{}
	for _, root := range in.cfg.Paths {
		real, err := filepath.EvalSymlinks(root) // the path itself may be a link: it was asked for by name
		if err != nil {
			return nil, fmt.Errorf("look at %s: %w", root, plain(err))
		}
		err = filepath.WalkDir(real, func(path string, entry fs.DirEntry, err error) error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			shown := path
			if below, relErr := filepath.Rel(real, path); relErr == nil && below != "." {
				shown = filepath.Join(root, below)
			} else if relErr == nil {
				shown = root
			}
			switch {
			case err != nil:
				in.watcher.Done(Result{Path: shown, Outcome: Failed, Reason: plain(err).Error()})
				if entry != nil && entry.IsDir() {
					return fs.SkipDir
				}
				return nil
			case path != real && strings.HasPrefix(entry.Name(), "."):
				if entry.IsDir() {
					return fs.SkipDir
				}
				return nil
			case entry.IsDir():
				return nil
			case !entry.Type().IsRegular():
				in.watcher.Done(Result{Path: shown, Outcome: Skipped, Reason: "it is no file but a " + kindOf(entry.Type())})
				return nil
			}
			info, err := entry.Info()
			if errors.Is(err, fs.ErrNotExist) {
				return nil // it went while we looked
			}
			if err != nil {
				in.watcher.Done(Result{Path: shown, Outcome: Failed, Reason: plain(err).Error()})
				return nil
			}
			if !seen[path] {
				seen[path] = true
				files = append(files, file{path: shown, folders: foldersOf(real, path), size: info.Size(), changed: info.ModTime(), info: info})
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

func foldersOf(root, path string) []string {
	below, err := filepath.Rel(root, filepath.Dir(path))
	if err != nil || below == "." || strings.HasPrefix(below, "..") {
		return nil
	}
	return strings.Split(filepath.ToSlash(below), "/")
}

func kindOf(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSymlink != 0:
		return "symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		return "pipe"
	case mode&fs.ModeSocket != 0:
		return "socket"
	default:
		return "device"
	}
}

// plain is a file system's error without the path, which stands beside it already.
func plain(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// unchanged reports whether the file is still as it was found.
func (f file) unchanged() bool {
	now, err := os.Lstat(f.path)
	return err == nil && f.same(now)
}

func (f file) same(now fs.FileInfo) bool {
	return os.SameFile(f.info, now) && now.Size() == f.size && now.ModTime().Equal(f.changed)
}

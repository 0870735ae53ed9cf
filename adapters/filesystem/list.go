package filesystem

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/docuvault/docuvault/ports"
)

// listBatch is how many entries of a folder are held at a time.
const listBatch = 256

// List walks the folders, without those of them that the prefix rules out. See ports.StorageBackend.
func (s *Store) List(ctx context.Context, prefix string, each func(ports.Object) error) error {
	if err := contextError(ctx); err != nil {
		return err
	}
	if err := s.present(); err != nil {
		return err
	}
	start := "."
	if slash := strings.LastIndexByte(prefix, '/'); slash > 0 && fs.ValidPath(prefix[:slash]) {
		start = prefix[:slash]
	}
	if top, _, _ := strings.Cut(start, "/"); top == tempFolder {
		return nil
	}
	if start != "." {
		info, err := s.root.Lstat(start)
		if err != nil || !info.IsDir() {
			return unlessAbsent(err)
		}
	}
	return s.walk(ctx, start, prefix, each)
}

// walk calls each for every file below folder whose name starts with prefix.
func (s *Store) walk(ctx context.Context, folder, prefix string, each func(ports.Object) error) error {
	return s.entries(folder, func(entry fs.DirEntry) error {
		if err := contextError(ctx); err != nil {
			return err
		}
		name := path.Join(folder, entry.Name())
		switch {
		case name == tempFolder:
			return nil
		case entry.IsDir():
			if below := name + "/"; !strings.HasPrefix(below, prefix) && !strings.HasPrefix(prefix, below) {
				return nil
			}
			return s.walk(ctx, name, prefix, each)
		case !entry.Type().IsRegular() || !strings.HasPrefix(name, prefix):
			return nil
		}
		info, err := s.root.Lstat(name) // entry.Info would go by the path and around the root
		if err != nil {
			return unlessAbsent(err) // it was deleted meanwhile
		}
		return each(describe(name, info))
	})
}

// entries calls each for every entry of a folder until it fails. A folder that is gone has none.
func (s *Store) entries(folder string, each func(fs.DirEntry) error) (err error) {
	open, err := s.root.Open(folder)
	if err != nil {
		return unlessAbsent(err)
	}
	defer func() {
		if closeErr := open.Close(); err == nil {
			err = unusable(closeErr)
		}
	}()
	for {
		batch, readErr := open.ReadDir(listBatch)
		for _, entry := range batch {
			if err := each(entry); err != nil {
				return err
			}
		}
		if errors.Is(readErr, io.EOF) {
			return nil
		}
		if readErr != nil {
			return unlessAbsent(readErr)
		}
	}
}

// AbortStale removes temporary files that were last written before the given time. See ports.StorageBackend.
func (s *Store) AbortStale(ctx context.Context, before time.Time, dryRun bool) (int, error) {
	if err := contextError(ctx); err != nil {
		return 0, err
	}
	stale := 0
	err := s.entries(tempFolder, func(entry fs.DirEntry) error {
		if err := contextError(ctx); err != nil {
			return err
		}
		name := path.Join(tempFolder, entry.Name())
		info, err := s.root.Lstat(name)
		if err != nil {
			return unlessAbsent(err)
		}
		if info.IsDir() || !info.ModTime().Before(before) {
			return nil
		}
		if !dryRun {
			if err := s.root.Remove(name); err != nil {
				return unlessAbsent(err)
			}
		}
		stale++
		return nil
	})
	return stale, err
}

// unlessAbsent translates an error, but for that of a file that went away meanwhile.
func unlessAbsent(err error) error {
	if err == nil || isAbsent(err) {
		return nil
	}
	return unusable(err)
}

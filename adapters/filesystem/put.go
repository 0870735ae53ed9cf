package filesystem

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path"

	"github.com/docuvault/docuvault/domain"
)

// placeTries bounds how often a folder may vanish between being made and being used. Each time takes another process that
// deletes the last file in it at that instant.
const placeTries = 1000

// Put stores an object. When it returns without error, file and folders have reached the disk. See ports.StorageBackend.
func (s *Store) Put(ctx context.Context, key domain.ObjectKey, r io.Reader, size int64, _ string) (int64, error) {
	if err := contextError(ctx); err != nil {
		return 0, err
	}
	if key.IsZero() {
		return 0, domain.Errorf(domain.Internal, "put without a key")
	}
	temp, err := s.newTemp()
	if err != nil {
		return 0, unusable(err)
	}
	defer s.discard(temp)

	n, err := s.fill(ctx, temp, r, size)
	if err != nil {
		return 0, err
	}
	if err := s.syncFile(temp.File); err != nil {
		return 0, unusable(err)
	}
	if err := temp.Close(); err != nil {
		return 0, unusable(err)
	}
	if err := s.place(ctx, temp, key.String()); err != nil {
		return 0, err
	}
	if err := s.syncPath(key.String()); err != nil {
		s.takeBack(key.String())
		return 0, unusable(err)
	}
	return n, nil
}

// fill copies r to temp, holding it to the announced size.
func (s *Store) fill(ctx context.Context, temp *tempFile, r io.Reader, size int64) (int64, error) {
	buffer := s.buffers.Get().(*[copyBuffer]byte)
	defer s.buffers.Put(buffer)
	var total int64
	for {
		n, readErr := readUp(ctx, r, buffer[:])
		total += int64(n)
		if size >= 0 && total > size {
			return 0, domain.Errorf(domain.Malformed, "more bytes came than were announced")
		}
		if n > 0 {
			if _, err := temp.Write(buffer[:n]); err != nil {
				return 0, unusable(err)
			}
		}
		switch {
		case errors.Is(readErr, io.EOF):
			if total < size {
				return 0, domain.Errorf(domain.Malformed, "fewer bytes came than were announced")
			}
			return total, contextError(ctx)
		case readErr != nil:
			if err := contextError(ctx); err != nil {
				return 0, err
			}
			return 0, fmt.Errorf("read the upload: %w", readErr)
		}
	}
}

// readUp fills p as far as it can, so that a body that comes in dribbles is not written in dribbles. The error is io.EOF at
// the end of r, even if p was filled in part.
func readUp(ctx context.Context, r io.Reader, p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		m, err := r.Read(p[n:])
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// place gives the synced temporary file its name, in folders that it makes and that a Delete may be removing meanwhile.
func (s *Store) place(ctx context.Context, temp *tempFile, name string) error {
	document := path.Dir(name)
	var err error
	for range placeTries {
		if err := contextError(ctx); err != nil {
			s.prune(document)
			return err
		}
		if err = s.makeFolder(document); errors.Is(err, fs.ErrNotExist) {
			if err = s.makeFolder(path.Dir(document)); err == nil {
				err = s.makeFolder(document)
			}
		}
		if err == nil {
			err = s.link(temp.name, name)
		}
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			break
		}
		if _, gone := s.root.Lstat(temp.name); gone != nil {
			break
		}
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrExist):
		return domain.Errorf(domain.Conflict, "an object of this key exists").Because("key_taken")
	}
	s.prune(document)
	if _, gone := s.root.Lstat(temp.name); errors.Is(gone, fs.ErrNotExist) {
		return domain.Wrap(domain.Unavailable, err, "the upload was aborted")
	}
	return unusable(err)
}

// link names the file a second time, or, where the filesystem has no hard links, renames it.
func (s *Store) link(temp, name string) error {
	err := s.hardLink(temp, name)
	if err == nil || !noHardLinks(err) {
		return err
	}
	s.renaming.Lock()
	defer s.renaming.Unlock()
	if _, err := s.root.Lstat(name); err == nil {
		return &fs.PathError{Op: "link", Path: name, Err: fs.ErrExist}
	}
	return s.root.Rename(temp, name)
}

// takeBack removes an object that is in place but cannot be called durable.
func (s *Store) takeBack(name string) {
	if err := s.root.Remove(name); err != nil {
		s.log.Error("an upload that failed is still visible", slog.String("object_key", name), slog.Any("error", err))
	}
	s.prune(path.Dir(name))
}

// tempFile is a file in the temporary folder. Close may be called again.
type tempFile struct {
	*os.File
	name   string // below the root
	closed bool
}

// newTemp makes an empty file with a name that nobody has.
func (s *Store) newTemp() (*tempFile, error) {
	name := path.Join(tempFolder, rand.Text())
	open := func() (*os.File, error) {
		return s.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	}
	file, err := open()
	if errors.Is(err, fs.ErrNotExist) { // someone tidied up
		if err = s.makeFolder(tempFolder); err == nil {
			file, err = open()
		}
	}
	if err != nil {
		return nil, err
	}
	return &tempFile{File: file, name: name}, nil
}

func (t *tempFile) Close() error {
	if t.closed {
		return nil
	}
	t.closed = true
	return t.File.Close()
}

// discard removes the temporary name, which after success is the second one of the object.
func (s *Store) discard(temp *tempFile) {
	closeErr := temp.Close()
	err := s.root.Remove(temp.name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.log.Warn("a temporary file is left behind", slog.String("file", temp.name), slog.Any("error", err))
	}
	if closeErr != nil {
		s.log.Debug("closing a discarded upload failed", slog.Any("error", closeErr))
	}
}

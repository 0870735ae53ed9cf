package filesystem

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// Get opens an object. See ports.StorageBackend.
func (s *Store) Get(ctx context.Context, key domain.ObjectKey, part ports.Range) (io.ReadCloser, ports.Object, error) {
	object, err := s.Stat(ctx, key)
	if err != nil {
		return nil, ports.Object{}, err
	}
	file, err := s.root.Open(key.String())
	if err != nil {
		return nil, ports.Object{}, s.absent(err)
	}
	length := object.Size
	if part != (ports.Range{}) {
		if part.Offset < 0 || part.Length < 0 || part.Offset >= object.Size {
			_ = file.Close() // it was only opened
			return nil, ports.Object{}, domain.Errorf(domain.Invalid, "the range is outside the object").Because("range")
		}
		length -= part.Offset
		if part.Length > 0 {
			length = min(length, part.Length)
		}
	}
	return &reader{ctx: ctx, part: io.NewSectionReader(file, part.Offset, length), file: file}, object, nil
}

// reader reads part of a file for as long as ctx lasts.
type reader struct {
	ctx  context.Context
	part *io.SectionReader
	file *os.File
}

func (r *reader) Read(p []byte) (int, error) {
	if err := contextError(r.ctx); err != nil {
		return 0, err
	}
	n, err := r.part.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = unusable(err)
	}
	return n, err
}

func (r *reader) Close() error { return unusable(r.file.Close()) }

// Stat describes an object. The content type is not kept. See ports.StorageBackend.
func (s *Store) Stat(ctx context.Context, key domain.ObjectKey) (ports.Object, error) {
	if err := contextError(ctx); err != nil {
		return ports.Object{}, err
	}
	if key.IsZero() {
		return ports.Object{}, notFound(nil)
	}
	info, err := s.root.Lstat(key.String())
	if err != nil {
		return ports.Object{}, s.absent(err)
	}
	if !info.Mode().IsRegular() { // a link or a pipe that someone planted
		return ports.Object{}, notFound(nil)
	}
	return describe(key.String(), info), nil
}

// Delete removes an object, and the folders above it that it leaves empty. See ports.StorageBackend.
func (s *Store) Delete(ctx context.Context, key domain.ObjectKey) error {
	if err := contextError(ctx); err != nil {
		return err
	}
	if key.IsZero() {
		return nil
	}
	if err := s.root.Remove(key.String()); err != nil {
		if isAbsent(err) {
			return s.present()
		}
		return unusable(err)
	}
	document := path.Dir(key.String())
	s.prune(document)
	return unusable(s.syncNearest(document))
}

// prune removes a document's folder and its owner's if they are empty. The operating system refuses to remove a folder with
// something in it, so a file that is put there at this moment is safe, and Put makes the folder again if it loses the race.
func (s *Store) prune(document string) {
	for _, folder := range []string{document, path.Dir(document)} {
		if s.root.Remove(folder) != nil {
			return
		}
	}
}

// absent translates the error of a look at a file.
func (s *Store) absent(err error) error {
	if !isAbsent(err) {
		return unusable(err)
	}
	if gone := s.present(); gone != nil {
		return gone
	}
	return notFound(err)
}

// isAbsent reports whether err says that there is no such file, also because what should be a folder above it is a file.
func isAbsent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

func notFound(err error) error {
	return &domain.Error{Code: domain.NotFound, Message: "no such object", Err: err}
}

func describe(name string, info fs.FileInfo) ports.Object {
	key, _ := domain.ParseObjectKey(name) // the zero key is the answer for a name that is not ours
	return ports.Object{Key: key, Name: name, Size: info.Size(), ModTime: info.ModTime()}
}

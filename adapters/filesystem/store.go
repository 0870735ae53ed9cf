package filesystem

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

var _ ports.StorageBackend = (*Store)(nil)

// Config says where the objects are.
type Config struct {
	// Root is the folder, made if it is not there. Required.
	Root string
}

// Store is a ports.StorageBackend on a folder.
type Store struct {
	path    string // absolute
	root    *os.Root
	log     *slog.Logger
	buffers sync.Pool // of *[copyBuffer]byte

	folders  folderSyncs
	syncFile func(*os.File) error
	hardLink func(oldname, newname string) error
	renaming sync.Mutex // without hard links, one at a time
}

const (
	tempFolder = ".tmp"
	fileMode   = 0o600
	folderMode = 0o700
	copyBuffer = 128 << 10
)

// New opens the folder, and makes it if need be. Close it when done.
func New(cfg Config, log *slog.Logger) (*Store, error) {
	if cfg.Root == "" {
		return nil, domain.Errorf(domain.Invalid, "the storage folder is not set")
	}
	path, err := filepath.Abs(cfg.Root)
	if err != nil {
		return nil, fmt.Errorf("find the storage folder: %w", err)
	}
	if err := makeRoot(path, syncOutside); err != nil {
		return nil, unusable(err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, unusable(err)
	}
	s := &Store{path: path, root: root, log: log, syncFile: (*os.File).Sync, hardLink: root.Link}
	s.folders.sync = s.syncFolder
	s.buffers.New = func() any { return new([copyBuffer]byte) }
	if err := s.makeFolder(tempFolder); err != nil {
		_ = root.Close() // nothing was written through it
		return nil, unusable(err)
	}
	return s, nil
}

// Name returns "filesystem".
func (s *Store) Name() string { return "filesystem" }

// Close lets go of the folder. The store is not usable afterwards; readers that Get returned are.
func (s *Store) Close() error { return s.root.Close() }

// URL is NotSupported: only our own API can serve these files. See ports.StorageBackend.
func (s *Store) URL(context.Context, domain.ObjectKey, ports.Link) (string, error) {
	return "", domain.Errorf(domain.NotSupported, "this storage makes no links")
}

// Health writes, reads back the existence of, and removes a small file. See ports.StorageBackend.
func (s *Store) Health(ctx context.Context) error {
	if err := contextError(ctx); err != nil {
		return err
	}
	if err := s.present(); err != nil {
		return err
	}
	temp, err := s.newTemp()
	if err != nil {
		return unusable(err)
	}
	_, err = temp.Write([]byte("docuvault health probe\n"))
	if closeErr := temp.Close(); err == nil {
		err = closeErr
	}
	if removeErr := s.root.Remove(temp.name); err == nil {
		err = removeErr
	}
	if err != nil {
		return unusable(err)
	}
	return nil
}

// present fails if the folder that was opened is no longer the one at its path: removed, replaced or mounted over. Files can
// be absent for that reason alone, so nothing is called NotFound without it.
func (s *Store) present() error {
	opened, err := s.root.Stat(".")
	if err != nil {
		return unusable(err)
	}
	named, err := os.Stat(s.path)
	if err != nil {
		return unusable(err)
	}
	if !os.SameFile(opened, named) {
		return unusable(&fs.PathError{Op: "stat", Path: s.path, Err: errors.New("the folder was replaced while in use")})
	}
	return nil
}

// makeFolder makes one folder below an existing one. That it exists already is fine.
func (s *Store) makeFolder(name string) error {
	err := s.root.Mkdir(name, folderMode)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// unusable translates an error of the operating system: what the folder cannot do now, it may do later.
func unusable(err error) error {
	switch {
	case err == nil:
		return nil
	case isFull(err):
		return &domain.Error{Code: domain.Unavailable, Reason: "full", Message: "the storage is full", Err: err}
	default:
		return domain.Wrap(domain.Unavailable, err, "the storage folder cannot be used")
	}
}

// contextError translates the end of ctx, nil if it has not ended.
func contextError(ctx context.Context) error {
	return domain.ContextError(ctx, "the storage took too long")
}

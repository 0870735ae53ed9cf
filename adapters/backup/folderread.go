package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/docuvault/docuvault/ports"
)

// OpenedFolder is a backup in a folder that is read.
type OpenedFolder struct {
	root     *os.Root
	manifest manifest
	notes    ports.BackupNotes
}

var _ ports.BackupSource = (*OpenedFolder)(nil)

// OpenFolder opens a finished backup.
func OpenFolder(dir string) (_ *OpenedFolder, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the backup: %w", err)
	}
	f := &OpenedFolder{root: root}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	version, err := f.small(versionName, int64(len(versionText)))
	if err != nil {
		return nil, err
	}
	if string(version) != versionText {
		return nil, damaged(versionName, "it is not of a version that this program reads")
	}
	text, err := f.small(manifestName, maxManifest)
	if err != nil {
		return nil, err
	}
	f.manifest, f.notes, err = parseManifest(text)
	return f, err
}

// small reads a file that a finished backup has.
func (f *OpenedFolder) small(name string, limit int64) ([]byte, error) {
	file, err := f.open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, unfinished()
	}
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if int64(len(text)) > limit {
		return nil, damaged(name, "it is too long")
	}
	return text, nil
}

// open opens a file, which no link may stand for.
func (f *OpenedFolder) open(name string) (*os.File, error) {
	info, err := f.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, damaged(name, "it is no file")
	}
	return f.root.Open(name)
}

// Streams implements ports.BackupSource.
func (f *OpenedFolder) Streams() bool { return false }

// Notes implements ports.BackupSource.
func (f *OpenedFolder) Notes(context.Context) (ports.BackupNotes, error) { return f.notes, nil }

// Objects implements ports.BackupSource.
func (f *OpenedFolder) Objects(ctx context.Context, each func(ports.BackupObject, io.Reader) error) error {
	return f.lines(objectsName, func(lines io.Reader) error {
		return readLines(ctx, lines, objectsName, f.manifest.Objects, func(text []byte) error {
			want, err := parseObject(text)
			if err != nil {
				return err
			}
			return f.lines(path.Join(objectsDir, want.Key.String()), func(file io.Reader) error {
				content := newObject(ctx, file, want)
				if err := each(want, content); err != nil {
					return err
				}
				return content.drain()
			})
		})
	})
}

// Rows implements ports.BackupSource.
func (f *OpenedFolder) Rows(ctx context.Context, each func(ports.Record) error) error {
	return f.lines(rowsName, func(lines io.Reader) error { return readRows(ctx, lines, f.manifest.Rows, each) })
}

// lines has a file read that a finished backup has.
func (f *OpenedFolder) lines(name string, read func(io.Reader) error) error {
	file, err := f.open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return damaged(name, "it is missing")
	}
	if err != nil {
		return err
	}
	return errors.Join(read(file), file.Close())
}

// Close lets go of the folder.
func (f *OpenedFolder) Close() error { return f.root.Close() }

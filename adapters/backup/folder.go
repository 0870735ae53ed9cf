package backup

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"slices"
	"syscall"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// part ends the name of a file that is still being written. It takes its own name when it is whole and on disk.
const part = ".part"

// Folder is a backup in a folder that is being written.
type Folder struct {
	root    *os.Root
	schema  string
	rows    *list
	objects *list
}

var _ ports.BackupSink = (*Folder)(nil)

// CreateFolder begins a backup in a folder, or goes on with one that was cut off, or brings one that was finished up to date; until Finish
// there is none then. A folder with anything else in it is a Conflict. Schema is for the manifest. One program at a time may
// write to a folder.
func CreateFolder(dir, schema string) (_ *Folder, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the backup's folder: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the backup's folder: %w", err)
	}
	f := &Folder{root: root, schema: schema}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	if err := f.mustBeOurs(); err != nil {
		return nil, err
	}
	if err := root.Remove(manifestName); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("begin the backup anew: %w", err)
	}
	if err := f.write(versionName, []byte(versionText)); err != nil {
		return nil, err
	}
	if err := root.MkdirAll(objectsDir, 0o700); err != nil {
		return nil, fmt.Errorf("make a folder of the backup: %w", err)
	}
	if f.rows, err = f.newList(rowsName); err != nil {
		return nil, err
	}
	f.objects, err = f.newList(objectsName)
	return f, err
}

// mustBeOurs refuses a folder that holds what is no part of a backup.
func (f *Folder) mustBeOurs() error {
	top, err := f.root.Open(".")
	if err != nil {
		return fmt.Errorf("look into the backup's folder: %w", err)
	}
	entries, err := top.ReadDir(-1)
	if err = errors.Join(err, top.Close()); err != nil {
		return fmt.Errorf("look into the backup's folder: %w", err)
	}
	var names []string
	for _, name := range []string{versionName, objectsDir, objectsName, rowsName, manifestName} {
		names = append(names, name, name+part)
	}
	for _, entry := range entries {
		if !slices.Contains(names, entry.Name()) {
			return domain.Errorf(domain.Conflict, "the folder holds %q, which is no part of a backup; give an empty folder, or one of a backup", entry.Name()).Because("not_empty")
		}
	}
	return nil
}

func (f *Folder) newList(name string) (*list, error) {
	file, err := f.root.OpenFile(name+part, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", name, err)
	}
	return newList(file), nil
}

// PutRows implements ports.BackupSink.
func (f *Folder) PutRows(_ context.Context, write func(add func(ports.Record) error) error) error {
	return f.rows.putRows(write)
}

// EachRow implements ports.BackupSink.
func (f *Folder) EachRow(ctx context.Context, each func(ports.Record) error) error {
	return f.rows.eachRow(ctx, each)
}

// PutObject implements ports.BackupSink.
func (f *Folder) PutObject(_ context.Context, want ports.BackupObject, open func() (io.ReadCloser, error)) (got ports.BackupObject, kept bool, err error) {
	name := path.Join(objectsDir, want.Key.String())
	got = want
	if !want.SHA256.IsZero() {
		if got.Size, got.SHA256, err = f.measure(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return got, false, fmt.Errorf("read what an earlier try left: %w", err)
		}
		if kept = err == nil && got.SHA256 == want.SHA256; kept {
			return got, true, f.objects.add(objectLineOf(got))
		}
	}
	if got.Size, got.SHA256, err = f.fetch(name, want.Size, open); err != nil {
		return got, false, err
	}
	return got, false, f.objects.add(objectLineOf(got))
}

// measure returns size and hash of a file.
func (f *Folder) measure(name string) (int64, domain.Digest, error) {
	file, err := f.root.Open(name)
	if err != nil {
		return 0, domain.Digest{}, err
	}
	sum := sha256.New()
	size, err := io.Copy(sum, file)
	return size, domain.Digest(sum.Sum(nil)), errors.Join(err, file.Close())
}

// fetch writes what open yields to a file.
func (f *Folder) fetch(name string, size int64, open func() (io.ReadCloser, error)) (int64, domain.Digest, error) {
	content, err := open()
	if err != nil {
		return 0, domain.Digest{}, err
	}
	sum := sha256.New()
	var written int64
	err = f.replace(name, objectsDir+part, func(file *os.File) (err error) {
		written, err = copyWhole(io.MultiWriter(file, sum), content, size)
		return err
	})
	return written, domain.Digest(sum.Sum(nil)), errors.Join(err, content.Close())
}

// copyWhole copies content, which has to be size long unless that is -1.
func copyWhole(w io.Writer, content io.Reader, size int64) (int64, error) {
	written, err := io.Copy(w, content)
	if err == nil && size >= 0 && written != size {
		err = fmt.Errorf("an object ended after %d of %d bytes", written, size)
	}
	return written, err
}

// write writes a small file.
func (f *Folder) write(name string, text []byte) error {
	return f.replace(name, name+part, func(file *os.File) error {
		_, err := file.Write(text)
		return err
	})
}

// replace writes a file under another name and, once it is on disk, gives it its own, with the folders it is in.
func (f *Folder) replace(name, temporary string, fill func(*os.File) error) error {
	file, err := f.root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write to the backup: %w", err)
	}
	if err := errors.Join(fill(file), file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := f.root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return fmt.Errorf("make a folder of the backup: %w", err)
	}
	if err := f.root.Rename(temporary, name); err != nil {
		return fmt.Errorf("write to the backup: %w", err)
	}
	for folder := path.Dir(name); ; folder = path.Dir(folder) {
		if err := f.sync(folder); err != nil {
			return err
		}
		if folder == "." {
			return nil
		}
	}
}

// sync has a folder's entries written to disk, where that can be asked for.
func (f *Folder) sync(folder string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	opened, err := f.root.Open(folder)
	if err != nil {
		return fmt.Errorf("open a folder of the backup: %w", err)
	}
	err = opened.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil
	}
	return errors.Join(err, opened.Close())
}

// Finish implements ports.BackupSink.
func (f *Folder) Finish(_ context.Context, notes ports.BackupNotes) error {
	text, err := json.MarshalIndent(manifestOf(notes, f.schema, f.rows.listed(), f.objects.listed(), f.objects.number), "", "  ")
	if err != nil {
		return err
	}
	for name, list := range map[string]*list{rowsName: f.rows, objectsName: f.objects} {
		if err := errors.Join(list.w.Flush(), list.file.Sync()); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
		if err := f.root.Rename(name+part, name); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return f.write(manifestName, append(text, '\n'))
}

// Close lets go of the folder. What is in it stays.
func (f *Folder) Close() error {
	var errs []error
	for _, list := range []*list{f.rows, f.objects} {
		if list != nil {
			errs = append(errs, list.file.Close())
		}
	}
	return errors.Join(append(errs, f.root.Close())...)
}

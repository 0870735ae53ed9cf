package backup

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// objectRecord is the pax record that holds an object's line.
const objectRecord = "DOCUVAULT.object"

// Tar is a backup in a tar that is being written. The rows, and one object at a time, lie in temporary files meanwhile: the size and the
// hash of a file stand before it.
type Tar struct {
	schema  string
	tar     *tar.Writer
	rows    *list
	objects *list
	spool   *os.File
	commit  func() error // of the file that the tar is
	abandon func() error
	close   []func() error
}

var _ ports.BackupSink = (*Tar)(nil)

// WriteTar begins a backup that goes to w, with temporary files in the system's folder for them. Schema is for the manifest.
func WriteTar(w io.Writer, schema string) (*Tar, error) {
	none := func() error { return nil }
	return newTar(w, "", schema, none, none)
}

// CreateTar begins a backup in a file. It has its name, and takes the place of what had it before, only once it is whole and on
// disk. Temporary files lie beside it.
func CreateTar(name, schema string) (*Tar, error) {
	file, err := os.OpenFile(name+part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make the backup: %w", err)
	}
	return newTar(file, filepath.Dir(name), schema, func() error {
		if err := errors.Join(file.Sync(), file.Close()); err != nil {
			return err
		}
		return os.Rename(name+part, name)
	}, func() error { return errors.Join(file.Close(), os.Remove(name+part)) })
}

func newTar(w io.Writer, dir, schema string, commit, abandon func() error) (_ *Tar, err error) {
	t := &Tar{schema: schema, tar: tar.NewWriter(w), commit: commit, abandon: abandon}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.Close())
		}
	}()
	var files [3]*os.File
	for i := range files {
		var remove func() error
		if files[i], remove, err = temporary(dir); err != nil {
			return nil, err
		}
		t.close = append(t.close, remove)
	}
	t.rows, t.objects, t.spool = newList(files[0]), newList(files[1]), files[2]
	return t, t.add(versionName, int64(len(versionText)), nil, func(w io.Writer) error {
		_, err := io.WriteString(w, versionText)
		return err
	})
}

// temporary makes a file that is gone when the program is, where the system can do that, and else once remove is called.
func temporary(dir string) (file *os.File, remove func() error, err error) {
	if file, err = os.CreateTemp(dir, ".docuvault-backup-*"); err != nil {
		return nil, nil, fmt.Errorf("make a temporary file: %w", err)
	}
	if os.Remove(file.Name()) == nil {
		return file, file.Close, nil
	}
	return file, func() error { return errors.Join(file.Close(), os.Remove(file.Name())) }, nil
}

// add appends a file of a known size.
func (t *Tar) add(name string, size int64, records map[string]string, fill func(io.Writer) error) error {
	header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: time.Unix(0, 0), Format: tar.FormatPAX, PAXRecords: records}
	if err := t.tar.WriteHeader(header); err != nil {
		return fmt.Errorf("write to the backup: %w", err)
	}
	return fill(t.tar)
}

// PutRows implements ports.BackupSink.
func (t *Tar) PutRows(_ context.Context, write func(add func(ports.Record) error) error) error {
	return t.rows.putRows(write)
}

// EachRow implements ports.BackupSink.
func (t *Tar) EachRow(ctx context.Context, each func(ports.Record) error) error {
	return t.rows.eachRow(ctx, each)
}

// PutObject implements ports.BackupSink.
func (t *Tar) PutObject(_ context.Context, want ports.BackupObject, open func() (io.ReadCloser, error)) (got ports.BackupObject, kept bool, err error) {
	got = want
	content, err := open()
	if err != nil {
		return got, false, err
	}
	if _, err := t.spool.Seek(0, io.SeekStart); err != nil {
		return got, false, errors.Join(err, content.Close())
	}
	sum := sha256.New()
	got.Size, err = copyWhole(io.MultiWriter(t.spool, sum), content, want.Size)
	if err = errors.Join(err, content.Close()); err != nil {
		return got, false, err
	}
	got.SHA256 = domain.Digest(sum.Sum(nil))
	line, err := json.Marshal(objectLineOf(got))
	if err != nil {
		return got, false, err
	}
	err = t.add(path.Join(objectsDir, got.Key.String()), got.Size, map[string]string{objectRecord: string(line)}, func(w io.Writer) error {
		_, err := io.Copy(w, io.NewSectionReader(t.spool, 0, got.Size))
		return err
	})
	if err != nil {
		return got, false, err
	}
	return got, false, t.objects.add(objectLineOf(got))
}

// Finish implements ports.BackupSink.
func (t *Tar) Finish(_ context.Context, notes ports.BackupNotes) error {
	text, err := json.MarshalIndent(manifestOf(notes, t.schema, t.rows.listed(), t.objects.listed(), t.objects.number), "", "  ")
	if err != nil {
		return err
	}
	for _, lines := range []struct {
		name string
		list *list
	}{{objectsName, t.objects}, {rowsName, t.rows}} {
		if err := lines.list.rewind(); err != nil {
			return err
		}
		err := t.add(lines.name, lines.list.size, nil, func(w io.Writer) error {
			_, err := io.Copy(w, lines.list.file)
			return err
		})
		if err != nil {
			return err
		}
	}
	err = t.add(manifestName, int64(len(text)), nil, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
	if err = errors.Join(err, t.tar.Close()); err != nil {
		return fmt.Errorf("write to the backup: %w", err)
	}
	t.abandon = nil
	if err := t.commit(); err != nil {
		return fmt.Errorf("keep the backup: %w", err)
	}
	return nil
}

// Close removes temporary files and, unless Finish was called, what there is of the tar's own file.
func (t *Tar) Close() error {
	var errs []error
	for _, close := range t.close {
		errs = append(errs, close())
	}
	t.close = nil
	if t.abandon != nil {
		errs = append(errs, t.abandon())
		t.abandon = nil
	}
	return errors.Join(errs...)
}

package backup

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/docuvault/docuvault/ports"
)

// OpenedTar is a backup in a tar that is read.
type OpenedTar struct {
	r        io.Reader
	file     *os.File // nil: it comes from a pipe
	rows     *os.File // rows.jsonl, once it has come by
	notes    *ports.BackupNotes
	manifest manifest
	close    []func() error
}

var _ ports.BackupSource = (*OpenedTar)(nil)

// ReadTar opens a backup that comes from r, which is read once, to its end.
func ReadTar(r io.Reader) (*OpenedTar, error) {
	return openTar(&OpenedTar{r: r})
}

// OpenTar opens a backup in a file.
func OpenTar(name string) (*OpenedTar, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open the backup: %w", err)
	}
	return openTar(&OpenedTar{r: file, file: file, close: []func() error{file.Close}})
}

func openTar(t *OpenedTar) (*OpenedTar, error) {
	rows, remove, err := temporary("")
	if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	t.rows, t.close = rows, append(t.close, remove)
	return t, nil
}

// Streams implements ports.BackupSource.
func (t *OpenedTar) Streams() bool { return t.file == nil }

// Objects implements ports.BackupSource. It goes through all of the tar.
func (t *OpenedTar) Objects(ctx context.Context, each func(ports.BackupObject, io.Reader) error) error {
	if t.file != nil {
		if _, err := t.file.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("read the backup from its beginning: %w", err)
		}
	}
	if _, err := t.rows.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("keep the rows: %w", err)
	}
	files := &entries{tar: tar.NewReader(bufio.NewReaderSize(t.r, 1<<16))}
	version, err := files.small(versionName, int64(len(versionText)))
	if err != nil {
		return err
	}
	if string(version) != versionText {
		return damaged(versionName, "it is not of a version that this program reads")
	}
	seen := newSum()
	header, err := files.next()
	for ; err == nil && strings.HasPrefix(header.Name, objectsDir+"/"); header, err = files.next() {
		if err := t.object(ctx, header, files.tar, seen, each); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	if header.Name != objectsName { // its lines were in the headers
		return damaged(header.Name, "it is not where it belongs")
	}
	if header, err = files.next(); err != nil {
		return err
	}
	if header.Name != rowsName {
		return damaged(header.Name, "it is not where it belongs")
	}
	if _, err := io.Copy(t.rows, files.tar); err != nil {
		return broken(err)
	}
	text, err := files.small(manifestName, maxManifest)
	if err != nil {
		return err
	}
	if _, err := files.next(); !errors.Is(err, errEnd) {
		return errors.Join(err, damaged(manifestName, "something follows it"))
	}
	m, notes, err := parseManifest(text)
	if err != nil {
		return err
	}
	if seen.listed() != m.Objects {
		return damaged(objectsName, "the objects are not those that were written")
	}
	t.manifest, t.notes = m, &notes
	return nil
}

// object reads one object.
func (t *OpenedTar) object(ctx context.Context, header *tar.Header, r io.Reader, seen *list, each func(ports.BackupObject, io.Reader) error) error {
	want, err := parseObject([]byte(header.PAXRecords[objectRecord]))
	if err != nil {
		return err
	}
	if header.Name != path.Join(objectsDir, want.Key.String()) || header.Size != want.Size {
		return damaged(objectsName, "an object is not the one that was written there")
	}
	content := newObject(ctx, tarBytes{r}, want)
	if err := each(want, content); err != nil {
		return err
	}
	if err := content.drain(); err != nil {
		return err
	}
	return seen.add(objectLineOf(want))
}

// Notes implements ports.BackupSource.
func (t *OpenedTar) Notes(context.Context) (ports.BackupNotes, error) {
	if t.notes == nil {
		return ports.BackupNotes{}, unfinished()
	}
	return *t.notes, nil
}

// Rows implements ports.BackupSource.
func (t *OpenedTar) Rows(ctx context.Context, each func(ports.Record) error) error {
	if t.notes == nil {
		return unfinished()
	}
	if _, err := t.rows.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read the rows: %w", err)
	}
	return readRows(ctx, t.rows, t.manifest.Rows, each)
}

// Close removes temporary files and lets go of the tar.
func (t *OpenedTar) Close() error {
	var errs []error
	for _, close := range t.close {
		errs = append(errs, close())
	}
	return errors.Join(errs...)
}

// errEnd says that the tar has come to its end, which before the manifest is too early.
var errEnd = unfinished()

// entries are the files of a tar.
type entries struct{ tar *tar.Reader }

// next goes to the next file. Anything but a plain one is damaged; sparse ones would be longer than what is there of them.
func (e *entries) next() (*tar.Header, error) {
	header, err := e.tar.Next()
	if errors.Is(err, io.EOF) {
		return nil, errEnd
	}
	if err != nil {
		return nil, broken(err)
	}
	if header.Typeflag != tar.TypeReg {
		return nil, damaged(header.Name, "it is no file")
	}
	for name := range header.PAXRecords {
		if strings.HasPrefix(name, "GNU.sparse") {
			return nil, damaged(header.Name, "it is no plain file")
		}
	}
	return header, nil
}

// small reads the next file, which has to be this one.
func (e *entries) small(name string, limit int64) ([]byte, error) {
	header, err := e.next()
	if err != nil {
		return nil, err
	}
	if header.Name != name || header.Size > limit {
		return nil, damaged(header.Name, "it is not where it belongs, or too long")
	}
	text, err := io.ReadAll(e.tar)
	if err != nil {
		return nil, broken(err)
	}
	return text, nil
}

// tarBytes are the bytes of a file in a tar.
type tarBytes struct{ r io.Reader }

// Read implements io.Reader.
func (b tarBytes) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // a reader's io.EOF is never wrapped
		err = broken(err)
	}
	return n, err
}

// broken says what it means that a tar cannot be read on.
func broken(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return unfinished()
	case errors.Is(err, tar.ErrHeader):
		return damaged("the tar", "it cannot be read on")
	}
	return fmt.Errorf("read the backup: %w", err)
}

package backup

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// list is a list of lines that is being written to a file.
type list struct {
	file   *os.File
	w      *bufio.Writer
	sum    hash.Hash
	size   int64
	number int
}

func newList(file *os.File) *list {
	return &list{file: file, w: bufio.NewWriterSize(file, 1<<16), sum: sha256.New()}
}

// newSum is a list that is only counted and hashed.
func newSum() *list { return &list{w: bufio.NewWriter(io.Discard), sum: sha256.New()} }

// add appends a line.
func (l *list) add(line any) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(line); err != nil {
		return err
	}
	if text.Len() > maxLine {
		return fmt.Errorf("a row of %d bytes is more than a backup can hold", text.Len())
	}
	l.sum.Write(text.Bytes())
	l.size += int64(text.Len())
	l.number++
	_, err := l.w.Write(text.Bytes())
	return err
}

func (l *list) listed() listed { return listed{l.size, hex.EncodeToString(l.sum.Sum(nil))} }

// rewind makes what was added readable from the beginning.
func (l *list) rewind() error {
	if err := l.w.Flush(); err != nil {
		return err
	}
	_, err := l.file.Seek(0, io.SeekStart)
	return err
}

// putRows writes the rows of a backup.
func (l *list) putRows(write func(add func(ports.Record) error) error) error {
	return write(func(record ports.Record) error { return l.add(lineOf(record)) })
}

// eachRow reads the rows that were written.
func (l *list) eachRow(ctx context.Context, each func(ports.Record) error) error {
	if err := l.rewind(); err != nil {
		return fmt.Errorf("read the rows again: %w", err)
	}
	return readRows(ctx, l.file, l.listed(), each)
}

// readRows reads rows.jsonl, whose size and hash are known.
func readRows(ctx context.Context, r io.Reader, want listed, each func(ports.Record) error) error {
	return readLines(ctx, r, rowsName, want, func(text []byte) error {
		var line recordLine
		if json.Unmarshal(text, &line) != nil {
			return damaged(rowsName, "a line cannot be read")
		}
		record, err := line.record()
		if err != nil {
			return err
		}
		return each(record)
	})
}

// readLines calls each for every line, and compares size and hash at the end.
func readLines(ctx context.Context, r io.Reader, name string, want listed, each func([]byte) error) error {
	sum := sha256.New()
	counted := &io.LimitedReader{R: r, N: want.Size + 1}
	lines := bufio.NewScanner(io.TeeReader(counted, sum))
	lines.Buffer(make([]byte, 1<<16), maxLine)
	for lines.Scan() {
		if err := domain.ContextError(ctx, "the time for the backup is up"); err != nil {
			return err
		}
		if err := each(lines.Bytes()); err != nil {
			return err
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return damaged(name, "a line is too long")
	case err != nil:
		return fmt.Errorf("read %s: %w", name, err)
	case counted.N != 1 || hex.EncodeToString(sum.Sum(nil)) != want.SHA256:
		return damaged(name, "it is not what was written")
	}
	return nil
}

// object is the bytes of an object on their way out of a backup: a reader that fails before their end unless they are what was
// written.
type object struct {
	ctx  context.Context
	r    io.Reader
	want ports.BackupObject
	sum  hash.Hash
	read int64
	err  error
}

func newObject(ctx context.Context, r io.Reader, want ports.BackupObject) *object {
	return &object{ctx: ctx, r: r, want: want, sum: sha256.New()}
}

// Read implements io.Reader. The last bytes come once they are known to be right, for who knows the size does not wait for io.EOF.
func (o *object) Read(p []byte) (n int, err error) {
	if o.err != nil || len(p) == 0 {
		return 0, o.err
	}
	if o.err = domain.ContextError(o.ctx, "the time for the backup is up"); o.err != nil {
		return 0, o.err
	}
	n, err = o.r.Read(p)
	o.sum.Write(p[:n])
	o.read += int64(n)
	switch {
	case o.read > o.want.Size, err == io.EOF && o.read < o.want.Size,
		o.read == o.want.Size && domain.Digest(o.sum.Sum(nil)) != o.want.SHA256:
		o.err = damaged(objectsDir+"/"+o.want.Key.String(), "it is not what was written")
		return 0, o.err
	case err != nil:
		o.err = err
	}
	return n, err
}

// drain reads what is left, and past the end, so that bytes too many are found.
func (o *object) drain() error {
	_, err := io.Copy(io.Discard, o)
	return err
}

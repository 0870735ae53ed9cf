package formats

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"golang.org/x/image/tiff"
)

// readTIFF reads a scan of one or many pages (TIFF 6.0): each directory of the file is a page. Pages packed in ways that the decoder
// does not know leave the others.
func readTIFF(r *Reader, data []byte, out *page) error {
	t, err := openTIFF(data)
	if err != nil {
		return corrupt("the file is damaged or not a TIFF", err)
	}
	pages, err := t.pages(r.limits.MaxPages + 1)
	if err != nil {
		return corrupt("the file is damaged: its pages cannot be found", err)
	}
	failed := error(nil)
	for _, p := range pages[:out.count(len(pages))] {
		out.beginPage()
		err := r.tiffPage(t, p, out)
		if forgiven := out.forgive(err); forgiven != nil {
			return forgiven
		}
		if err != nil {
			failed = err
		}
	}
	if failed != nil && out.empty() && out.thumbnail == nil {
		return failed
	}
	return nil
}

func (r *Reader) tiffPage(t tiffFile, p tiffPage, out *page) error {
	kind, packed := t.jpegPage(p)
	if !packed {
		kind = pictureKind{tiff.DecodeConfig, tiff.Decode}
	}
	seen, err := r.decode(kind, t.only(p), p.orientation)
	if err != nil {
		return err
	}
	return r.picture(seen, out)
}

// tiffFile is a file of the form that TIFF and Exif share: directories of numbered fields, each leading to the next.
type tiffFile struct {
	data  []byte
	order binary.ByteOrder
	first uint32 // offset of the first directory
}

// tiffPage is what a directory says of its page. The decoder of TIFF reads it again for itself.
type tiffPage struct {
	offset      uint32
	fields      []byte // tiffField bytes each
	orientation int    // as Exif numbers it
	reduced     bool   // a small version of another page
}

// tiffField is the length of a field in a directory, in bytes.
const tiffField = 12

var errTIFF = errors.New("no directory of a TIFF")

func openTIFF(data []byte) (tiffFile, error) {
	t := tiffFile{data: data}
	switch {
	case len(data) < 8:
		return t, errTIFF
	case bytes.HasPrefix(data, []byte("II*\x00")):
		t.order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte("MM\x00*")):
		t.order = binary.BigEndian
	default:
		return t, errTIFF
	}
	t.first = t.order.Uint32(data[4:])
	return t, nil
}

// pages walks the directories, each once and at most so many. Small versions of pages are not pages.
func (t tiffFile) pages(most int) ([]tiffPage, error) {
	var pages []tiffPage
	seen := map[uint32]bool{}
	for at := t.first; at != 0 && !seen[at] && len(seen) < most; {
		seen[at] = true
		p, next, err := t.directory(at)
		if err != nil {
			if len(pages) == 0 {
				return nil, err
			}
			break // the ones before it are there
		}
		if !p.reduced {
			pages = append(pages, p)
		}
		at = next
	}
	if len(pages) == 0 {
		return nil, errTIFF
	}
	return pages, nil
}

// directory reads one directory and the offset of the next.
func (t tiffFile) directory(at uint32) (p tiffPage, next uint32, err error) {
	if int64(at)+2 > int64(len(t.data)) {
		return p, 0, errTIFF
	}
	rest := t.data[at:]
	fields := int(t.order.Uint16(rest))
	if rest = rest[2:]; len(rest) < tiffField*fields {
		return p, 0, errTIFF
	}
	p = tiffPage{offset: at, fields: rest[:tiffField*fields], orientation: 1}
	for i := range fields {
		f := rest[tiffField*i:]
		switch t.order.Uint16(f) {
		case 254: // NewSubfileType
			p.reduced = t.order.Uint32(f[8:])&1 != 0
		case 274: // Orientation
			p.orientation = int(t.order.Uint16(f[8:]))
		}
	}
	if rest = rest[tiffField*fields:]; len(rest) >= 4 {
		next = t.order.Uint32(rest)
	}
	return p, next, nil
}

// only returns the file as if that page were its first: the decoder reads no other.
func (t tiffFile) only(p tiffPage) *tiffReader {
	head := bytes.Clone(t.data[:8])
	t.order.PutUint32(head[4:], p.offset)
	return &tiffReader{head: head, data: t.data}
}

// tiffReader reads data with other first bytes.
type tiffReader struct {
	head, data []byte
	at         int64
}

var _ interface {
	io.ReadSeeker
	io.ReaderAt
} = (*tiffReader)(nil)

func (t *tiffReader) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 || off >= int64(len(t.data)) {
		return 0, io.EOF
	}
	n := copy(b, t.data[off:])
	if off < int64(len(t.head)) {
		copy(b[:n], t.head[off:])
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (t *tiffReader) Read(b []byte) (int, error) {
	n, err := t.ReadAt(b, t.at)
	t.at += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

// Seek knows the start alone.
func (t *tiffReader) Seek(offset int64, whence int) (int64, error) {
	if whence != io.SeekStart || offset < 0 {
		return 0, errors.ErrUnsupported
	}
	t.at = offset
	return offset, nil
}

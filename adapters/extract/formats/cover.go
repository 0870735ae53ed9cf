package formats

import (
	"io"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// maxCover is the most bytes of a picture that are worth reading for a thumbnail.
const maxCover = 8 << 20

// cover makes the thumbnail from a picture inside a document that its program put there for that. One that cannot be read is left
// out.
func (r *Reader) cover(a *archive, part string, out *page) {
	if out.nesting > 0 {
		return
	}
	kind, data, err := r.pictureIn(a, part, maxCover)
	if err != nil || kind.decode == nil {
		return
	}
	if seen, err := kind.open(r, data); err == nil {
		out.show(seen)
	}
}

// pictureIn reads a part of an archive that is a picture, of which it takes so many bytes at most. Of another part, or none, the kind is
// the zero one.
func (r *Reader) pictureIn(a *archive, part string, most int64) (pictureKind, []byte, error) {
	content, ok, err := a.open(part)
	if err != nil || !ok {
		return pictureKind{}, nil, err
	}
	data, err := io.ReadAll(io.LimitReader(content, most))
	_ = content.Close()
	if err != nil {
		return pictureKind{}, nil, err
	}
	return pictures[r.types.DetectType(data[:min(len(data), ports.DetectBytes)], domain.FileName(part))], data, nil
}

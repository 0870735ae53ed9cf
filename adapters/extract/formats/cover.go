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
	content, ok, err := a.open(part)
	if err != nil || !ok {
		return
	}
	data, err := io.ReadAll(io.LimitReader(content, maxCover))
	_ = content.Close()
	if err != nil {
		return
	}
	kind := pictures[r.types.DetectType(data[:min(len(data), ports.DetectBytes)], domain.FileName(part))]
	if kind.decode == nil {
		return
	}
	if seen, err := kind.open(r, data); err == nil {
		out.show(seen)
	}
}

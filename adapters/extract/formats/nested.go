package formats

import (
	"errors"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// nested reads a file inside another one, an attachment or an archive's entry, below a line with its name. A file that cannot
// be read leaves its name: one bad attachment does not cost the message. What is left out because of a limit is recorded.
func (r *Reader) nested(name string, data []byte, out *page) error {
	if out.nesting >= r.limits.MaxNesting {
		out.omitted = true
		return nil
	}
	if !out.enter() {
		return nil
	}
	out.breakLine()
	defer out.breakLine()
	lines := lineWriter{out: out}
	if err := lines.text([]byte(oneLine(name)), false); err != nil {
		return err
	}
	kind := r.types.DetectType(data[:min(len(data), ports.DetectBytes)], domain.FileName(name))
	read, ok := r.formats[kind]
	if !ok {
		return nil
	}
	out.breakLine()
	out.nesting++
	err := read(r, data, out)
	out.nesting--
	return out.forgive(err)
}

// forgive keeps going after a part that cannot be read, unless the page is full or the fault is ours.
func (p *page) forgive(err error) error {
	var e *domain.Error
	if !errors.As(err, &e) || e.Code != domain.Unreadable {
		return err
	}
	if isTooComplex(err) {
		p.omitted = true
	}
	return nil
}

func isTooComplex(err error) bool { return domain.ErrorReason(err) == ports.ReasonTooComplex }

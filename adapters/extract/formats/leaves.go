package formats

import (
	"bytes"
	"encoding/xml"
	"io"
	"slices"
	"unicode"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// fewLetters is what a page has fewer of whose content is in its pictures, as scanners' stamps and page numbers are.
const fewLetters = 50

// leastLeaf is the longer side, in pixels, of the smallest picture that may be a scan: a page at 72 pixels per inch has 840. Smaller
// ones are logos and illustrations, whose text would be noise.
const leastLeaf = 600

// letters counts letters and digits.
func letters(text string) int {
	n := 0
	for _, r := range text {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			n++
		}
	}
	return n
}

// leaves are pictures that stand on the pages of an office document. What is written in them is read if the pages themselves say
// next to nothing: somebody put scans into a document.
type leaves struct {
	archive *archive
	targets map[string]string // of the relations by which pages refer to pictures
	from    int               // where the text of these pages begins
	parts   []string
}

// shown notes the picture that an element of an ECMA-376 document shows, if it is one that does. Nobody may be asked to note it.
func (l *leaves) shown(e xml.StartElement) {
	switch {
	case l == nil:
	case e.Name.Local == "blip": // DrawingML
		l.add(l.targets[attribute(e, "embed")])
	case e.Name.Local == "imagedata": // VML, of older documents
		l.add(l.targets[attribute(e, "id")])
	}
}

// add notes a picture that is there, once.
func (l *leaves) add(part string) {
	if _, there := l.archive.entries[part]; there && !slices.Contains(l.parts, part) {
		l.parts = append(l.parts, part)
	}
}

// read reads the pictures, below the text of their pages. One that cannot be read is left out.
func (l *leaves) read(r *Reader, out *page) error {
	if len(l.parts) == 0 || r.setup.NoOCR || letters(out.text.String()[l.from:]) >= fewLetters {
		return nil
	}
	for _, part := range l.parts {
		if err := out.forgive(l.readOne(r, part, out)); err != nil {
			return err
		}
	}
	return nil
}

func (l *leaves) readOne(r *Reader, part string, out *page) error {
	content, ok, err := l.archive.open(part)
	if err != nil || !ok {
		return err
	}
	data, err := io.ReadAll(content)
	_ = content.Close()
	if err != nil {
		return err
	}
	kind, ok := pictures[r.types.DetectType(data[:min(len(data), ports.DetectBytes)], domain.FileName(part))]
	if !ok {
		return nil
	}
	if size, err := kind.config(bytes.NewReader(data)); err != nil || max(size.Width, size.Height) < leastLeaf {
		return nil // damaged, or an ornament
	}
	return kind.read(r, data, out)
}

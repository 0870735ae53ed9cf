package formats

import (
	"bytes"
	"encoding/xml"
	"slices"
	"unicode"
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
	before  map[string]bool // was read on an earlier page, as a background is
}

// turn goes on to the next page, whose text begins here.
func (l *leaves) turn(out *page) { l.from, l.parts = out.text.Len(), nil }

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
		if l.before[part] {
			continue
		}
		if l.before == nil {
			l.before = map[string]bool{}
		}
		l.before[part] = true
		if err := out.forgive(l.readOne(r, part, out)); err != nil {
			return err
		}
	}
	return nil
}

func (l *leaves) readOne(r *Reader, part string, out *page) error {
	// Half of what the document may inflate to is left to the text of the pages that come.
	most := min(out.inflate-r.limits.MaxInflate/2, l.archive.limits.MaxPart)
	if most <= 0 {
		out.omitted = true
		return nil
	}
	kind, data, err := r.pictureIn(l.archive, part, most)
	switch {
	case err != nil:
		return err
	case int64(len(data)) == most:
		out.omitted = true
		return nil
	case kind.decode == nil:
		return nil
	}
	if size, err := kind.config(bytes.NewReader(data)); err != nil || max(size.Width, size.Height) < leastLeaf {
		return nil // damaged, or an ornament
	}
	return kind.read(r, data, out)
}

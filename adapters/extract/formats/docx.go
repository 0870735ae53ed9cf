package formats

import (
	"cmp"
	"encoding/xml"
	"slices"
)

// readDOCX reads a word-processor document: headers, the body with its tables and text boxes, footnotes, endnotes, comments,
// footers. ECMA-376 part 1 describes the parts, part 2 the archive.
func readDOCX(r *Reader, data []byte, out *page) error {
	a, main, err := openOffice(r, data, "word/document.xml", out)
	if err != nil {
		return err
	}
	rels, err := relations(a, main)
	if err != nil {
		return err
	}
	pictures := leaves{archive: a, targets: targets(rels), from: out.text.Len()}
	for _, part := range storyParts(a, main, rels) {
		s := story{out: out, pending: "\n"}
		if part == main { // what headers and footers show are ornaments
			s.pictures = &pictures
		}
		if err := a.walk(part, s.visit); err != nil {
			return err
		}
	}
	return pictures.read(r, out)
}

// storyParts returns the parts that hold text in the order in which people expect it.
func storyParts(a *archive, main string, rels []relation) []string {
	rank := map[string]int{"header": -1, "footnotes": 1, "endnotes": 2, "comments": 3, "footer": 4}
	type story struct {
		part string
		rank int
	}
	stories := []story{{part: main}}
	for _, rel := range rels {
		n, ok := rank[rel.kind]
		if _, exists := a.entries[rel.target]; ok && exists && rel.target != main {
			stories = append(stories, story{rel.target, n})
		}
	}
	slices.SortFunc(stories, func(x, y story) int { return cmp.Or(cmp.Compare(x.rank, y.rank), cmp.Compare(x.part, y.part)) })
	parts := make([]string, 0, len(stories))
	for _, s := range stories {
		if !slices.Contains(parts, s.part) {
			parts = append(parts, s.part)
		}
	}
	return parts
}

// story reads one part of a document.
type story struct {
	out      *page
	pictures *leaves // notes what is shown; may be nil
	inText   bool    // inside <w:t>, the only place where characters are text
	skip     int     // depth of the element that is skipped with all it holds; 0 is none
	cells    int     // cells begun in the present table row
	pending  string  // separator owed before the next text
}

func (s *story) visit(token xml.Token, depth int) error {
	switch t := token.(type) {
	case xml.StartElement:
		if s.skip == 0 {
			return s.start(t, depth)
		}
	case xml.EndElement:
		switch {
		case s.skip > 0:
			if depth < s.skip {
				s.skip = 0
			}
		case t.Name.Local == "t":
			s.inText = false
		case t.Name.Local == "p":
			s.pending = "\n"
		}
	case xml.CharData:
		if s.inText && s.skip == 0 {
			return s.write(string(t))
		}
	}
	return nil
}

func (s *story) start(e xml.StartElement, depth int) error {
	switch e.Name.Local {
	case "Fallback": // the older form of what was just read
		s.skip = depth
	case "t":
		s.inText = true
	case "tab":
		// The element also declares tab stops in paragraph properties, where it has a position.
		if attribute(e, "pos") == "" {
			return s.write("\t")
		}
	case "br", "cr":
		s.pending = "\n"
	case "noBreakHyphen":
		return s.write("\u2011")
	case "tr":
		s.cells, s.pending = 0, "\n"
	case "tc":
		if s.cells++; s.cells > 1 {
			s.pending = "\t"
		}
	default:
		s.pictures.shown(e)
	}
	return nil
}

func (s *story) write(text string) error {
	if s.pending != "" && !s.out.empty() {
		if err := s.out.write(s.pending); err != nil {
			return err
		}
	}
	s.pending = ""
	return s.out.write(text)
}

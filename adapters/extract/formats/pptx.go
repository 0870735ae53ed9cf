package formats

import (
	"encoding/xml"
)

// readPPTX reads a presentation (ECMA-376 part 1, PresentationML): the slides in their order, each followed by its notes and
// comments. A slide is a page.
func readPPTX(r *Reader, data []byte, out *page) error {
	a, main, err := openOffice(r, data, "ppt/presentation.xml", out)
	if err != nil {
		return err
	}
	rels, err := relations(a, main)
	if err != nil {
		return err
	}
	ids, err := slideIDs(a, main)
	if err != nil {
		return err
	}
	parts := targets(rels)
	pictures := leaves{archive: a}
	for _, id := range ids[:out.count(len(ids))] {
		out.beginPage()
		if err := readSlide(r, a, parts[id], &pictures, out); err != nil {
			return err
		}
	}
	return nil
}

func slideIDs(a *archive, main string) ([]string, error) {
	var ids []string
	err := a.walk(main, func(token xml.Token, _ int) error {
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "sldId" {
			for _, attr := range e.Attr {
				if attr.Name.Local == "id" && attr.Name.Space != "" { // the relation's; the slide's own has no prefix
					ids = append(ids, attr.Value)
				}
			}
		}
		return nil
	})
	return ids, err
}

func readSlide(r *Reader, a *archive, part string, pictures *leaves, out *page) error {
	rels, err := relations(a, part)
	if err != nil {
		return err
	}
	parts := []string{part}
	for _, kind := range []string{"diagramData", "notesSlide", "comments"} {
		for _, rel := range rels {
			if rel.kind == kind {
				parts = append(parts, rel.target)
			}
		}
	}
	pictures.turn(out)
	pictures.targets = targets(rels)
	for _, p := range parts {
		s := slide{lines: lineWriter{out: out, pending: "\n"}}
		if p == part {
			s.pictures = pictures
		}
		if err := a.walk(p, s.visit); err != nil {
			return err
		}
	}
	return pictures.read(r, out)
}

type slide struct {
	lines    lineWriter
	pictures *leaves // notes what is shown; may be nil
	inText   bool
	field    bool // inside a field, such as the slide's number
	cells    int  // cells begun in the present table row
	skip     int  // depth of the element that is skipped with all it holds; 0 is none
}

func (s *slide) visit(token xml.Token, depth int) error {
	switch t := token.(type) {
	case xml.StartElement:
		if s.skip > 0 {
			return nil
		}
		switch t.Name.Local {
		case "Fallback": // the older form of what was just read
			s.skip = depth
		case "t", "text":
			s.inText = !s.field
		case "fld":
			s.field = attribute(t, "type") == "slidenum"
		case "br":
			s.lines.breakLine()
		case "tab":
			return s.lines.text([]byte("\t"), true)
		case "tr":
			s.cells = 0
			s.lines.breakLine()
		case "tc":
			if s.cells++; s.cells > 1 {
				s.lines.pending = "\t"
			}
		default:
			s.pictures.shown(t)
		}
	case xml.EndElement:
		switch {
		case s.skip > 0:
			if depth < s.skip {
				s.skip = 0
			}
		case t.Name.Local == "t", t.Name.Local == "text":
			s.inText = false
		case t.Name.Local == "fld":
			s.field = false
		case t.Name.Local == "p", t.Name.Local == "cm":
			s.lines.breakLine()
		}
	case xml.CharData:
		if s.inText && s.skip == 0 {
			return s.lines.text(t, true)
		}
	}
	return nil
}

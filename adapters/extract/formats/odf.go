package formats

import (
	"encoding/xml"

	"github.com/docuvault/docuvault/ports"
)

// readODF reads a text, spreadsheet or presentation of OpenDocument (ISO/IEC 26300): headers and footers, then the body. A
// slide of a presentation is a page.
func readODF(r *Reader, data []byte, out *page) error {
	a, err := openArchive(data, r.limits, out)
	if err != nil {
		return err
	}
	if _, ok := a.entries["content.xml"]; !ok {
		return corrupt("the file is damaged: it has no content inside", nil)
	}
	if err := odfLocked(a); err != nil {
		return err
	}
	if err := readAbout(a, "meta.xml", out); err != nil && isTooComplex(err) {
		return err
	}
	r.cover(a, "Thumbnails/thumbnail.png", out)
	slides, pictures := 0, leaves{archive: a, from: out.text.Len()}
	for _, part := range []string{"styles.xml", "content.xml"} {
		d := odfPart{reader: r, lines: lineWriter{out: out, pending: "\n"}, styles: part == "styles.xml", slides: &slides, pictures: &pictures}
		if err := a.walk(part, d.visit); err != nil {
			return err
		}
	}
	if slides > 0 && out.nesting == 0 {
		out.pages = &slides
	}
	return pictures.read(r, out)
}

// odfLocked asks the manifest whether the content is encrypted (part 3 of the standard).
func odfLocked(a *archive) error {
	return a.walk("META-INF/manifest.xml", func(token xml.Token, _ int) error {
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "encryption-data" {
			return unreadable(ports.ReasonEncrypted, "the document is encrypted and needs a password")
		}
		return nil
	})
}

type odfPart struct {
	reader   *Reader
	lines    lineWriter
	styles   bool // only headers and footers of this part are text, and what it shows are ornaments
	within   int  // depth of the header or footer
	sheets   bool // tables are sheets, with a name that people see
	para     int  // paragraphs around
	skip     int  // depth of the element that is skipped with all it holds; 0 is none
	cells    int  // cells begun in the present table row
	slides   *int
	pictures *leaves // of the present slide, or of all of a document without slides
}

func (p *odfPart) visit(token xml.Token, depth int) error {
	switch t := token.(type) {
	case xml.StartElement:
		if p.skip == 0 {
			return p.start(t, depth)
		}
	case xml.EndElement:
		switch {
		case p.skip > 0:
			if depth < p.skip {
				p.skip = 0
			}
		case t.Name.Local == "p", t.Name.Local == "h":
			p.para = max(p.para-1, 0)
			p.lines.breakLine()
		case p.within > depth:
			p.within = 0
		}
	case xml.CharData:
		if p.para > 0 && p.skip == 0 && (!p.styles || p.within > 0) {
			return p.lines.text(t, false)
		}
	}
	return nil
}

func (p *odfPart) start(e xml.StartElement, depth int) error {
	switch e.Name.Space + ":" + e.Name.Local {
	case "text:tracked-changes", "office:forms", "dc:creator", "dc:date": // what was deleted, and who commented when
		p.skip = depth
	case "style:header", "style:footer", "style:header-left", "style:footer-left", "style:header-first", "style:footer-first":
		if p.within == 0 {
			p.within = depth
		}
	case "draw:image":
		if !p.styles && !p.sheets { // a sheet is no picture of a page
			p.pictures.add(attribute(e, "href"))
		}
	case "draw:page":
		if err := p.pictures.read(p.reader, p.lines.out); err != nil {
			return err
		}
		*p.slides++
		p.lines.out.beginPage()
		p.pictures.turn(p.lines.out)
		p.lines.breakLine()
	case "text:p", "text:h":
		p.para++
	case "draw:text-box", "office:annotation", "text:line-break":
		p.lines.breakLine()
	case "text:tab":
		p.lines.breakCell()
	case "text:s":
		if p.lines.pending == "" {
			p.lines.pending = " "
		}
	case "office:spreadsheet":
		p.sheets = true
	case "table:table":
		p.lines.breakLine()
		if name := attribute(e, "name"); p.sheets && name != "" {
			return p.lines.text([]byte(name), false)
		}
	case "table:table-row":
		p.cells = 0
		p.lines.breakLine()
	case "table:table-cell", "table:covered-table-cell":
		if p.cells++; p.cells > 1 {
			p.lines.pending = "\t"
		}
	}
	return nil
}

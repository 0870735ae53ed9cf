package formats

import (
	"encoding/xml"
	"slices"
	"strconv"
	"strings"
)

// readXLSX reads a workbook (ECMA-376 part 1, SpreadsheetML): each sheet's name, its rows as lines with tabs between the cells
// that hold something, and its comments. A cell far from the others costs nothing: the gaps are not filled.
func readXLSX(r *Reader, data []byte, out *page) error {
	a, main, err := openOffice(r, data, "xl/workbook.xml", out)
	if err != nil {
		return err
	}
	rels, err := relations(a, main)
	if err != nil {
		return err
	}
	book, err := readBook(a, main)
	if err != nil {
		return err
	}
	for _, rel := range rels {
		switch rel.kind {
		case "sharedStrings":
			book.strings, err = sharedStrings(a, rel.target)
		case "styles":
			book.styles, err = cellStyles(a, rel.target)
		}
		if err != nil {
			return err
		}
	}
	parts := targets(rels)
	lines := &lineWriter{out: out}
	for _, s := range book.sheets {
		lines.breakLine()
		if err := lines.text([]byte(s.name), false); err != nil {
			return err
		}
		if err := book.readSheet(a, parts[s.id], lines); err != nil {
			return err
		}
	}
	return nil
}

type workbook struct {
	sheets  []sheetRef
	from    dateBase
	strings []string
	styles  []numberStyle
}

type sheetRef struct{ name, id string }

func readBook(a *archive, main string) (*workbook, error) {
	var b workbook
	err := a.walk(main, func(token xml.Token, _ int) error {
		e, ok := token.(xml.StartElement)
		if !ok {
			return nil
		}
		switch e.Name.Local {
		case "workbookPr":
			b.from = dateBase(isTrue(attribute(e, "date1904")))
		case "sheet":
			s := sheetRef{name: attribute(e, "name")}
			for _, attr := range e.Attr {
				if attr.Name.Local == "id" { // of the relation; sheetId is another
					s.id = attr.Value
				}
			}
			b.sheets = append(b.sheets, s)
		}
		return nil
	})
	return &b, err
}

func isTrue(s string) bool { return s == "1" || s == "true" }

// sharedStrings reads the texts that cells refer to by number.
func sharedStrings(a *archive, part string) ([]string, error) {
	var all []string
	var one strings.Builder
	inText, phonetic := false, false
	err := a.walk(part, func(token xml.Token, _ int) error {
		switch t := token.(type) {
		case xml.StartElement:
			switch t.Name.Local {
			case "si":
				one.Reset()
			case "rPh": // how to pronounce it
				phonetic = true
			case "t":
				inText = !phonetic
			}
		case xml.EndElement:
			switch t.Name.Local {
			case "si":
				all = append(all, one.String())
			case "rPh":
				phonetic = false
			case "t":
				inText = false
			}
		case xml.CharData:
			if inText {
				one.Write(t)
			}
		}
		return nil
	})
	return all, err
}

// cellStyles reads how numbers are shown, by the number of a cell's style.
func cellStyles(a *archive, part string) ([]numberStyle, error) {
	var styles []numberStyle
	codes := map[int]string{}
	inCells := false
	err := a.walk(part, func(token xml.Token, _ int) error {
		switch t := token.(type) {
		case xml.StartElement:
			switch id, _ := strconv.Atoi(attribute(t, "numFmtId")); t.Name.Local {
			case "numFmt":
				codes[id] = attribute(t, "formatCode")
			case "cellXfs":
				inCells = true
			case "xf":
				if inCells {
					styles = append(styles, styleOf(id, codes[id]))
				}
			}
		case xml.EndElement:
			if t.Name.Local == "cellXfs" {
				inCells = false
			}
		}
		return nil
	})
	return styles, err
}

func (b *workbook) readSheet(a *archive, part string, lines *lineWriter) error {
	s := sheet{book: b, lines: lines}
	if err := a.walk(part, s.visit); err != nil {
		return err
	}
	rels, err := relations(a, part)
	if err != nil {
		return err
	}
	for _, rel := range rels {
		if rel.kind == "comments" || rel.kind == "threadedComment" {
			if err := a.walk(rel.target, textElements(lines, "comment", "threadedComment")); err != nil {
				return err
			}
		}
	}
	return nil
}

type sheet struct {
	book    *workbook
	lines   *lineWriter
	kind    string // of the cell: s, str, inlineStr, b, e, d, or n for a number
	style   int
	inValue bool
	value   strings.Builder
}

func (s *sheet) visit(token xml.Token, _ int) error {
	switch t := token.(type) {
	case xml.StartElement:
		switch t.Name.Local {
		case "row":
			s.lines.breakLine()
		case "c":
			s.kind = attribute(t, "t")
			s.style, _ = strconv.Atoi(attribute(t, "s"))
			s.value.Reset()
		case "v", "t":
			s.inValue = true
		case "rPh":
			s.inValue = false
		}
	case xml.CharData:
		if s.inValue {
			s.value.Write(t)
		}
	case xml.EndElement:
		switch t.Name.Local {
		case "v", "t":
			s.inValue = false
		case "c":
			text := s.cell()
			if text == "" {
				return nil
			}
			if err := s.lines.text([]byte(text), true); err != nil {
				return err
			}
			s.lines.breakCell()
		}
	}
	return nil
}

// cell is the text of the cell that was just read.
func (s *sheet) cell() string {
	value := s.value.String()
	switch s.kind {
	case "s":
		if i, err := strconv.Atoi(strings.TrimSpace(value)); err == nil && i >= 0 && i < len(s.book.strings) {
			return s.book.strings[i]
		}
		return ""
	case "b":
		if isTrue(strings.TrimSpace(value)) {
			return "TRUE"
		}
		return "FALSE"
	case "", "n":
		number, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil {
			return value
		}
		style := plainNumber
		if s.style >= 0 && s.style < len(s.book.styles) {
			style = s.book.styles[s.style]
		}
		return style.format(number, s.book.from)
	default:
		return value
	}
}

// textElements writes what the elements "t" and "text" hold, and begins a line with each of the elements named.
func textElements(lines *lineWriter, onOwnLine ...string) func(xml.Token, int) error {
	inText := false
	return func(token xml.Token, _ int) error {
		switch t := token.(type) {
		case xml.StartElement:
			inText = t.Name.Local == "t" || t.Name.Local == "text"
			if slices.Contains(onOwnLine, t.Name.Local) {
				lines.breakLine()
			}
		case xml.EndElement:
			inText = false
		case xml.CharData:
			if inText {
				return lines.text(t, false)
			}
		}
		return nil
	}
}

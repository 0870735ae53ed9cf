package formats

import (
	"encoding/xml"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/docuvault/docuvault/ports"
)

// About is what a file says about itself; it may be wrong. Fields it does not have are zero.
type About struct {
	Title    string
	Author   string
	Language string    // a BCP 47 tag as the file has it, such as "de" or "en-GB"
	Created  time.Time // UTC, whole seconds
	Modified time.Time // UTC, whole seconds
}

// maxAbout is the longest title or author. What is longer is no name of anything, and cut.
const maxAbout = ports.MaxTitle

func (a About) clean() About {
	a.Title, a.Author = oneLine(a.Title), oneLine(a.Author)
	if a.Language = strings.TrimSpace(a.Language); !isLanguageTag(a.Language) {
		a.Language = ""
	}
	a.Created, a.Modified = plausible(a.Created), plausible(a.Modified)
	return a
}

// oneLine makes a title of what may have been laid out as several lines.
func oneLine(s string) string {
	p := page{limit: maxAbout}
	p.text.WriteString(strings.Join(strings.Fields(firstRunes(strings.ToValidUTF8(s, "\ufffd"), 2*maxAbout)), " "))
	s, _, _ = p.finish()
	return strings.TrimSpace(s)
}

func isLanguageTag(s string) bool {
	if len(s) < 2 || len(s) > 35 {
		return false
	}
	for _, c := range []byte(s) {
		if c != '-' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return s != "x-none" && s != "none" && s != "zxx"
}

// plausible drops dates that are no document's: programs write zero for not known, and databases end somewhere.
func plausible(t time.Time) time.Time {
	if t.Year() < 1970 || t.Year() > 9999 {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Second)
}

// parseTime reads the dates that XML files have (W3CDTF, ISO 8601); those without a zone are taken as UTC.
func parseTime(s string) time.Time {
	s = strings.TrimSpace(s)
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02", "2006-01", "2006"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	return time.Time{}
}

// property collects the text of one XML element up to what a title may have.
type property struct {
	name string // of the element that is being collected; "" is none
	text strings.Builder
}

func (p *property) start(name string) {
	p.name = name
	p.text.Reset()
}

func (p *property) add(b []byte) {
	if p.name != "" && p.text.Len() < utf8.UTFMax*maxAbout {
		p.text.Write(b)
	}
}

func (p *property) end() (name, text string) {
	name, p.name = p.name, ""
	return name, strings.TrimSpace(p.text.String())
}

// readAbout reads what an office document says about itself: Dublin Core, with the names that ECMA-376 (part 2) and OpenDocument
// have for the rest, none of which means something else to the other. What was found before an error is recorded.
func readAbout(a *archive, part string, out *page) error {
	var about About
	var p property
	err := a.walk(part, func(token xml.Token, _ int) error {
		switch t := token.(type) {
		case xml.StartElement:
			p.start(t.Name.Local)
		case xml.CharData:
			p.add(t)
		case xml.EndElement:
			switch name, text := p.end(); name {
			case "title":
				about.Title = text
			case "initial-creator":
				about.Author = text
			case "creator": // of OpenDocument, who saved it last
				if about.Author == "" {
					about.Author = text
				}
			case "language":
				about.Language = text
			case "created", "creation-date":
				about.Created = parseTime(text)
			case "modified", "date":
				about.Modified = parseTime(text)
			}
		}
		return nil
	})
	out.describe(about)
	return err
}

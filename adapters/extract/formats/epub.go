package formats

import (
	"encoding/xml"
	"io"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/docuvault/docuvault/ports"
)

// readEPUB reads a book (EPUB 3.3, and 2): its chapters in the order in which they are read.
func readEPUB(r *Reader, data []byte, out *page) error {
	a, err := openArchive(data, r.limits, out)
	if err != nil {
		return err
	}
	root, err := rootFile(a)
	if err != nil {
		return err
	}
	chapters, cover, err := readPackage(a, root, out)
	if err != nil {
		return err
	}
	locked, err := lockedParts(a)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(chapters, func(part string) bool { return locked[part] }) {
		return unreadable(ports.ReasonEncrypted, "the book is protected and cannot be read here")
	}
	r.cover(a, cover, out)
	for _, part := range chapters {
		if !out.enter() {
			return nil
		}
		if err := readChapter(a, part, out); err != nil {
			return err
		}
	}
	return nil
}

// rootFile asks META-INF/container.xml for the part that describes the book.
func rootFile(a *archive) (string, error) {
	root := ""
	err := a.walk("META-INF/container.xml", func(token xml.Token, _ int) error {
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "rootfile" && root == "" {
			root = attribute(e, "full-path")
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	if _, ok := a.entries[root]; !ok {
		return "", corrupt("the file is damaged: it has no book inside", nil)
	}
	return root, nil
}

// readPackage reads what the book says about itself and returns its chapters and the picture on its cover, if it has one: EPUB 3
// marks it, EPUB 2 names it in a meta element.
func readPackage(a *archive, root string, out *page) (chapters []string, cover string, err error) {
	var about About
	var p property
	var spine []string
	manifest, pictures, coverID := map[string]string{}, map[string]string{}, ""
	err = a.walk(root, func(token xml.Token, _ int) error {
		switch t := token.(type) {
		case xml.StartElement:
			p.start(t.Name.Local)
			switch t.Name.Local {
			case "item":
				switch kind, part := attribute(t, "media-type"), bookPart(root, attribute(t, "href")); {
				case strings.Contains(kind, "html"):
					manifest[attribute(t, "id")] = part
				case strings.HasPrefix(kind, "image/"):
					pictures[attribute(t, "id")] = part
					if slices.Contains(strings.Fields(attribute(t, "properties")), "cover-image") {
						coverID = attribute(t, "id")
					}
				}
			case "itemref":
				spine = append(spine, attribute(t, "idref"))
			case "meta":
				if attribute(t, "property") == "dcterms:modified" {
					p.start("modified")
				}
				if attribute(t, "name") == "cover" && coverID == "" {
					coverID = attribute(t, "content")
				}
			}
		case xml.CharData:
			p.add(t)
		case xml.EndElement:
			switch name, text := p.end(); {
			case name == "title" && about.Title == "":
				about.Title = text
			case name == "creator" && about.Author == "":
				about.Author = text
			case name == "language" && about.Language == "":
				about.Language = text
			case name == "date" && about.Created.IsZero():
				about.Created = parseTime(text)
			case name == "modified":
				about.Modified = parseTime(text)
			}
		}
		return nil
	})
	out.describe(about)
	for _, id := range spine {
		if part, ok := manifest[id]; ok {
			chapters = append(chapters, part)
		}
	}
	return chapters, pictures[coverID], err
}

// bookPart resolves a reference, which may be escaped as URLs are.
func bookPart(from, href string) string {
	if plain, err := url.PathUnescape(href); err == nil {
		href = plain
	}
	return path.Join(path.Dir(from), href)
}

// lockedParts lists what META-INF/encryption.xml says is encrypted: with protected books the chapters, with others only fonts.
func lockedParts(a *archive) (map[string]bool, error) {
	locked := map[string]bool{}
	err := a.walk("META-INF/encryption.xml", func(token xml.Token, _ int) error {
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "CipherReference" {
			locked[bookPart("", attribute(e, "URI"))] = true
		}
		return nil
	})
	return locked, err
}

func readChapter(a *archive, part string, out *page) error {
	r, ok, err := a.open(part)
	if err != nil || !ok {
		return err
	}
	data, err := io.ReadAll(r)
	_ = r.Close()
	if err != nil {
		if isTooComplex(err) {
			return err
		}
		return corrupt("the file is damaged: a chapter cannot be read", err)
	}
	out.breakLine()
	var about About
	return readMarkup(data, out, &about)
}

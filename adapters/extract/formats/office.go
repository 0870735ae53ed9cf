package formats

import (
	"bytes"
	"encoding/xml"
	"path"
	"strings"

	"github.com/docuvault/docuvault/ports"
)

// openOffice opens a word-processor document, workbook or presentation (ECMA-376) and returns the name of its main part. What
// it says about itself is recorded.
func openOffice(r *Reader, data []byte, usual string, out *page) (*archive, string, error) {
	if bytes.HasPrefix(data, []byte(ole)) {
		return nil, "", unreadable(ports.ReasonEncrypted, "the document is encrypted and needs a password")
	}
	a, err := openArchive(data, r.limits, out)
	if err != nil {
		return nil, "", err
	}
	root, err := relations(a, "")
	if err != nil {
		return nil, "", err
	}
	main, about := usual, "docProps/core.xml"
	for _, rel := range root {
		if _, ok := a.entries[rel.target]; !ok {
			continue
		}
		switch rel.kind {
		case "officeDocument":
			main = rel.target
		case "core-properties":
			about = rel.target
		case "thumbnail":
			r.cover(a, rel.target, out)
		}
	}
	if _, ok := a.entries[main]; !ok {
		return nil, "", corrupt("the file is damaged: it has no document inside", nil)
	}
	// A damaged description is no reason to refuse the document.
	if err := readCore(a, about, out); err != nil && isTooComplex(err) {
		return nil, "", err
	}
	return a, main, nil
}

// readCore reads the core properties (ECMA-376 part 2, Dublin Core).
func readCore(a *archive, part string, out *page) error {
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
			case "creator":
				about.Author = text
			case "language":
				about.Language = text
			case "created":
				about.Created = parseTime(text)
			case "modified":
				about.Modified = parseTime(text)
			}
		}
		return nil
	})
	out.describe(about)
	return err
}

// relation is one entry of a .rels part: what a part refers to, by the last word of its type.
type relation struct{ id, kind, target string }

func relations(a *archive, of string) ([]relation, error) {
	folder, base := path.Split(of) // of the archive itself, both are empty
	var found []relation
	err := a.walk(folder+"_rels/"+base+".rels", func(token xml.Token, _ int) error {
		e, ok := token.(xml.StartElement)
		if !ok || e.Name.Local != "Relationship" || attribute(e, "TargetMode") == "External" {
			return nil
		}
		target := attribute(e, "Target")
		if !strings.HasPrefix(target, "/") {
			target = path.Join(path.Dir(of), target)
		}
		found = append(found, relation{
			id: attribute(e, "Id"), kind: path.Base(attribute(e, "Type")), target: strings.TrimPrefix(path.Clean(target), "/"),
		})
		return nil
	})
	return found, err
}

// targets maps the ids of relations to the parts they lead to.
func targets(rels []relation) map[string]string {
	m := make(map[string]string, len(rels))
	for _, rel := range rels {
		m[rel.id] = rel.target
	}
	return m
}

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
	if err := readAbout(a, about, out); err != nil && isTooComplex(err) {
		return nil, "", err
	}
	return a, main, nil
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

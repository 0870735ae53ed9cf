package formats

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
	"golang.org/x/net/html/charset"
)

// walkXML calls visit with every token of r and the number of elements around it. Namespaces stay prefixes, entities other
// than XML's own five are not expanded, and no document type is read: there is nothing to resolve and nothing to fetch. A document
// type that declares something inside the file is refused; one that only names itself, as old OpenDocument files do, is not.
func walkXML(r io.Reader, maxDepth int, visit func(token xml.Token, depth int) error) error {
	d := xml.NewDecoder(r)
	d.CharsetReader = charset.NewReaderLabel
	d.Strict = false // an unknown entity stays as it is written
	depth := 0
	for {
		token, err := d.RawToken()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			var ours *domain.Error
			if errors.As(err, &ours) {
				return ours
			}
			return corrupt("the file is damaged: a part of it is not well-formed XML", err)
		}
		switch t := token.(type) {
		case xml.Directive:
			if bytes.HasPrefix(bytes.TrimSpace(t), []byte("DOCTYPE")) && bytes.IndexByte(t, '[') >= 0 {
				return corrupt("the file declares entities of its own, which office documents must not", nil)
			}
		case xml.StartElement:
			if depth++; depth > maxDepth {
				return unreadable(ports.ReasonTooComplex, "the file nests more than %d elements", maxDepth)
			}
		case xml.EndElement:
			depth--
		}
		if err := visit(token, depth); err != nil {
			return err
		}
	}
}

// attribute returns the value of the attribute with that local name, or "".
func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return strings.TrimSpace(a.Value)
		}
	}
	return ""
}

package formats

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"github.com/docuvault/docuvault/ports"
)

// readXML reads the words of an XML file whose vocabulary is not known: what elements hold, and the values of attributes,
// which in many an invoice carry what matters. An entity that the file declares stays as it is written, and nothing is fetched.
// A file that is not well-formed is read as the text it is.
func readXML(r *Reader, data []byte, out *page) error {
	text := decode(data, declaredXML(data))
	d := xml.NewDecoder(strings.NewReader(text))
	d.Strict = false
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // it is UTF-8 by now
	words := newPage(r.limits)
	lines := lineWriter{out: words}
	for depth := 0; ; {
		token, err := d.RawToken()
		switch {
		case errors.Is(err, io.EOF):
			return out.write(words.text.String())
		case err != nil:
			return out.write(text)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth++; depth > r.limits.MaxDepth {
				return unreadable(ports.ReasonTooComplex, "the file nests more than %d elements", r.limits.MaxDepth)
			}
			lines.breakLine()
			err = attributes(t, &lines)
		case xml.EndElement:
			depth--
			lines.breakLine()
		case xml.CharData:
			err = lines.text(t, false)
		}
		if errors.Is(err, errFull) {
			return errors.Join(out.write(words.text.String()), errFull)
		}
	}
}

func attributes(e xml.StartElement, lines *lineWriter) error {
	for _, a := range e.Attr {
		if a.Name.Space == "xmlns" || a.Name.Local == "xmlns" || a.Name.Space == "xsi" {
			continue
		}
		if err := lines.text([]byte(a.Value+" "), false); err != nil {
			return err
		}
	}
	return nil
}

// declaredXML returns the encoding that the XML declaration names, "" if there is none.
func declaredXML(data []byte) string {
	head := data[:min(len(data), 200)]
	if !bytes.HasPrefix(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), []byte("<?xml")) {
		return ""
	}
	declaration, _, _ := bytes.Cut(head, []byte("?>"))
	_, after, ok := bytes.Cut(declaration, []byte("encoding"))
	if !ok {
		return ""
	}
	after = bytes.TrimLeft(after, " \t\r\n=")
	if len(after) < 2 {
		return ""
	}
	name, _, _ := bytes.Cut(after[1:], after[:1])
	return string(name)
}

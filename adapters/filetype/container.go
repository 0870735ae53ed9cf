package filetype

import (
	"bytes"
	"cmp"
	"compress/flate"
	"encoding/binary"
	"io"
	"iter"
	"strings"
)

const (
	typeOLE  = "application/x-ole-storage"
	typeDOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	typeXLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	typePPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
)

// oleType decides what is inside Microsoft's old container (MS-CFB): by its directory where that lies within the first bytes,
// else by name. A container with the name of a modern document is that document, encrypted.
func oleType(head []byte, ext string) string {
	for name := range oleNames(head) {
		switch {
		case name == "WordDocument":
			return "application/msword"
		case name == "Workbook", name == "Book":
			return "application/vnd.ms-excel"
		case name == "PowerPoint Document":
			return "application/vnd.ms-powerpoint"
		case strings.HasPrefix(name, "__properties_version"), strings.HasPrefix(name, "__nameid_version"):
			return "application/vnd.ms-outlook"
		case name == "EncryptedPackage":
			return cmp.Or(ooxmlType(ext), typeDOCX)
		}
	}
	switch ext {
	case ".doc", ".dot":
		return "application/msword"
	case ".xls", ".xlt":
		return "application/vnd.ms-excel"
	case ".ppt", ".pps", ".pot":
		return "application/vnd.ms-powerpoint"
	case ".msg":
		return "application/vnd.ms-outlook"
	default:
		return cmp.Or(ooxmlType(ext), typeOLE)
	}
}

// oleNames yields the names in a container's directory as far as the first bytes go. The sectors of a directory mostly follow
// each other; one that does not ends it here.
func oleNames(head []byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		const header, entry = 512, 128
		if len(head) < header {
			return
		}
		shift := binary.LittleEndian.Uint16(head[30:])
		first := uint64(binary.LittleEndian.Uint32(head[48:]))
		if shift != 9 && shift != 12 {
			return
		}
		for at := (first + 1) << shift; at+entry <= uint64(len(head)); at += entry {
			e := head[at : at+entry]
			length, kind := int(binary.LittleEndian.Uint16(e[64:])), e[66]
			if kind > 5 || length > 64 || length%2 != 0 {
				return
			}
			var name []byte // what is looked for is ASCII
			for i := 0; i+2 < length; i += 2 {
				name = append(name, e[i])
			}
			if length > 0 && !yield(string(name)) {
				return
			}
		}
	}
}

func ooxmlType(ext string) string {
	switch ext {
	case ".docx", ".docm", ".dotx":
		return typeDOCX
	case ".xlsx", ".xlsm", ".xltx":
		return typeXLSX
	case ".pptx", ".pptm", ".ppsx", ".potx":
		return typePPTX
	default:
		return ""
	}
}

// zipType looks into a zip archive that the signatures could not name more closely, because what names it comes later than
// they look. The entries' own headers are walked as far as the first bytes go.
func zipType(head []byte, ext string) string {
	office := false
	for rest := head; ; {
		e, after, ok := nextEntry(rest)
		if !ok {
			break
		}
		rest = after
		switch {
		case e.name == "[Content_Types].xml":
			office = true
			if kind := contentTypes(e); kind != "" {
				return kind
			}
		case e.name == "META-INF/container.xml":
			return "application/epub+zip"
		case e.name == "mimetype" && e.method == 0:
			if kind := strings.TrimSpace(string(e.data)); strings.HasPrefix(kind, "application/vnd.oasis.opendocument.") {
				return kind
			}
		case e.name == "_rels/.rels", strings.HasPrefix(e.name, "docProps/"):
			office = true
		case strings.HasPrefix(e.name, "word/"):
			return typeDOCX
		case strings.HasPrefix(e.name, "xl/"):
			return typeXLSX
		case strings.HasPrefix(e.name, "ppt/"):
			return typePPTX
		}
	}
	if kind := ooxmlType(ext); office && kind != "" {
		return kind
	}
	return "application/zip"
}

type zipEntry struct {
	name   string
	method uint16
	data   []byte // compressed; cut off where the first bytes end
}

// nextEntry reads the local file header at the start of b (APPNOTE.TXT 4.3.7) and returns what follows the entry.
func nextEntry(b []byte) (e zipEntry, after []byte, ok bool) {
	const header = 30
	if len(b) < header || !bytes.HasPrefix(b, []byte("PK\x03\x04")) {
		return e, nil, false
	}
	flags := binary.LittleEndian.Uint16(b[6:])
	e.method = binary.LittleEndian.Uint16(b[8:])
	size := uint64(binary.LittleEndian.Uint32(b[18:]))
	name, extra := int(binary.LittleEndian.Uint16(b[26:])), int(binary.LittleEndian.Uint16(b[28:]))
	if len(b) < header+name {
		return e, nil, false
	}
	e.name = string(b[header : header+name])
	b = b[min(header+name+extra, len(b)):]
	if flags&8 != 0 && size == 0 { // the size comes after the data: look for the next header
		e.data, after = b, nil
		if i := bytes.Index(b, []byte("PK\x03\x04")); i >= 0 {
			e.data, after = b[:i], b[i:]
		}
		return e, after, true
	}
	n := int(min(size, uint64(len(b))))
	e.data = b[:n]
	return e, b[n:], true
}

// contentTypes reads the part of an office document that names the types of its other parts.
func contentTypes(e zipEntry) string {
	data := e.data
	if e.method == 8 {
		// A part that is cut off gives what was there; what is wrong with it is the reader's business, not ours.
		data, _ = io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(e.data)), 256<<10))
	}
	switch {
	case bytes.Contains(data, []byte("wordprocessingml.document.main")), bytes.Contains(data, []byte("ms-word.document")):
		return typeDOCX
	case bytes.Contains(data, []byte("spreadsheetml.sheet.main")), bytes.Contains(data, []byte("ms-excel.sheet")):
		return typeXLSX
	case bytes.Contains(data, []byte("presentationml.presentation.main")), bytes.Contains(data, []byte("ms-powerpoint.presentation")):
		return typePPTX
	default:
		return ""
	}
}

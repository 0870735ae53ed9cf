// Package filetype finds a document's content type from its first bytes: mimetype's signatures, and what those leave out (mail,
// office documents whose parts come late, old office files, encrypted ones).
//
// A name never overrules bytes that are clear. It decides between kinds of plain text, and between the kinds of office document
// when the first bytes show no more than the container.
package filetype

import (
	"bytes"
	"mime"
	"path"
	"strings"

	"github.com/gabriel-vasile/mimetype"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// Unknown is the type of bytes that nothing is known about.
const Unknown = "application/octet-stream"

// Detector implements ports.TypeDetector. It is safe for concurrent use.
type Detector struct{}

var _ ports.TypeDetector = Detector{}

// New returns a detector. The signatures' library has one limit for the whole process, which this sets.
func New() Detector {
	mimetype.SetLimit(ports.DetectBytes)
	return Detector{}
}

// DetectType implements ports.TypeDetector.
func (Detector) DetectType(head []byte, name domain.FileName) string {
	if len(head) == 0 {
		return Unknown
	}
	head = head[:min(len(head), ports.DetectBytes)]
	ext := strings.ToLower(path.Ext(string(name)))
	found := mimetype.Detect(head)
	kind := bare(found.String())
	switch {
	case kind == typeOLE:
		return oleType(head, ext)
	case kind == "application/zip", kind == "application/java-archive": // any archive with META-INF looks like the latter
		if closer := zipType(head, ext); closer != "application/zip" {
			return closer
		}
		return kind
	case kind == "message/rfc822" || isText(found) && looksLikeMail(head, ext):
		return "message/rfc822"
	case isText(found):
		return textType(kind, found, head, ext)
	default:
		return kind
	}
}

func bare(s string) string {
	kind, _, err := mime.ParseMediaType(s)
	if err != nil {
		return Unknown
	}
	return kind
}

func isText(m *mimetype.MIME) bool { return under(m, "text/plain") }

func under(m *mimetype.MIME, ancestor string) bool {
	for ; m != nil; m = m.Parent() {
		if m.Is(ancestor) {
			return true
		}
	}
	return false
}

// textType reduces the many kinds of text to those a vault tells apart. Source code, logs and configuration are plain text
// here, whatever language they are in.
func textType(kind string, found *mimetype.MIME, head []byte, ext string) string {
	switch {
	case kind == "image/svg+xml", kind == "text/calendar", kind == "text/vcard", kind == "application/x-ndjson":
		return kind
	case kind == "text/rtf", kind == "application/rtf":
		return "application/rtf"
	case kind == "application/xhtml+xml":
		return "text/html"
	case kind == "text/html":
		if isMarkdown(ext) && !startsPage(head) {
			return "text/markdown" // which may begin with a tag
		}
		return kind
	case under(found, "text/xml"):
		return "application/xml"
	case under(found, "application/json"):
		return "application/json"
	}
	switch { // bytes leave it open: prose, a table and Markdown look alike
	case isMarkdown(ext):
		return "text/markdown"
	case ext == ".csv":
		return "text/csv"
	case ext == ".tsv" || ext == ".tab":
		return "text/tab-separated-values"
	case ext == "" && (kind == "text/csv" || kind == "text/tab-separated-values"):
		return kind
	default:
		return "text/plain"
	}
}

func isMarkdown(ext string) bool { return ext == ".md" || ext == ".markdown" }

// startsPage reports whether a whole HTML page begins here, not just a tag.
func startsPage(head []byte) bool {
	head = bytes.ToLower(bytes.TrimLeft(bytes.TrimPrefix(head[:min(len(head), 512)], []byte("\xef\xbb\xbf")), " \t\r\n"))
	return bytes.HasPrefix(head, []byte("<!doctype html")) || bytes.HasPrefix(head, []byte("<html"))
}

// looksLikeMail reports whether the bytes begin with the header of a message: lines of "Name: value" that hold at least two
// names which mail has and little else does, or one if the name says it is mail.
func looksLikeMail(head []byte, ext string) bool {
	need := 2
	if ext == ".eml" {
		need = 1
	}
	rest := bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
	if bytes.HasPrefix(rest, []byte("From ")) { // the separator of a mailbox file
		_, rest, _ = bytes.Cut(rest, []byte("\n"))
	}
	hits := 0
	for first := true; len(rest) > 0; first = false {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
		line = bytes.TrimSuffix(line, []byte("\r"))
		if len(line) == 0 {
			break
		}
		if !first && (line[0] == ' ' || line[0] == '\t') {
			continue
		}
		field, _, ok := bytes.Cut(line, []byte(":"))
		if !ok || len(field) == 0 || bytes.ContainsAny(field, " \t") {
			break
		}
		switch strings.ToLower(string(field)) {
		case "received", "return-path", "message-id", "mime-version", "delivered-to", "dkim-signature", "in-reply-to",
			"content-transfer-encoding", "from", "to", "subject", "date", "reply-to", "x-mailer":
			hits++
		}
	}
	return hits >= need
}

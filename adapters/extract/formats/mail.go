package formats

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"time"

	"golang.org/x/net/html/charset"
)

// readMail reads a message (RFC 5322, MIME): subject, from, to, cc and date, the body, and the text of its attachments below
// their names. Of a body that is there twice, as plain text and as HTML, the plain one is read. Malformed messages are read as
// far as they go, as mail programs do.
func readMail(r *Reader, data []byte, out *page) error {
	if bytes.HasPrefix(data, []byte("From ")) { // the separator of a mailbox file
		_, data, _ = bytes.Cut(data, []byte("\n"))
	}
	m := message{reader: r, out: out}
	head, body := splitPart(data)
	out.describe(About{Title: head.word("Subject"), Author: head.word("From"), Created: head.date()})
	out.breakLine()
	lines := lineWriter{out: out}
	for _, name := range []string{"Subject", "From", "To", "Cc", "Date"} {
		if value := head.word(name); value != "" {
			if err := lines.text([]byte(name+": "+value), false); err != nil {
				return err
			}
			lines.breakLine()
		}
	}
	return m.part(head, body, 0)
}

// maxParts is how deep the parts of a message may nest.
const maxParts = 32

type message struct {
	reader *Reader
	out    *page
}

// header holds the fields of a message or a part, the first of each name, unfolded.
type header map[string]string

// splitPart separates a part's header from its body. Lines that are no field are passed over.
func splitPart(data []byte) (header, []byte) {
	head := header{}
	last := ""
	for len(data) > 0 {
		var line []byte
		line, data, _ = bytes.Cut(data, []byte("\n"))
		line = bytes.TrimSuffix(line, []byte("\r"))
		if len(line) == 0 {
			break
		}
		if line[0] == ' ' || line[0] == '\t' {
			if last != "" && len(head[last]) < maxField {
				head[last] += " " + string(bytes.TrimSpace(line))
			}
			continue
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if last = ""; !ok || len(name) > 100 || len(head) > 500 {
			continue
		}
		key := strings.ToLower(string(bytes.TrimSpace(name)))
		if _, twice := head[key]; !twice {
			last, head[key] = key, string(bytes.TrimSpace(value[:min(len(value), maxField)]))
		}
	}
	return head, data
}

// maxField is how long a field of a header may be, in bytes.
const maxField = 16 << 10

// word returns a field with its encoded words decoded (RFC 2047). Bytes that are not ASCII are taken as people wrote them.
func (h header) word(name string) string {
	value := h[strings.ToLower(name)]
	d := mime.WordDecoder{CharsetReader: charset.NewReaderLabel}
	if decoded, err := d.DecodeHeader(value); err == nil {
		value = decoded
	}
	return decode([]byte(value), "")
}

func (h header) date() time.Time {
	t, err := mail.ParseDate(h["date"])
	if err != nil {
		return time.Time{}
	}
	return t
}

// part reads one part of a message, and those inside it.
func (m *message) part(head header, body []byte, depth int) error {
	if depth > maxParts || !m.out.enter() {
		m.out.omitted = true
		return nil
	}
	kind, params, _ := mime.ParseMediaType(head["content-type"])
	kind = cmp.Or(kind, "text/plain")
	disposition, named, _ := mime.ParseMediaType(head["content-disposition"])
	name := cmp.Or(named["filename"], params["name"])
	switch {
	case strings.HasPrefix(kind, "multipart/") && params["boundary"] != "":
		return m.parts(kind, parts(body, params["boundary"]), depth+1)
	case kind == "message/rfc822" || disposition == "attachment" || name != "":
		return m.attachment(head, kind, name, body)
	case kind == "text/html":
		return m.html(transferDecoded(head, body), params["charset"])
	case strings.HasPrefix(kind, "text/"), strings.HasPrefix(kind, "multipart/"), !strings.Contains(kind, "/"):
		return m.text(transferDecoded(head, body), params["charset"])
	default: // an image in the page, a signature
		return nil
	}
}

func (m *message) parts(kind string, all [][]byte, depth int) error {
	if kind == "multipart/alternative" {
		all = [][]byte{preferred(all)}
	}
	for _, part := range all {
		head, body := splitPart(part)
		if err := m.part(head, body, depth); err != nil {
			return err
		}
	}
	return nil
}

// preferred is the alternative that is plain text and says something, else the last, which is the richest.
func preferred(all [][]byte) []byte {
	for _, part := range all {
		head, body := splitPart(part)
		kind, _, _ := mime.ParseMediaType(cmp.Or(head["content-type"], "text/plain"))
		if kind == "text/plain" && len(bytes.TrimSpace(body)) > 0 {
			return part
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all[len(all)-1]
}

func (m *message) text(data []byte, charset string) error {
	m.out.breakLine()
	lines := lineWriter{out: m.out}
	return lines.text([]byte(strings.TrimRight(decode(data, charset), " \r\n")), true)
}

func (m *message) html(data []byte, charset string) error {
	m.out.breakLine()
	var about About
	return readMarkup([]byte(decode(data, charset)), m.out, &about)
}

func (m *message) attachment(head header, kind, name string, body []byte) error {
	if kind == "message/rfc822" {
		name = cmp.Or(name, "message.eml")
	}
	d := mime.WordDecoder{CharsetReader: charset.NewReaderLabel}
	if decoded, err := d.DecodeHeader(name); err == nil {
		name = decoded
	}
	return m.reader.nested(cmp.Or(name, "attachment"), transferDecoded(head, body), m.out)
}

// parts cuts a multipart body at its boundary lines (RFC 2046, 5.1). What stands before the first and after the last is dropped.
func parts(body []byte, boundary string) [][]byte {
	mark := []byte("--" + boundary)
	var all [][]byte
	start := -1
	for at := 0; at < len(body); {
		end, next := len(body), len(body)
		if i := bytes.IndexByte(body[at:], '\n'); i >= 0 {
			end, next = at+i, at+i+1
		}
		if line := body[at:end]; bytes.HasPrefix(line, mark) {
			rest := bytes.TrimRight(line[len(mark):], " \t\r")
			if len(rest) == 0 || string(rest) == "--" {
				if start >= 0 {
					all = append(all, body[start:at])
				}
				if start = next; len(rest) > 0 {
					return all
				}
			}
		}
		at = next
	}
	if start >= 0 && start < len(body) {
		all = append(all, body[start:])
	}
	return all
}

// transferDecoded undoes a part's transfer encoding. What is damaged in the middle is read up to there.
func transferDecoded(head header, body []byte) []byte {
	switch strings.ToLower(strings.TrimSpace(head["content-transfer-encoding"])) {
	case "base64":
		decoded, _ := io.ReadAll(base64.NewDecoder(base64.StdEncoding, &base64Only{rest: body}))
		return decoded
	case "quoted-printable":
		decoded, _ := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(body)))
		return decoded
	default:
		return body
	}
}

// base64Only passes on the characters of base64 alone: mail programs break lines and add signatures.
type base64Only struct{ rest []byte }

func (b *base64Only) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) && len(b.rest) > 0 {
		c := b.rest[0]
		b.rest = b.rest[1:]
		if c == '+' || c == '/' || c == '=' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' {
			p[n] = c
			n++
		}
	}
	if n == 0 && len(b.rest) == 0 {
		return 0, io.EOF
	}
	return n, nil
}

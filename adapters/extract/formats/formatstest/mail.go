package formatstest

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"
)

// File is a file inside another one.
type File struct {
	Name    string
	Content []byte
}

// Sent is when the messages made here were sent.
var Sent = time.Date(2024, 5, 17, 9, 30, 0, 0, time.UTC)

// Mail returns a message (RFC 5322) from Zoë with that body, which is there as HTML too, and those attachments.
func Mail(body string, attached ...File) []byte {
	var b strings.Builder
	b.WriteString("From: =?utf-8?Q?Zo=C3=AB?= <zoe@example.org>\r\nTo: Bob <bob@example.org>\r\n" +
		"Subject: =?iso-8859-1?Q?Gr=FC=DFe?=\r\n =?iso-8859-1?Q?_aus_K=F6ln?=\r\n")
	fmt.Fprintf(&b, "Date: %s\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=outer\r\n\r\nfor old programs\r\n", Sent.Format(time.RFC1123Z))
	b.WriteString("--outer\r\nContent-Type: multipart/alternative; boundary=\"inner\"\r\n\r\n" +
		"--inner\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" + wrapped([]byte(body)) +
		"--inner\r\nContent-Type: text/html\r\n\r\n<p>the same as a page</p>\r\n--inner--\r\n")
	for _, f := range attached {
		fmt.Fprintf(&b, "--outer\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=%q\r\n"+
			"Content-Transfer-Encoding: base64\r\n\r\n%s", f.Name, wrapped(f.Content))
	}
	b.WriteString("--outer--\r\n")
	return []byte(b.String())
}

func wrapped(data []byte) string {
	s := base64.StdEncoding.EncodeToString(data)
	var b strings.Builder
	for len(s) > 76 {
		b.WriteString(s[:76] + "\r\n")
		s = s[76:]
	}
	return b.String() + s + "\r\n"
}

// MSG returns a message as Outlook stores it (MS-OXMSG) with that body and those attachments. One whose name ends in ".msg" is
// attached as a message with its content as the body.
func MSG(subject, body string, attached ...File) []byte {
	streams := msgStreams("", 32, subject, body)
	for i, f := range attached {
		at := fmt.Sprintf("__attach_version1.0_#%08X/", i)
		streams = append(streams, Stream{at + "__substg1.0_3707001F", utf16le(f.Name)})
		if strings.HasSuffix(f.Name, ".msg") {
			streams = append(streams, msgStreams(at+"__substg1.0_3701000D/", 24, f.Name, string(f.Content))...)
		} else {
			streams = append(streams, Stream{at + "__substg1.0_37010102", f.Content})
		}
	}
	return Compound(streams...)
}

func msgStreams(at string, header int, subject, body string) []Stream {
	sent := make([]byte, 16)
	binary.LittleEndian.PutUint32(sent, 0x00390040)
	binary.LittleEndian.PutUint64(sent[8:], uint64(Sent.Unix())*1e7+116444736000000000)
	return []Stream{
		{at + "__properties_version1.0", append(make([]byte, header), sent...)},
		{at + "__substg1.0_0037001F", utf16le(subject)},
		{at + "__substg1.0_0C1A001F", utf16le("Zoë")},
		{at + "__substg1.0_5D01001F", utf16le("zoe@example.org")},
		{at + "__substg1.0_0E04001F", utf16le("Bob")},
		{at + "__substg1.0_1000001F", utf16le(body)},
	}
}

func utf16le(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// PackedRTF returns rich text in the form that messages keep it in (MS-OXRTFCP), each byte as it is and none referred to.
func PackedRTF(rtf string) []byte {
	var b []byte
	for chunk := range strings.SplitSeq(rtf, "\n") {
		for len(chunk) > 0 {
			n := min(8, len(chunk))
			if n < 8 {
				chunk += strings.Repeat(" ", 8-n)
			}
			b = append(append(b, 0), chunk[:8]...)
			chunk = chunk[8:]
		}
	}
	head := make([]byte, 16)
	binary.LittleEndian.PutUint32(head, uint32(len(b)+12))
	binary.LittleEndian.PutUint32(head[4:], uint32(len(b)))
	binary.LittleEndian.PutUint32(head[8:], 0x75465a4c)
	return append(head, b...)
}

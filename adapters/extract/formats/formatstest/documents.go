// Package formatstest makes small documents for tests, byte by byte: nothing is taken from anywhere.
package formatstest

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"strings"
)

// PDF returns a PDF (ISO 32000-1) with one page for each text, in Helvetica. Lines of a text become lines on the page. Texts
// must be printable ASCII.
func PDF(pages ...string) []byte {
	var p pdf
	kids := make([]string, len(pages))
	for i := range pages {
		kids[i] = fmt.Sprintf("%d 0 R", 4+2*i)
	}
	p.object("<< /Type /Catalog /Pages 2 0 R >>")
	p.object(fmt.Sprintf("<< /Type /Pages /Kids [%s] /Count %d >>", strings.Join(kids, " "), len(pages)))
	p.object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
	for i, text := range pages {
		p.object(fmt.Sprintf("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R "+
			"/Resources << /Font << /F1 3 0 R >> >> >>", 5+2*i))
		p.stream(content(text))
	}
	return p.finish("")
}

// EncryptedPDF returns a PDF that claims to be encrypted with a password that nobody has.
func EncryptedPDF() []byte {
	var p pdf
	p.object("<< /Type /Catalog /Pages 2 0 R >>")
	p.object("<< /Type /Pages /Kids [3 0 R] /Count 1 >>")
	p.object("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>")
	key := strings.Repeat("5a", 32)
	p.object("<< /Filter /Standard /V 2 /R 3 /Length 128 /P -44 /O <" + key + "> /U <" + key + "> >>")
	return p.finish(" /Encrypt 4 0 R /ID [<00112233445566778899aabbccddeeff> <00112233445566778899aabbccddeeff>]")
}

// FormPDF returns a PDF whose page shows text and whose one form field, drawn by its own appearance, shows value.
func FormPDF(text, value string) []byte {
	var p pdf
	p.object("<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [6 0 R] >> >>")
	p.object("<< /Type /Pages /Kids [4 0 R] /Count 1 >>")
	p.object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
	p.object("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R /Annots [6 0 R] " +
		"/Resources << /Font << /F1 3 0 R >> >> >>")
	p.stream(content(text))
	p.object("<< /Type /Annot /Subtype /Widget /FT /Tx /T (field) /V (" + value + ") /Rect [50 500 300 520] /F 4 /AP << /N 7 0 R >> >>")
	p.streamWith("/Type /XObject /Subtype /Form /BBox [0 0 250 20] /Resources << /Font << /F1 3 0 R >> >>",
		"BT /F1 12 Tf 2 5 Td ("+value+") Tj ET")
	return p.finish("")
}

func content(text string) string {
	escape := strings.NewReplacer(`\`, `\\`, "(", `\(`, ")", `\)`)
	var b strings.Builder
	b.WriteString("BT /F1 12 Tf 14 TL 50 780 Td\n")
	for line := range strings.SplitSeq(text, "\n") {
		fmt.Fprintf(&b, "(%s) Tj T*\n", escape.Replace(line))
	}
	b.WriteString("ET")
	return b.String()
}

type pdf struct {
	b       bytes.Buffer
	offsets []int
}

func (p *pdf) object(body string) {
	if p.b.Len() == 0 {
		p.b.WriteString("%PDF-1.4\n")
	}
	p.offsets = append(p.offsets, p.b.Len())
	fmt.Fprintf(&p.b, "%d 0 obj\n%s\nendobj\n", len(p.offsets), body)
}

func (p *pdf) stream(content string) { p.streamWith("", content) }

func (p *pdf) streamWith(dictionary, content string) {
	p.object(fmt.Sprintf("<< %s /Length %d >>\nstream\n%s\nendstream", dictionary, len(content), content))
}

func (p *pdf) finish(trailer string) []byte {
	start := p.b.Len()
	fmt.Fprintf(&p.b, "xref\n0 %d\n0000000000 65535 f \n", len(p.offsets)+1)
	for _, offset := range p.offsets {
		fmt.Fprintf(&p.b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&p.b, "trailer\n<< /Size %d /Root 1 0 R%s >>\nstartxref\n%d\n%%%%EOF\n", len(p.offsets)+1, trailer, start)
	return p.b.Bytes()
}

// Part is one entry of an archive.
type Part struct {
	Name    string
	Content io.Reader
}

// Zip returns a zip archive of the parts in that order.
func Zip(parts ...Part) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, part := range parts {
		w, err := z.CreateHeader(&zip.FileHeader{Name: part.Name, Method: zip.Deflate})
		if err == nil {
			_, err = io.Copy(w, part.Content)
		}
		if err != nil {
			panic(err) // writing to memory does not fail
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

const (
	xmlHead  = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>`
	spaces   = ` xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"`
	relTypes = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
	relSpace = ` xmlns="http://schemas.openxmlformats.org/package/2006/relationships"`
)

// DOCX returns a word-processor document (ECMA-376) with that XML inside its body, and further parts of the document by kind
// ("header", "footer", "footnotes", …), whose XML stands inside their root element.
func DOCX(body string, further map[string]string) []byte {
	return DOCXFrom(strings.NewReader(xmlHead+"<w:document"+spaces+"><w:body>"+body+"</w:body></w:document>"), further)
}

// DOCXFrom is DOCX with the whole of the main part given.
func DOCXFrom(document io.Reader, further map[string]string, more ...Part) []byte {
	relations := ""
	for kind, xml := range further {
		relations += fmt.Sprintf(`<Relationship Id="%s" Type="%s%s" Target="%s1.xml"/>`, kind, relTypes, kind, kind)
		more = append(more, Part{"word/" + kind + "1.xml", strings.NewReader(xmlHead + "<w:part" + spaces + ">" + xml + "</w:part>")})
	}
	parts := []Part{
		{"[Content_Types].xml", strings.NewReader(xmlHead + `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">` +
			`<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
			`<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`)},
		{"_rels/.rels", strings.NewReader(xmlHead + "<Relationships" + relSpace + `><Relationship Id="r1" Type="` + relTypes +
			`officeDocument" Target="word/document.xml"/></Relationships>`)},
		{"word/document.xml", document},
		{"word/_rels/document.xml.rels", strings.NewReader(xmlHead + "<Relationships" + relSpace + ">" + relations + "</Relationships>")},
	}
	return Zip(append(parts, more...)...)
}

// Paragraphs returns the XML of paragraphs for DOCX. The texts must not need escaping.
func Paragraphs(texts ...string) string {
	var b strings.Builder
	for _, text := range texts {
		b.WriteString(`<w:p><w:pPr><w:tabs><w:tab w:val="left" w:pos="720"/></w:tabs></w:pPr><w:r><w:t xml:space="preserve">` + text + "</w:t></w:r></w:p>")
	}
	return b.String()
}

// OLE returns the beginning of Microsoft's old container, which is what an encrypted office document is.
func OLE() []byte {
	return append([]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), make([]byte, 1528)...)
}

// Repeat yields s n times without holding it all.
func Repeat(s string, n int) io.Reader { return &repeat{s: s, left: n} }

type repeat struct {
	s    string
	at   int
	left int
}

func (r *repeat) Read(b []byte) (int, error) {
	n := 0
	for n < len(b) && r.left > 0 {
		c := copy(b[n:], r.s[r.at:])
		n += c
		if r.at += c; r.at == len(r.s) {
			r.at, r.left = 0, r.left-1
		}
	}
	if n == 0 && r.left == 0 {
		return 0, io.EOF
	}
	return n, nil
}

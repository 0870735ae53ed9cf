package formats_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/docuvault/docuvault/adapters/extract/formats"
	"github.com/docuvault/docuvault/adapters/extract/formats/formatstest"
)

const (
	docxType = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	pptxType = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
	odfType  = "application/vnd.oasis.opendocument."

	relationsHead = `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">`
	imageRelation = `<Relationship Id="p%" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/image" Target="../media/%.png"/>`
)

func file(name, content string) formatstest.Part {
	return formatstest.Part{Name: name, Content: strings.NewReader(content)}
}

// scansInDOCX is a document with that text whose body shows both pictures, the second one the old way, and twice.
func scansInDOCX(text string, first, second []byte) []byte {
	return formatstest.Zip(
		file("word/document.xml", `<w:document xmlns:w="w" xmlns:a="a" xmlns:v="v" xmlns:r="r"><w:body><w:p><w:r><w:t>`+text+`</w:t></w:r>`+
			`<w:r><w:drawing><a:blip r:embed="p1"/></w:drawing></w:r></w:p><w:p><w:r><w:pict><v:imagedata r:id="p2"/></w:pict>`+
			`<w:drawing><a:blip r:embed="p1"/><a:blip r:embed="gone"/></w:drawing></w:r></w:p></w:body></w:document>`),
		file("word/_rels/document.xml.rels", relationsHead+strings.ReplaceAll(strings.ReplaceAll(imageRelation, "%", "1")+strings.ReplaceAll(imageRelation, "%", "2"), "../", "")+"</Relationships>"),
		file("word/media/1.png", string(first)), file("word/media/2.png", string(second)))
}

// scansInPPTX is a presentation of slides, each with a text and the picture, 1 or 2, that shown says.
func scansInPPTX(first, second []byte, shown string, texts ...string) []byte {
	parts := []formatstest.Part{
		file("ppt/presentation.xml", `<p:presentation xmlns:p="p" xmlns:r="r"><p:sldId id="1" r:id="p1"/><p:sldId id="2" r:id="p2"/></p:presentation>`),
		file("ppt/media/1.png", string(first)), file("ppt/media/2.png", string(second)),
	}
	slides := relationsHead
	for i, text := range texts {
		n := strconv.Itoa(i + 1)
		slides += `<Relationship Id="p` + n + `" Type="x/slide" Target="slides/slide` + n + `.xml"/>`
		parts = append(parts,
			file("ppt/slides/slide"+n+".xml", `<p:sld xmlns:a="a" xmlns:p="p" xmlns:r="r"><a:p><a:t>`+text+`</a:t></a:p><p:pic><a:blip r:embed="p`+n+`"/></p:pic></p:sld>`),
			file("ppt/slides/_rels/slide"+n+".xml.rels", relationsHead+strings.Replace(strings.Replace(imageRelation, "%", n, 1), "%", shown[i:i+1], 1)+"</Relationships>"))
	}
	return formatstest.Zip(append(parts, file("ppt/_rels/presentation.xml.rels", slides+"</Relationships>"))...)
}

// Somebody who pastes scans into a document wants their text found, as in a PDF. Where the document itself says enough, its pictures
// illustrate it.
func TestScansInOfficeDocuments(t *testing.T) {
	r := open(t, formats.Limits{}, formats.Setup{})
	scan := formatstest.PNG(formatstest.Picture(1240, 400, letter))
	other := formatstest.PNG(formatstest.Picture(1240, 400, "Another page\nof this document"))
	shown := `<text:p><draw:frame><draw:image xlink:href="Pictures/1.png"/></draw:frame></text:p>`
	withPicture := func(kind, body string) []byte {
		return formatstest.With(formatstest.ODF(kind, body, ""), "Pictures/1.png", scan)
	}
	for name, c := range map[string]struct {
		contentType string
		data        []byte
		want        []string // in this order
		not         string
		starts      int
	}{
		"docx":              {docxType, scansInDOCX("see below", scan, other), []string{"see below", "Dear", "Another page"}, "", 0},
		"docx of text":      {docxType, scansInDOCX(strings.Repeat("enough words ", 10), scan, other), []string{"enough words"}, "Another page", 0},
		"docx, a logo":      {docxType, scansInDOCX("see below", formatstest.PNG(formatstest.Picture(500, 400, letter)), other), []string{"see below", "Another page"}, "Dear", 0},
		"docx, one damaged": {docxType, scansInDOCX("see below", scan[:len(scan)/2], other), []string{"see below", "Another page"}, "Dear", 0},
		"odt":               {odfType + "text", withPicture("text", shown), []string{"the footer", "Dear"}, "", 0},
		"odp": {odfType + "presentation", withPicture("presentation", `<draw:page>`+shown+`</draw:page><draw:page><text:p>`+strings.Repeat("enough words ", 10)+`</text:p></draw:page>`),
			[]string{"the footer", "Dear", "enough words"}, "", 2},
		"ods":  {odfType + "spreadsheet", withPicture("spreadsheet", "<table:table>"+shown+"</table:table>"), []string{"the footer"}, "Dear", 0},
		"pptx": {pptxType, scansInPPTX(scan, other, "12", "Agenda", strings.Repeat("enough words ", 10)), []string{"Agenda", "Dear", "enough words"}, "Another page", 2},
	} {
		got, err := r.Read(c.contentType, c.data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		at := 0
		for _, want := range c.want {
			found := strings.Index(got.Text[at:], want)
			if found < 0 {
				t.Errorf("%s: %q does not stand where it should in %q", name, want, got.Text)
				break
			}
			at += found + len(want)
		}
		if c.not != "" && strings.Contains(got.Text, c.not) {
			t.Errorf("%s: %q was read", name, c.not)
		}
		if strings.Count(got.Text, "Dear") > 1 {
			t.Errorf("%s: a picture was read twice: %q", name, got.Text)
		}
		if len(got.Starts) != c.starts || !slices.IsSorted(got.Starts) {
			t.Errorf("%s: pages begin at %v", name, got.Starts)
		}
		if engines := (formats.Setup{}).Needs(c.contentType); engines.Has(formats.Tesseract) == (name == "ods") {
			t.Errorf("%s: a reader of it loads the engines %b", name, engines)
		}
	}
	// The same background on every slide is read once, and pictures leave room for the text of the slides that come.
	got, err := r.Read(pptxType, scansInPPTX(scan, other, "11", "Agenda", "Next"))
	if err != nil || strings.Count(got.Text, "Dear") != 1 || !strings.Contains(got.Text, "Next") {
		t.Errorf("one picture on two slides: %q, %v", got.Text, err)
	}
	narrow := open(t, formats.Limits{MaxInflate: int64(len(scan)) + 6000}, formats.Setup{})
	got, err = narrow.Read(pptxType, scansInPPTX(scan, other, "12", "Agenda", "Next"))
	if err != nil || !got.Truncated || !strings.Contains(got.Text, "Next") {
		t.Errorf("pictures that would take all there is to inflate: truncated %v, %q, %v", got.Truncated, got.Text, err)
	}

	without := open(t, formats.Limits{}, formats.Setup{NoOCR: true})
	got, err = without.Read(docxType, scansInDOCX("see below", scan, other))
	if err != nil || got.Text != "see below" {
		t.Errorf("with OCR_ENGINE=off: %q, %v", got.Text, err)
	}
	few := open(t, formats.Limits{MaxScans: 1}, formats.Setup{})
	got, err = few.Read(docxType, scansInDOCX("see below", scan, other))
	if err != nil || !got.Truncated || strings.Contains(got.Text, "Another") {
		t.Errorf("with one picture allowed: truncated %v, %q, %v", got.Truncated, got.Text, err)
	}
}

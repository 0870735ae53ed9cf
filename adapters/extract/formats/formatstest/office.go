package formatstest

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
)

// coreProperties is what the office documents made here say about themselves.
const coreProperties = xmlHead + `<cp:coreProperties xmlns:cp="x" xmlns:dc="y" xmlns:dcterms="z"><dc:title>The Title</dc:title><dc:creator>Zoë</dc:creator>` +
	`<dc:language>de-DE</dc:language><dcterms:created>2024-05-17T09:30:00Z</dcterms:created><dcterms:modified>2024-05-18T10:00:00+02:00</dcterms:modified></cp:coreProperties>`

// Where the documents made here have a picture of themselves, once With has put one there.
const (
	OfficeCover = "docProps/thumbnail.jpeg"
	ODFCover    = "Thumbnails/thumbnail.png"
	EPUBCover   = "OEBPS/cover.png"
)

// With returns an archive with one more part.
func With(archive []byte, name string, content []byte) []byte {
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		panic(err) // it was made here
	}
	var parts []Part
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			panic(err)
		}
		parts = append(parts, Part{f.Name, r})
	}
	return Zip(append(parts, part(name, string(content)))...)
}

func part(name, content string) Part { return Part{name, strings.NewReader(content)} }

// office returns a document of the family "word", "xl" or "ppt" with that main part, and relations of it: id, kind, target.
func office(main, kind string, relations []string, more ...Part) []byte {
	rels := ""
	for _, r := range relations {
		id, rest, _ := strings.Cut(r, " ")
		kind, target, _ := strings.Cut(rest, " ")
		rels += fmt.Sprintf(`<Relationship Id="%s" Type="%s%s" Target="%s"/>`, id, relTypes, kind, target)
	}
	folder, base, _ := strings.Cut(main, "/")
	parts := []Part{
		part("[Content_Types].xml", xmlHead+`<Types><Override PartName="/`+main+`" ContentType="application/vnd.openxmlformats-officedocument.`+kind+`.main+xml"/></Types>`),
		part("_rels/.rels", xmlHead+"<Relationships"+relSpace+`><Relationship Id="r1" Type="`+relTypes+`officeDocument" Target="`+main+`"/>`+
			`<Relationship Id="r2" Type="http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties" Target="docProps/core.xml"/>`+
			`<Relationship Id="r3" Type="http://schemas.openxmlformats.org/package/2006/relationships/metadata/thumbnail" Target="`+OfficeCover+`"/></Relationships>`),
		part("docProps/core.xml", coreProperties),
		part(folder+"/_rels/"+base+".rels", xmlHead+"<Relationships"+relSpace+">"+rels+"</Relationships>"),
	}
	return Zip(append(parts, more...)...)
}

// XLSX returns a workbook with one sheet "Budget" whose rows are that XML. Style 1 is a date, 2 a time, 3 a date and time of the
// workbook's own, 4 a percentage; the shared strings are "first" and "se" + "cond", with a pronunciation that is none of the text.
func XLSX(rows string) []byte {
	return office("xl/workbook.xml", "spreadsheetml.sheet", []string{"s1 worksheet worksheets/sheet1.xml", "r2 sharedStrings sharedStrings.xml", "r3 styles styles.xml"},
		part("xl/workbook.xml", xmlHead+`<workbook xmlns:r="x"><sheets><sheet name="Budget" sheetId="7" r:id="s1"/></sheets></workbook>`),
		part("xl/sharedStrings.xml", xmlHead+`<sst><si><t>first</t></si><si><r><t>se</t></r><r><t>cond</t></r><rPh><t>spoken</t></rPh></si></sst>`),
		part("xl/styles.xml", xmlHead+`<styleSheet><numFmts><numFmt numFmtId="164" formatCode="[$-409]d\-mmm\-yyyy\ h:mm &quot;day&quot;"/></numFmts>`+
			`<cellStyleXfs><xf numFmtId="0"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="20"/><xf numFmtId="164"/><xf numFmtId="10"/></cellXfs></styleSheet>`),
		part("xl/worksheets/_rels/sheet1.xml.rels", xmlHead+"<Relationships"+relSpace+`><Relationship Id="c" Type="`+relTypes+`comments" Target="../comments1.xml"/></Relationships>`),
		part("xl/comments1.xml", xmlHead+`<comments><commentList><comment ref="A1"><text><r><t>a remark</t></r></text></comment></commentList></comments>`),
		part("xl/worksheets/sheet1.xml", xmlHead+"<worksheet><sheetData>"+rows+"</sheetData></worksheet>"))
}

// PPTX returns a presentation with a slide for each text; the parts lie in the archive in another order. The first slide has
// notes, a table and a slide number.
func PPTX(slides ...string) []byte {
	relations, ids := []string{}, ""
	var parts []Part
	for i, text := range slides {
		n := len(slides) - i
		relations = append(relations, fmt.Sprintf("s%d slide slides/slide%d.xml", i, n))
		ids += fmt.Sprintf(`<p:sldId id="%d" r:id="s%d"/>`, 256+i, i)
		body := "<a:p><a:r><a:t>" + text + "</a:t></a:r></a:p>"
		if i == 0 {
			body += `<a:p><a:fld type="slidenum"><a:t>1</a:t></a:fld></a:p><a:tbl><a:tr><a:tc><a:p><a:r><a:t>left</a:t></a:r></a:p></a:tc><a:tc><a:p><a:r><a:t>right</a:t></a:r></a:p></a:tc></a:tr></a:tbl>`
			parts = append(parts,
				part(fmt.Sprintf("ppt/slides/_rels/slide%d.xml.rels", n), xmlHead+"<Relationships"+relSpace+`><Relationship Id="n" Type="`+relTypes+`notesSlide" Target="../notesSlides/notes1.xml"/></Relationships>`),
				part("ppt/notesSlides/notes1.xml", xmlHead+`<p:notes xmlns:a="x" xmlns:p="y"><a:p><a:r><a:t>say this</a:t></a:r></a:p></p:notes>`))
		}
		parts = append(parts, part(fmt.Sprintf("ppt/slides/slide%d.xml", n), xmlHead+`<p:sld xmlns:a="x" xmlns:p="y">`+body+"</p:sld>"))
	}
	parts = append(parts, part("ppt/presentation.xml", xmlHead+`<p:presentation xmlns:p="x" xmlns:r="y"><p:sldIdLst>`+ids+"</p:sldIdLst></p:presentation>"))
	return office("ppt/presentation.xml", "presentationml.presentation", relations, parts...)
}

// ODF returns an OpenDocument file (ISO/IEC 26300) of the kind "text", "spreadsheet" or "presentation" with that XML as its
// body and a footer. The manifest may say more of its entries, such as that they are encrypted.
func ODF(kind, body, manifest string) []byte {
	return Zip(part("mimetype", "application/vnd.oasis.opendocument."+kind),
		part("META-INF/manifest.xml", xmlHead+`<!DOCTYPE manifest:manifest PUBLIC "-//OpenOffice.org//DTD Manifest 1.0//EN" "Manifest.dtd"><manifest:manifest>`+manifest+"</manifest:manifest>"),
		part("meta.xml", xmlHead+`<office:document-meta><office:meta><meta:initial-creator>Zoë</meta:initial-creator><dc:creator>Bob</dc:creator><dc:title>The Title</dc:title>`+
			`<dc:language>de-DE</dc:language><meta:creation-date>2024-05-17T09:30:00</meta:creation-date><dc:date>2024-05-18T08:00:00Z</dc:date></office:meta></office:document-meta>`),
		part("styles.xml", xmlHead+`<office:document-styles><style:style><text:p>no text</text:p></style:style><style:footer><text:p>the footer</text:p></style:footer></office:document-styles>`),
		part("content.xml", xmlHead+"<office:document-content><office:body><office:"+kind+">"+body+"</office:"+kind+"></office:body></office:document-content>"))
}

// EPUB returns a book (EPUB 3) with a chapter for each page of HTML; the manifest lists them in another order than they are
// read in. Locked names chapters, from 1, that the book says are encrypted.
func EPUB(chapters []string, locked ...int) []byte {
	manifest, spine := "", ""
	parts := []Part{part("mimetype", "application/epub+zip"),
		part("META-INF/container.xml", xmlHead+`<container><rootfiles><rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>`)}
	for i, page := range chapters {
		manifest = fmt.Sprintf(`<item id="c%d" href="ch%%20%d.xhtml" media-type="application/xhtml+xml"/>`, i, i+1) + manifest
		spine += fmt.Sprintf(`<itemref idref="c%d"/>`, i)
		parts = append(parts, part(fmt.Sprintf("OEBPS/ch %d.xhtml", i+1), page))
	}
	manifest += `<item id="picture" href="cover.png" media-type="image/png" properties="cover-image"/>`
	encryption := `<enc:CipherReference URI="OEBPS/font.otf"/>`
	for _, n := range locked {
		encryption += fmt.Sprintf(`<enc:CipherReference URI="OEBPS/ch%%20%d.xhtml"/>`, n)
	}
	return Zip(append(parts, part("META-INF/encryption.xml", xmlHead+"<encryption>"+encryption+"</encryption>"),
		part("OEBPS/book.opf", xmlHead+`<package><metadata><dc:title>The Title</dc:title><dc:creator>Zoë</dc:creator><dc:language>de-DE</dc:language>`+
			`<dc:date>2024-05-17</dc:date><meta property="dcterms:modified">2024-05-18T08:00:00Z</meta></metadata><manifest>`+manifest+"</manifest><spine>"+spine+"</spine></package>"))...)
}

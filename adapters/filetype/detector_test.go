package filetype_test

import (
	"archive/zip"
	"bytes"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/text/encoding/unicode"

	"github.com/docuvault/docuvault/adapters/extract/formats/formatstest"
	"github.com/docuvault/docuvault/adapters/filetype"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
	"github.com/docuvault/docuvault/ports/typetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	office = "application/vnd.openxmlformats-officedocument."
	docx   = office + "wordprocessingml.document"
	xlsx   = office + "spreadsheetml.sheet"
	pptx   = office + "presentationml.presentation"
	odf    = "application/vnd.oasis.opendocument."
)

// archive makes a zip of alternating names and contents. A content that begins with "!" is stored, not deflated.
func archive(t *testing.T, parts ...string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(parts); i += 2 {
		content, stored := strings.CutPrefix(parts[i+1], "!")
		method := zip.Deflate
		if stored {
			method = zip.Store
		}
		h := &zip.FileHeader{Name: parts[i], Method: method}
		var err error
		if stored { // with its size up front, as ODF and EPUB want their first entry
			h.CompressedSize64, h.UncompressedSize64 = uint64(len(content)), uint64(len(content))
			h.CRC32 = 0
			w, rawErr := z.CreateRaw(h)
			if rawErr != nil {
				t.Fatal(rawErr)
			}
			_, err = w.Write([]byte(content))
		} else {
			w, createErr := z.CreateHeader(h)
			if createErr != nil {
				t.Fatal(createErr)
			}
			_, err = w.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// compound is a container of Microsoft's old kind with one stream.
func compound(stream string) string {
	return string(formatstest.Compound(formatstest.Stream{Path: stream, Data: []byte("x")}))
}

func contentTypes(main string) string {
	return `<Types><Override PartName="/x" ContentType="application/vnd.openxmlformats-officedocument.` + main + `.main+xml"/></Types>`
}

// noise does not compress.
func noise(n int) string {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return string(b)
}

func TestConformance(t *testing.T) {
	t.Parallel()
	typetest.Run(t, func(*testing.T) ports.TypeDetector { return filetype.New() })
}

func TestDetectType(t *testing.T) {
	t.Parallel()
	const ole = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
	oleFile := ole + strings.Repeat("\x00", 1528)
	utf16, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String("Grüße aus Köln")
	if err != nil {
		t.Fatal(err)
	}
	late := func(main string) string { // what tells comes after the first 32 KiB
		return archive(t, "docProps/thumbnail.jpeg", noise(40<<10), "[Content_Types].xml", contentTypes(main))
	}
	lateParts := func(main string) string {
		return archive(t, "[Content_Types].xml", contentTypes(main), "docProps/thumbnail.jpeg", noise(40<<10), "word/document.xml", "<x/>")
	}
	const pdf = "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"
	const png = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00"
	const mail = "Received: from a by b\r\n\twith SMTP\r\nFrom: a@example.org\r\nSubject: hello\r\n\r\nbody\r\n"
	for what, c := range map[string]struct{ head, name, want string }{
		"nothing":              {"", "a.pdf", "application/octet-stream"},
		"noise":                {noise(1000), "a.bin", "application/octet-stream"},
		"noise called PDF":     {noise(1000), "a.pdf", "application/octet-stream"},
		"pdf":                  {pdf, "a.pdf", "application/pdf"},
		"pdf without a name":   {pdf, "", "application/pdf"},
		"pdf called text":      {pdf, "a.txt", "application/pdf"},
		"pdf called docx":      {pdf, "a.docx", "application/pdf"},
		"png":                  {png, "a.png", "image/png"},
		"png called PDF":       {png, "a.pdf", "image/png"},
		"jpeg":                 {"\xff\xd8\xff\xe0\x00\x10JFIF\x00", "a.jpeg", "image/jpeg"},
		"gif":                  {"GIF89a\x01\x00\x01\x00", "a.gif", "image/gif"},
		"webp":                 {"RIFF\x24\x00\x00\x00WEBPVP8 ", "a.webp", "image/webp"},
		"tiff":                 {"II*\x00\x08\x00\x00\x00", "a.tif", "image/tiff"},
		"bmp":                  {"BM\x46\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00", "a.bmp", "image/bmp"},
		"heic":                 {"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "a.heic", "image/heic"},
		"a program":            {"\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 57), "letter.pdf", "application/x-elf"},
		"a Windows program":    {"MZ\x90\x00\x03\x00\x00\x00", "letter.docx", "application/vnd.microsoft.portable-executable"},
		"rtf":                  {`{\rtf1\ansi hello}`, "a.rtf", "application/rtf"},
		"rtf called doc":       {`{\rtf1\ansi hello}`, "a.doc", "application/rtf"},
		"docx":                 {archive(t, "[Content_Types].xml", contentTypes("wordprocessingml.document"), "word/document.xml", "<x/>"), "a.docx", docx},
		"docx without a name":  {archive(t, "[Content_Types].xml", contentTypes("wordprocessingml.document"), "word/document.xml", "<x/>"), "", docx},
		"docx called zip":      {archive(t, "[Content_Types].xml", contentTypes("wordprocessingml.document"), "word/document.xml", "<x/>"), "a.zip", docx},
		"docx, main part late": {lateParts("wordprocessingml.document"), "a", docx},
		"docx, all late":       {late("wordprocessingml.document"), "a.docx", docx},
		"xlsx, all late":       {late("spreadsheetml.sheet"), "a.xlsx", xlsx},
		"office, all late":     {late("spreadsheetml.sheet"), "a", "application/zip"},
		"xlsx":                 {archive(t, "[Content_Types].xml", contentTypes("spreadsheetml.sheet"), "xl/workbook.xml", "<x/>"), "a.xlsx", xlsx},
		"xlsx called docx":     {archive(t, "[Content_Types].xml", contentTypes("spreadsheetml.sheet"), "xl/workbook.xml", "<x/>"), "a.docx", xlsx},
		"pptx":                 {archive(t, "[Content_Types].xml", contentTypes("presentationml.presentation"), "ppt/presentation.xml", "<x/>"), "a.pptx", pptx},
		"odt":                  {archive(t, "mimetype", "!"+odf+"text", "content.xml", "<x/>"), "a.odt", odf + "text"},
		"ods":                  {archive(t, "mimetype", "!"+odf+"spreadsheet", "content.xml", "<x/>"), "a.ods", odf + "spreadsheet"},
		"odp":                  {archive(t, "mimetype", "!"+odf+"presentation", "content.xml", "<x/>"), "a.odp", odf + "presentation"},
		"epub":                 {archive(t, "mimetype", "!application/epub+zip", "META-INF/container.xml", "<x/>"), "a.epub", "application/epub+zip"},
		"epub, careless":       {archive(t, "META-INF/container.xml", "<x/>", "mimetype", "application/epub+zip"), "a.epub", "application/epub+zip"},
		"zip":                  {archive(t, "letter.txt", "hello"), "a.zip", "application/zip"},
		"zip called docx":      {archive(t, "letter.txt", "hello"), "a.docx", "application/zip"},
		"an empty zip":         {archive(t), "a.zip", "application/zip"},
		"encrypted docx":       {oleFile, "a.docx", docx},
		"encrypted xlsx":       {oleFile, "a.XLSX", xlsx},
		"doc":                  {oleFile, "a.doc", "application/msword"},
		"xls":                  {oleFile, "a.xls", "application/vnd.ms-excel"},
		"ppt":                  {oleFile, "a.ppt", "application/vnd.ms-powerpoint"},
		"msg":                  {oleFile, "a.msg", "application/vnd.ms-outlook"},
		"some container":       {oleFile, "a.txt", "application/x-ole-storage"},
		"doc called PDF":       {compound("WordDocument"), "a.pdf", "application/msword"},
		"xls called doc":       {compound("Workbook"), "a.doc", "application/vnd.ms-excel"},
		"old xls":              {compound("Book"), "a", "application/vnd.ms-excel"},
		"ppt called text":      {compound("PowerPoint Document"), "a.txt", "application/vnd.ms-powerpoint"},
		"msg called doc":       {compound("__properties_version1.0"), "a.doc", "application/vnd.ms-outlook"},
		"locked, called text":  {compound("EncryptedPackage"), "a.txt", docx},
		"locked workbook":      {compound("EncryptedPackage"), "a.xlsx", xlsx},
		"an unknown container": {compound("Contents"), "a.bin", "application/x-ole-storage"},
		"html":                 {"<!DOCTYPE html><html><body>x", "a.html", "text/html"},
		"html called PDF":      {"<html><body>x", "a.pdf", "text/html"},
		"html called Markdown": {"<!DOCTYPE html><p>x", "a.md", "text/html"},
		"Markdown with a tag":  {"<h1 align=center>Title</h1>\n\ntext", "README.md", "text/markdown"},
		"xhtml":                {`<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><body/></html>`, "a.html", "text/html"},
		"Markdown":             {"# Head\n\n* item", "a.md", "text/markdown"},
		"Markdown by long ext": {"# Head\n\n* item", "a.MARKDOWN", "text/markdown"},
		"text":                 {"Dear Sir", "a.txt", "text/plain"},
		"text without a name":  {"Dear Sir", "", "text/plain"},
		"text with commas":     {"one, two\nthree, four\n", "poem.txt", "text/plain"},
		"text called PDF":      {"Dear Sir", "a.pdf", "text/plain"},
		"text called docx":     {"Dear Sir", "a.docx", "text/plain"},
		"Latin-1":              {"Gr\xfc\xdfe aus K\xf6ln", "a.txt", "text/plain"},
		"UTF-16":               {utf16, "a.txt", "text/plain"},
		"a script":             {"#!/bin/sh\necho hello\n", "a.sh", "text/plain"},
		"a source file":        {"<?php echo 1; ?>", "a.php", "text/plain"},
		"csv":                  {"a,b\n1,2\n", "a.csv", "text/csv"},
		"csv with semicolons":  {"a;b\n1;2\n", "a.CSV", "text/csv"},
		"csv without a name":   {"a,b\n1,2\n", "table", "text/csv"},
		"tsv":                  {"a\tb\n1\t2\n", "a.tsv", "text/tab-separated-values"},
		"json":                 {`{"a": [1, 2]}`, "a.json", "application/json"},
		"json called text":     {`{"a": [1, 2]}`, "a.txt", "application/json"},
		"a map":                {`{"type": "FeatureCollection", "features": []}`, "a.geojson", "application/json"},
		"json in lines":        {"{\"a\": 1}\n{\"a\": 2}\n", "a.ndjson", "application/x-ndjson"},
		"xml":                  {`<?xml version="1.0"?><letter/>`, "a.xml", "application/xml"},
		"a feed":               {`<?xml version="1.0"?><rss version="2.0"></rss>`, "a.xml", "application/xml"},
		"svg":                  {`<svg xmlns="http://www.w3.org/2000/svg"></svg>`, "a.svg", "image/svg+xml"},
		"svg called text":      {`<svg xmlns="http://www.w3.org/2000/svg"></svg>`, "a.txt", "image/svg+xml"},
		"mail":                 {mail, "a.eml", "message/rfc822"},
		"mail called text":     {mail, "a.txt", "message/rfc822"},
		"mail, short":          {"Subject: hello\n\nbody", "a.eml", "message/rfc822"},
		"mail in a mailbox":    {"From a@example.org Mon Jan  1 00:00:00 2024\nFrom: a\nTo: b\n\nbody", "mbox", "message/rfc822"},
		"text with a colon":    {"Note: this is no mail.\nDate: no\n", "a.txt", "text/plain"},
		"calendar":             {"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n", "a.ics", "text/calendar"},
		"address":              {"BEGIN:VCARD\r\nVERSION:4.0\r\nEND:VCARD\r\n", "a.vcf", "text/vcard"},
	} {
		head := c.head[:min(len(c.head), ports.DetectBytes)]
		if got := filetype.New().DetectType([]byte(head), domain.FileName(c.name)); got != c.want {
			t.Errorf("%s (%s): %s, want %s", what, c.name, got, c.want)
		}
	}
}

func TestTheSameBytesHaveTheSameType(t *testing.T) {
	t.Parallel()
	d := filetype.New()
	text := []byte(strings.Repeat("a line of text, with a comma\n", 2000))
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 50 {
				if got := d.DetectType(text, "a.txt"); got != "text/plain" {
					t.Errorf("got %s", got)
				}
			}
		})
	}
	wg.Wait()
	if long, cut := d.DetectType(text, "a.csv"), d.DetectType(text[:ports.DetectBytes], "a.csv"); long != cut {
		t.Errorf("%s with more than the first bytes, %s without", long, cut)
	}
}

func TestDefaultTypes(t *testing.T) {
	t.Parallel()
	types := filetype.DefaultTypes()
	if len(slices.Compact(slices.Sorted(slices.Values(types)))) != len(types) {
		t.Error("one is listed twice")
	}
	for _, kind := range types {
		if kind != strings.ToLower(kind) || strings.ContainsAny(kind, "; ") || strings.Count(kind, "/") != 1 {
			t.Errorf("%q is no bare media type in lower case", kind)
		}
	}
	for _, kind := range []string{"application/octet-stream", "application/x-elf", "application/vnd.microsoft.portable-executable",
		"image/svg+xml", "application/x-ole-storage", "application/java-archive", "text/javascript"} {
		if slices.Contains(types, kind) {
			t.Errorf("%s is allowed", kind)
		}
	}
}

func FuzzDetectType(f *testing.F) {
	f.Add([]byte("PK\x03\x04"), "a.docx")
	f.Add([]byte("From: a\nTo: b\n\n"), "a.eml")
	f.Add([]byte("<html>"), "a.md")
	f.Add([]byte{}, "")
	d := filetype.New()
	f.Fuzz(func(t *testing.T, head []byte, name string) {
		kind := d.DetectType(head, domain.FileName(name))
		if kind == "" || kind != strings.ToLower(kind) || strings.ContainsAny(kind, "; ") || strings.Count(kind, "/") != 1 {
			t.Errorf("%q is no bare media type in lower case", kind)
		}
		if again := d.DetectType(head, domain.FileName(name)); again != kind {
			t.Errorf("%s and then %s", kind, again)
		}
	})
}

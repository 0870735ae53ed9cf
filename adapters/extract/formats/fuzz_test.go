package formats_test

import (
	"bytes"
	"image"
	"image/jpeg"
	"log/slog"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/docuvault/docuvault/adapters/extract/formats"
	"github.com/docuvault/docuvault/adapters/extract/formats/formatstest"
	"github.com/docuvault/docuvault/adapters/filetype"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// fuzz reads data twice and holds what the port promises of every text: it is clean, within its limit and always the same, or
// there is a reason for its absence, which is never that the parser crashed.
func fuzz(f *testing.F, contentType, cache string, seeds ...[]byte) {
	for _, seed := range seeds {
		f.Add(seed)
		f.Add(seed[:len(seed)/2])
	}
	limits := formats.Limits{MaxText: 1000, MaxPages: 5, MaxPart: 1 << 20, MaxInflate: 2 << 20}
	r := formats.New(limits, formats.Setup{CacheDir: cache}, filetype.New(), slog.New(slog.DiscardHandler))
	f.Cleanup(func() {
		if err := r.Close(); err != nil {
			f.Error(err)
		}
	})
	if cache != "" { // ahead: the fuzzer gives one document ten seconds
		if err := r.Warm(formats.PDFium | formats.Tesseract | formats.Libheif); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := r.Read(contentType, bytes.Clone(data))
		if err != nil {
			if domain.ErrorCode(err) != domain.Unreadable || domain.ErrorReason(err) == "" || domain.ErrorReason(err) == ports.ReasonCrashed {
				t.Fatalf("error %v (%s/%s)", err, domain.ErrorCode(err), domain.ErrorReason(err))
			}
			return
		}
		if !utf8.ValidString(got.Text) || !norm.NFC.IsNormalString(got.Text) || utf8.RuneCountInString(got.Text) > limits.MaxText {
			t.Fatalf("text is invalid, not NFC or too long: %q", got.Text)
		}
		if strings.ContainsFunc(got.Text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }) {
			t.Fatalf("text has control characters: %q", got.Text)
		}
		again, err := r.Read(contentType, data)
		if err != nil || again.Text != got.Text || again.Truncated != got.Truncated || again.About != got.About {
			t.Fatalf("another text the second time: %q and %q, %v", got.Text, again.Text, err)
		}
	})
}

func FuzzText(f *testing.F) {
	fuzz(f, "text/plain", "", []byte("text"), []byte("Gr\xfc\xdfe"), []byte("\xff\xfeG\x00r\x00"), []byte("e\u0301\r\n\x00\ufeff\u2028"),
		[]byte("\x82\xa0\x82\xa2"), []byte(strings.Repeat("q\u0323\u0307\u0301", 400)), []byte("\x00a\x00b\x00c\x00d\x00e\x00f"))
}

func FuzzHTML(f *testing.F) {
	fuzz(f, "text/html", "", []byte("<title>t</title><p>a<b>b</b><script>x</script><pre> y</pre><td>1<td>2"), []byte("<meta charset=shift_jis>\x82\xa0"),
		[]byte("&amp;&#x0;&#xd800;&nosuch"), []byte("<!-- <p>--><![CDATA[x]]><textarea><p></textarea>"))
}

func FuzzDOCX(f *testing.F) {
	fuzz(f, docx, "", formatstest.DOCX(formatstest.Paragraphs("one", "two"), map[string]string{"header": formatstest.Paragraphs("h")}), formatstest.OLE())
}

// FuzzDOCXBody tries the XML inside a document.
func FuzzDOCXBody(f *testing.F) {
	fuzzInside(f, docx, func(s string) []byte { return formatstest.DOCX(s, nil) },
		formatstest.Paragraphs("one", "two"), "<w:tbl><w:tr><w:tc><w:p/></w:tc></w:tr></w:tbl><mc:Fallback><w:t>x", "<w:t>&#0;&#xfffe;&x;</w:t></w:t></w:t>")
}

func FuzzPDF(f *testing.F) {
	fuzz(f, "application/pdf", compiled(f), formatstest.PDF("one", "two"), formatstest.FormPDF("text", "value"), formatstest.EncryptedPDF(), []byte("%PDF-1.7"))
}

func FuzzXLSX(f *testing.F) {
	fuzz(f, xlsx, "", formatstest.XLSX(`<row><c t="s"><v>0</v></c><c s="3"><v>45429.5</v></c></row>`))
}

// FuzzSheet tries the XML and the numbers inside a workbook.
func FuzzSheet(f *testing.F) {
	fuzzInside(f, xlsx, func(s string) []byte { return formatstest.XLSX(s) },
		`<row><c t="s"><v>1</v></c><c s="1"><v>-1e308</v></c><c s="2"><v>2958465.9999</v></c><c s="4"><v>NaN</v></c></row>`, `<c t="s"><v>-1</v></c><c s="99"><v>Inf`)
}

// FuzzSlide tries the XML inside a presentation.
func FuzzSlide(f *testing.F) {
	fuzzInside(f, pptx, func(s string) []byte { return formatstest.PPTX(s) }, `</a:t></a:r><a:br/><a:tab/><mc:Fallback><a:t>x`, "text")
}

// FuzzODF tries the XML inside an OpenDocument file.
func FuzzODF(f *testing.F) {
	fuzzInside(f, odf+"text", func(s string) []byte { return formatstest.ODF("text", s, "") },
		`<text:p>a<text:s/><text:tab/></text:p><table:table><table:table-row><table:table-cell><text:p>b`, `</text:p><draw:page><text:h>`)
}

// FuzzEPUB tries the pages inside a book.
func FuzzEPUB(f *testing.F) {
	fuzzInside(f, epub, func(s string) []byte { return formatstest.EPUB([]string{s, s}) }, "<title>t</title><p>x", "<pre>\n<script>")
}

func FuzzXML(f *testing.F) {
	fuzz(f, "application/xml", "", []byte(`<?xml version="1.0" encoding="iso-8859-1"?><a b="c">d<!-- e --><![CDATA[f]]>&amp;&g;</a>`), []byte("<a><b></a>"))
}

func FuzzRTF(f *testing.F) {
	fuzz(f, rtf, "", []byte(`{\rtf1\ansi\ansicpg1252{\fonttbl{\f0\fcharset128 x;}}{\info{\title t}{\creatim\yr2024\mo2\dy30}}\f0\'93\'fa\u-10179?\bin2 ab\par{\*\x y}\cell}`))
}

func FuzzMail(f *testing.F) {
	fuzz(f, eml, "", formatstest.Mail("body", formatstest.File{Name: "a.html", Content: []byte("<p>x")}),
		[]byte("From x\nSubject: =?iso-2022-jp?B?GyRCJCI=?=\nContent-Type: multipart/alternative; boundary=\"a\"\n\n--a\n\n\n--a--"))
}

func FuzzMSG(f *testing.F) {
	fuzz(f, msg, "", formatstest.MSG("subject", "body", formatstest.File{Name: "a.txt", Content: []byte("x")}, formatstest.File{Name: "b.msg", Content: []byte("y")}),
		formatstest.Compound(formatstest.Stream{Path: "__substg1.0_10090102", Data: formatstest.PackedRTF(`{\rtf1 rich text}`)}))
}

func FuzzZIP(f *testing.F) {
	inner := string(formatstest.Zip(entry("b.txt", "bee")))
	fuzz(f, zipped, "", formatstest.Zip(entry("a.txt", "ay"), entry("b.zip", inner), entry("c.html", "<p>see")))
}

// fuzzInside tries what stands inside an archive, which changes to the archive itself seldom reach.
func fuzzInside(f *testing.F, contentType string, pack func(string) []byte, seeds ...string) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	r := reader(formats.Limits{MaxText: 1000})
	f.Fuzz(func(t *testing.T, inside string) {
		got, err := r.Read(contentType, pack(inside))
		if err != nil && (domain.ErrorCode(err) != domain.Unreadable || domain.ErrorReason(err) == ports.ReasonCrashed) {
			t.Fatal(err)
		}
		if !utf8.ValidString(got.Text) || !norm.NFC.IsNormalString(got.Text) || !utf8.ValidString(got.Title+got.Author) {
			t.Fatalf("text is invalid or not NFC: %q", got.Text)
		}
	})
}

// fuzzPicture tries pictures small enough to be read often.
func fuzzPicture(f *testing.F, contentType string, seeds ...[]byte) {
	for _, seed := range seeds {
		f.Add(seed)
		f.Add(seed[:len(seed)/2])
	}
	r := formats.New(formats.Limits{MaxPages: 5, MaxPixels: 500_000}, formats.Setup{NoOCR: true, CacheDir: compiled(f)}, filetype.New(), slog.New(slog.DiscardHandler))
	f.Cleanup(func() {
		if err := r.Close(); err != nil {
			f.Error(err)
		}
	})
	if err := r.Warm(formats.Libheif); err != nil { // ahead: the fuzzer gives one document ten seconds
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := r.Read(contentType, bytes.Clone(data))
		if err != nil {
			if domain.ErrorCode(err) != domain.Unreadable || domain.ErrorReason(err) == ports.ReasonCrashed {
				t.Fatal(err)
			}
			return
		}
		head, err := jpeg.DecodeConfig(bytes.NewReader(got.Thumbnail))
		if err != nil || max(head.Width, head.Height) > ports.ThumbnailSize || got.Text != "" {
			t.Fatalf("%+v, %v, %q", head, err, got.Text)
		}
	})
}

func FuzzPNG(f *testing.F) {
	fuzzPicture(f, "image/png", formatstest.PNG(formatstest.Picture(40, 30, "")))
}

func FuzzJPEG(f *testing.F) {
	fuzzPicture(f, "image/jpeg", formatstest.JPEG(formatstest.Picture(40, 30, ""), 6), []byte("\xff\xd8\xff\xe1\x00\x10Exif\x00\x00II*\x00\x08"))
}

func FuzzGIF(f *testing.F) {
	fuzzPicture(f, "image/gif", formatstest.GIF(formatstest.Picture(40, 30, "")))
}

func FuzzBMP(f *testing.F) {
	fuzzPicture(f, "image/bmp", formatstest.BMP(formatstest.Picture(40, 30, "")))
}

func FuzzTIFF(f *testing.F) {
	page := formatstest.Picture(40, 30, "")
	fuzzPicture(f, "image/tiff", formatstest.TIFF(page, page),
		formatstest.JPEGTIFF(page, image.Pt(page.Rect.Dx(), 16), formatstest.TIFFGray), formatstest.JPEGTIFF(page, image.Pt(16, 32), formatstest.TIFFRGB), []byte("II*\x00\x08\x00\x00\x00\x00\x00\x08\x00\x00\x00"))
}

func FuzzHEIC(f *testing.F) {
	fuzzPicture(f, "image/heic", formatstest.HEIC(0), formatstest.HEIC(3))
}

func FuzzWebP(f *testing.F) {
	// One pixel, lossless, with the orientation in a chunk of its own.
	fuzzPicture(f, "image/webp", []byte("RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00"), []byte("RIFF\x20\x00\x00\x00WEBPEXIF\x08\x00\x00\x00II*\x00\x08\x00\x00\x00"))
}

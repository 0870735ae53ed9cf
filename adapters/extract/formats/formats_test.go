package formats_test

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"

	"github.com/docuvault/docuvault/adapters/extract/formats"
	"github.com/docuvault/docuvault/adapters/extract/formats/formatstest"
	"github.com/docuvault/docuvault/adapters/filetype"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(closing{m}) }

// closing closes the engines after the tests.
type closing struct{ *testing.M }

func (c closing) Run() int {
	code := c.M.Run()
	if err := engines.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "close the engines:", err)
		return 1
	}
	return code
}

const docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

func reader(limits formats.Limits) *formats.Reader {
	return formats.New(limits, formats.Setup{}, filetype.New(), slog.New(slog.DiscardHandler))
}

func mustRead(t *testing.T, contentType string, data []byte) formats.Result {
	t.Helper()
	got, err := reader(formats.Limits{}).Read(contentType, data)
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	return got
}

func mustReason(t *testing.T, err error, reason string) {
	t.Helper()
	if domain.ErrorCode(err) != domain.Unreadable || domain.ErrorReason(err) != reason {
		t.Fatalf("error is %v (%s/%s), want unreadable/%s", err, domain.ErrorCode(err), domain.ErrorReason(err), reason)
	}
}

func TestTypesAreSortedAndRead(t *testing.T) {
	t.Parallel()
	types := formats.Types()
	if !slices.IsSorted(types) {
		t.Error("not sorted")
	}
	for _, want := range []string{"text/plain", "text/markdown", "text/csv", "application/json", "text/html", "application/pdf", docx} {
		if !slices.Contains(types, want) {
			t.Errorf("%s is missing", want)
		}
	}
	_, err := reader(formats.Limits{}).Read("image/x-unheard-of", nil)
	mustReason(t, err, ports.ReasonUnsupported)
}

func TestTextOfAnyCharset(t *testing.T) {
	t.Parallel()
	const german = "Die Überweisung für März wurde ausgeführt, schöne Grüße aus Köln. Wir bitten um Rückmeldung bis nächsten Dienstag."
	const russian = "Уважаемые господа, настоящим подтверждаем получение оплаты по договору за прошлый месяц. С уважением, бухгалтерия."
	const japaneseText = "請求書を送付いたします。ご確認のほどよろしくお願いいたします。お支払い期限は来月末です。"
	encode := func(s string, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		return []byte(s)
	}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"UTF-8":                 {[]byte(german), german},
		"UTF-8 with a mark":     {[]byte("\ufeff" + german), german},
		"UTF-16 with a mark":    {encode(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(russian)), russian},
		"UTF-16BE with a mark":  {encode(unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewEncoder().String(russian)), russian},
		"UTF-16 without a mark": {encode(unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewEncoder().String(german)), german},
		"Windows-1252":          {encode(charmap.Windows1252.NewEncoder().String(german)), german},
		"Windows-1251":          {encode(charmap.Windows1251.NewEncoder().String(russian)), russian},
		"KOI8-R":                {encode(charmap.KOI8R.NewEncoder().String(russian)), russian},
		"Shift_JIS":             {encode(japanese.ShiftJIS.NewEncoder().String(japaneseText)), japaneseText},
		"EUC-JP":                {encode(japanese.EUCJP.NewEncoder().String(japaneseText)), japaneseText},
		"nothing":               {nil, ""},
		"one high byte":         {[]byte{0xe4}, "ä"},
	} {
		for range 20 { // the detector is concurrent inside
			if got := mustRead(t, "text/plain", c.data); got.Text != c.want {
				t.Errorf("%s: %q", name, got.Text)
				break
			}
		}
	}
}

func TestHTML(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"<title>The  title</title><body><h1>Head</h1><p>One\n two</p><p>Three":                     "The title\nHead\nOne two\nThree",
		"<p>a<b>b</b>c <i>d</i>\n<u>e</u>":                                                         "abc d e",
		"a<script>var hidden = '<p>';</script>b<style>p{}</style>c<template><p>no</p></template>d": "abcd",
		"<table><tr><td>1</td><td>2</td></tr><tr><td>3</td><td> </td></tr></table>":                "1\t2\n3",
		"<pre>keep\n  this</pre>after":                                                             "keep\n  this\nafter",
		"&lt;b&gt; &eacute;&#x20ac; &nosuch; fish&amp;chips":                                       "<b> é€ &nosuch; fish&chips",
		"<meta charset=iso-8859-2><p>\xb1":                                                         "ą",
		"<!-- hidden --><p>shown<!-- hidden -->":                                                   "shown",
		"":                                                                                         "",
		"<p></p><div><br></div>":                                                                   "",
		"<script>never closed <p>x":                                                                "",
		"a<br>b<br/>c":                                                                             "a\nb\nc",
		"<ul><li>x<li>y</ul>z":                                                                     "x\ny\nz",
	} {
		if got := mustRead(t, "text/html", []byte(in)).Text; got != want {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
}

func TestHTMLNestedDeeply(t *testing.T) {
	t.Parallel()
	const depth = 500_000
	in := strings.Repeat("<div>", depth) + "bottom" + strings.Repeat("</div>", depth)
	if got := mustRead(t, "text/html", []byte(in)).Text; got != "bottom" {
		t.Errorf("got %.40q", got)
	}
}

func TestDOCX(t *testing.T) {
	t.Parallel()
	body := formatstest.Paragraphs("Dear Zoë &amp; all,", "second") +
		`<w:p><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t><w:noBreakHyphen/><w:t>d</w:t></w:r></w:p>` +
		`<w:tbl><w:tr><w:tc>` + formatstest.Paragraphs("1") + `</w:tc><w:tc>` + formatstest.Paragraphs("2", "3") + `</w:tc></w:tr>` +
		`<w:tr><w:tc>` + formatstest.Paragraphs("4") + `</w:tc></w:tr></w:tbl>` +
		`<w:p><w:r><mc:AlternateContent><mc:Choice><w:t>new</w:t></mc:Choice><mc:Fallback><w:t>old</w:t></mc:Fallback></mc:AlternateContent></w:r></w:p>` +
		`<w:p><w:r><w:delText>deleted</w:delText><w:instrText>PAGE</w:instrText><w:t>end</w:t></w:r></w:p>`
	data := formatstest.DOCX(body, map[string]string{
		"header": formatstest.Paragraphs("HEADER"), "footer": formatstest.Paragraphs("FOOTER"), "footnotes": formatstest.Paragraphs("NOTE"),
		"comments": formatstest.Paragraphs("COMMENT"), "settings": formatstest.Paragraphs("hidden"),
	})
	const want = "HEADER\nDear Zoë & all,\nsecond\na\tb\nc\u2011d\n1\t2\n3\n4\nnew\nend\nNOTE\nCOMMENT\nFOOTER"
	if got := mustRead(t, docx, data); got.Text != want || got.Truncated || got.Pages != nil {
		t.Errorf("got %+v, want %q", got, want)
	}
}

func TestDOCXUnreadable(t *testing.T) {
	t.Parallel()
	whole := formatstest.DOCX(formatstest.Paragraphs("text"), nil)
	long := formats.Limits{MaxText: 100 << 20, MaxPart: 4 << 20}
	for name, c := range map[string]struct {
		data   []byte
		limits formats.Limits
		reason string
	}{
		"encrypted":       {formatstest.OLE(), formats.Limits{}, ports.ReasonEncrypted},
		"empty":           {nil, formats.Limits{}, ports.ReasonCorrupt},
		"not a zip":       {[]byte("text"), formats.Limits{}, ports.ReasonCorrupt},
		"truncated":       {whole[:len(whole)/2], formats.Limits{}, ports.ReasonCorrupt},
		"no document":     {formatstest.Zip(formatstest.Part{Name: "a", Content: strings.NewReader("b")}), formats.Limits{}, ports.ReasonCorrupt},
		"not XML":         {formatstest.DOCXFrom(strings.NewReader("<w:p><<"), nil), formats.Limits{}, ports.ReasonCorrupt},
		"entities":        {formatstest.DOCXFrom(strings.NewReader(`<!DOCTYPE x [<!ENTITY a "b">]><w:t>&a;</w:t>`), nil), formats.Limits{}, ports.ReasonCorrupt},
		"nested deeply":   {formatstest.DOCX(strings.Repeat("<w:p>", 10_000), nil), formats.Limits{}, ports.ReasonTooComplex},
		"bomb in a part":  {formatstest.DOCXFrom(formatstest.Repeat("<w:p><w:t>boom</w:t></w:p>", 1<<20), nil), long, ports.ReasonTooComplex},
		"bomb in one run": {formatstest.DOCXFrom(io.MultiReader(strings.NewReader("<w:t>"), formatstest.Repeat("boom", 2<<20)), nil), long, ports.ReasonTooComplex},
		"bomb in pieces": {formatstest.DOCX(formatstest.Paragraphs("x"), map[string]string{
			"header": strings.Repeat(" ", 2<<20), "footer": strings.Repeat(" ", 2<<20)}), formats.Limits{MaxInflate: 3 << 20}, ports.ReasonTooComplex},
		"many entries": {formatstest.DOCXFrom(strings.NewReader("<w:t/>"), nil, many(11_000)...), formats.Limits{}, ports.ReasonTooComplex},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := reader(c.limits).Read(docx, c.data)
			mustReason(t, err, c.reason)
		})
	}
}

func many(n int) []formatstest.Part {
	parts := make([]formatstest.Part, n)
	for i := range parts {
		parts[i] = formatstest.Part{Name: fmt.Sprintf("word/%d.xml", i), Content: strings.NewReader("")}
	}
	return parts
}

func TestDOCXNameIsNoPath(t *testing.T) {
	t.Parallel()
	data := formatstest.DOCXFrom(strings.NewReader("<w:t>fine</w:t>"), nil, formatstest.Part{Name: "../../etc/passwd", Content: strings.NewReader("x")})
	if got := mustRead(t, docx, data).Text; got != "fine" {
		t.Errorf("got %q", got)
	}
}

func TestLimitOfText(t *testing.T) {
	t.Parallel()
	r := reader(formats.Limits{MaxText: 10})
	for contentType, data := range map[string][]byte{
		"text/plain": []byte(strings.Repeat("é", 1000)), "text/html": []byte("<p>" + strings.Repeat("é", 1000)),
		docx: formatstest.DOCX(formatstest.Paragraphs(strings.Repeat("é", 1000)), nil),
	} {
		got, err := r.Read(contentType, data)
		if err != nil || got.Text != strings.Repeat("é", 10) || !got.Truncated {
			t.Errorf("%s: %+v, %v", contentType, got, err)
		}
	}
}

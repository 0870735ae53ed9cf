package formats_test

import (
	"strings"
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/extract/formats"
	"github.com/docuvault/docuvault/adapters/extract/formats/formatstest"
	"github.com/docuvault/docuvault/ports"
)

const (
	xlsx = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	pptx = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
	odf  = "application/vnd.oasis.opendocument."
	epub = "application/epub+zip"
)

// about is what all documents of package formatstest that say anything about themselves say.
var about = formats.About{
	Title: "The Title", Author: "Zoë", Language: "de-DE",
	Created: time.Date(2024, 5, 17, 9, 30, 0, 0, time.UTC), Modified: time.Date(2024, 5, 18, 8, 0, 0, 0, time.UTC),
}

func TestWorkbook(t *testing.T) {
	t.Parallel()
	got := mustRead(t, xlsx, formatstest.XLSX(
		`<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c r="C1" t="inlineStr"><is><t>in</t></is></c><c r="D1"/></row>`+
			`<row r="2"><c s="1"><v>45429</v></c><c s="2"><v>0.75</v></c><c s="3"><v>45429.5</v></c><c s="4"><v>0.125</v></c></row>`+
			`<row r="3"><c><v>0.30000000000000004</v></c><c><v>1234567.5</v></c><c t="b"><v>1</v></c><c t="e"><v>#N/A</v></c><c t="str"><f>A1&amp;"x"</f><v>firstx</v></c></row>`+
			`<row r="1048576"><c r="XFD1048576" t="s"><v>99</v></c><c r="XFD1048576"><v>7</v></c></row>`))
	want := "Budget\nfirst\tsecond\tin\n2024-05-17\t18:00:00\t2024-05-17 12:00:00\t12.5%\n0.3\t1234567.5\tTRUE\t#N/A\tfirstx\n7\na remark"
	if got.Text != want {
		t.Errorf("text is %q, want %q", got.Text, want)
	}
	if got.About != about || got.Pages != nil {
		t.Errorf("about %+v, pages %v", got.About, got.Pages)
	}
}

func TestSlides(t *testing.T) {
	t.Parallel()
	got := mustRead(t, pptx, formatstest.PPTX("one", "two", "three"))
	if want := "one\nleft\tright\nsay this\ntwo\nthree"; got.Text != want {
		t.Errorf("text is %q, want %q", got.Text, want)
	}
	if got.About != about || got.Pages == nil || *got.Pages != 3 || got.Truncated {
		t.Errorf("about %+v, %v pages, truncated %v", got.About, got.Pages, got.Truncated)
	}
	got, err := reader(formats.Limits{MaxPages: 2}).Read(pptx, formatstest.PPTX("one", "two", "three"))
	if err != nil || strings.Contains(got.Text, "three") || !got.Truncated || *got.Pages != 3 {
		t.Errorf("with two pages: %+v, %v", got, err)
	}
}

func TestOpenDocument(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind, body, want string
		pages            int
	}{
		"text": {"text", `<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes><text:h>Head</text:h><text:p>one<text:s text:c="3"/>two<text:tab/>three` +
			`<text:line-break/>four <text:span>fi</text:span>ve</text:p><text:p>a<office:annotation><dc:creator>Bob</dc:creator><dc:date>2024</dc:date><text:p>remark</text:p></office:annotation></text:p>`,
			"the footer\nHead\none two\tthree\nfour five\na\nremark", 0},
		"table": {"text", `<table:table table:name="T1"><table:table-row><table:table-cell><text:p>a</text:p><text:p>b</text:p></table:table-cell><table:table-cell><text:p>c</text:p></table:table-cell></table:table-row></table:table>`,
			"the footer\na\nb\tc", 0},
		"spreadsheet": {"spreadsheet", `<table:table table:name="Budget"><table:table-row><table:table-cell office:value="1"><text:p>1.00 €</text:p></table:table-cell>` +
			`<table:table-cell table:number-columns-repeated="16383"/></table:table-row><table:table-row table:number-rows-repeated="1048575"><table:table-cell/></table:table-row></table:table>`,
			"the footer\nBudget\n1.00 €", 0},
		"presentation": {"presentation", `<draw:page><draw:frame><draw:text-box><text:p>one</text:p></draw:text-box></draw:frame></draw:page><draw:page><text:p>two</text:p></draw:page>`,
			"the footer\none\ntwo", 2},
	} {
		got := mustRead(t, odf+c.kind, formatstest.ODF(c.kind, c.body, ""))
		if got.Text != c.want {
			t.Errorf("%s: text is %q, want %q", name, got.Text, c.want)
		}
		if got.About != about {
			t.Errorf("%s: about %+v", name, got.About)
		}
		if pages := got.Pages; c.pages == 0 && pages != nil || c.pages > 0 && (pages == nil || *pages != c.pages) {
			t.Errorf("%s: pages %v", name, pages)
		}
	}
}

func TestBook(t *testing.T) {
	t.Parallel()
	chapters := []string{"<html><head><title>Chapter</title></head><body><h1>One</h1><p>first</p></body></html>", "<p>second</p>"}
	got := mustRead(t, epub, formatstest.EPUB(chapters))
	if want := "Chapter\nOne\nfirst\nsecond"; got.Text != want {
		t.Errorf("text is %q, want %q", got.Text, want)
	}
	want := about
	want.Created = time.Date(2024, 5, 17, 0, 0, 0, 0, time.UTC)
	if got.About != want {
		t.Errorf("about %+v", got.About)
	}
	_, err := reader(formats.Limits{}).Read(epub, formatstest.EPUB(chapters, 2))
	mustReason(t, err, ports.ReasonEncrypted)
}

func TestOfficeThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind   string
		data   []byte
		limits formats.Limits
		reason string
	}{
		"encrypted workbook":     {xlsx, formatstest.OLE(), formats.Limits{}, ports.ReasonEncrypted},
		"encrypted slides":       {pptx, formatstest.OLE(), formats.Limits{}, ports.ReasonEncrypted},
		"encrypted OpenDocument": {odf + "text", formatstest.ODF("text", "<text:p>x</text:p>", "<manifest:file-entry><manifest:encryption-data/></manifest:file-entry>"), formats.Limits{}, ports.ReasonEncrypted},
		"no workbook inside":     {xlsx, formatstest.Zip(formatstest.Part{Name: "a", Content: strings.NewReader("b")}), formats.Limits{}, ports.ReasonCorrupt},
		"no content inside":      {odf + "text", formatstest.Zip(formatstest.Part{Name: "a", Content: strings.NewReader("b")}), formats.Limits{}, ports.ReasonCorrupt},
		"no book inside":         {epub, formatstest.Zip(formatstest.Part{Name: "a", Content: strings.NewReader("b")}), formats.Limits{}, ports.ReasonCorrupt},
		"cut workbook":           {xlsx, formatstest.XLSX("<row/>")[:200], formats.Limits{}, ports.ReasonCorrupt},
		"entities":               {odf + "text", formatstest.ODF("text", "", `<!DOCTYPE x [<!ENTITY a "b">]>`), formats.Limits{}, ports.ReasonCorrupt},
		"deep OpenDocument":      {odf + "text", formatstest.ODF("text", strings.Repeat("<text:span>", 500), ""), formats.Limits{}, ports.ReasonTooComplex},
		"large workbook":         {xlsx, formatstest.XLSX(strings.Repeat("<row/>", 100_000)), formats.Limits{MaxPart: 100_000}, ports.ReasonTooComplex},
		"large altogether":       {pptx, formatstest.PPTX(strings.Repeat("x", 60_000), strings.Repeat("y", 60_000)), formats.Limits{MaxInflate: 100_000}, ports.ReasonTooComplex},
	} {
		_, err := reader(c.limits).Read(c.kind, c.data)
		if err == nil {
			t.Errorf("%s: it was read", name)
			continue
		}
		t.Run(name, func(t *testing.T) { mustReason(t, err, c.reason) })
	}
}

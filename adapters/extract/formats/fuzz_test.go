package formats_test

import (
	"bytes"
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
	r := formats.New(limits, cache, filetype.New(), slog.New(slog.DiscardHandler))
	f.Cleanup(func() {
		if err := r.Close(); err != nil {
			f.Error(err)
		}
	})
	if cache != "" { // ahead: the fuzzer gives one document ten seconds
		if err := r.Warm(); err != nil {
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
		if err != nil || again.Text != got.Text || again.Truncated != got.Truncated {
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

// FuzzDOCXBody tries the XML inside, which changes to the archive seldom reach.
func FuzzDOCXBody(f *testing.F) {
	f.Add(formatstest.Paragraphs("one", "two"))
	f.Add("<w:tbl><w:tr><w:tc><w:p/></w:tc></w:tr></w:tbl><mc:Fallback><w:t>x")
	f.Add("<w:t>&#0;&#xfffe;&x;</w:t></w:t></w:t>")
	r := reader(formats.Limits{MaxText: 1000})
	f.Fuzz(func(t *testing.T, body string) {
		got, err := r.Read(docx, formatstest.DOCX(body, nil))
		if err != nil && (domain.ErrorCode(err) != domain.Unreadable || domain.ErrorReason(err) == ports.ReasonCrashed) {
			t.Fatal(err)
		}
		if !utf8.ValidString(got.Text) || !norm.NFC.IsNormalString(got.Text) {
			t.Fatalf("text is invalid or not NFC: %q", got.Text)
		}
	})
}

func FuzzPDF(f *testing.F) {
	fuzz(f, "application/pdf", compiled(f), formatstest.PDF("one", "two"), formatstest.FormPDF("text", "value"), formatstest.EncryptedPDF(), []byte("%PDF-1.7"))
}

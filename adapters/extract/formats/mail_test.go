package formats_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/docuvault/docuvault/adapters/extract/formats"
	"github.com/docuvault/docuvault/adapters/extract/formats/formatstest"
	"github.com/docuvault/docuvault/ports"
)

const (
	eml    = "message/rfc822"
	msg    = "application/vnd.ms-outlook"
	zipped = "application/zip"
)

func text(name, content string) formatstest.File {
	return formatstest.File{Name: name, Content: []byte(content)}
}

func entry(name, content string) formatstest.Part {
	return formatstest.Part{Name: name, Content: strings.NewReader(content)}
}

func TestMail(t *testing.T) {
	t.Parallel()
	got := mustRead(t, eml, formatstest.Mail("Dear Bob,\n\nsee below.\n", text("a note.txt", "the note"),
		formatstest.File{Name: "letter.docx", Content: formatstest.DOCX(formatstest.Paragraphs("the letter"), nil)}, text("photo.bin", "\x00\x01\x02")))
	want := "Subject: Grüße aus Köln\nFrom: Zoë <zoe@example.org>\nTo: Bob <bob@example.org>\nDate: Fri, 17 May 2024 09:30:00 +0000\n" +
		"Dear Bob,\n\nsee below.\na note.txt\nthe note\nletter.docx\nthe letter\nphoto.bin"
	if got.Text != want {
		t.Errorf("text is %q, want %q", got.Text, want)
	}
	if got.Title != "Grüße aus Köln" || got.Author != "Zoë <zoe@example.org>" || !got.Created.Equal(formatstest.Sent) || got.Truncated {
		t.Errorf("about %+v, truncated %v", got.About, got.Truncated)
	}
}

func TestMailOfManyShapes(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Subject: a\n\nb":                                             "Subject: a\nb",
		"Subject: a\r\n b\r\n\r\nc":                                   "Subject: a b\nc",
		"From nobody\nSubject: a\n\nb":                                "Subject: a\nb",
		"Subject: a\nnonsense\nTo: c\n\nb":                            "Subject: a\nTo: c\nb",
		"Content-Type: text/html\n\n<p>a<p>b":                         "a\nb",
		"Content-Type: text/plain; charset=iso-8859-1\n\nGr\xfc\xdfe": "Grüße",
		"Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\na=C3=BC=\nb":                            "aüb",
		"Content-Type: multipart/mixed; boundary=x\n\n--x\n\none\n--x\n\ntwo":                                             "one\ntwo", // its end is missing
		"Content-Type: multipart/mixed; boundary=x\n\n--x\n\none\n--xy\n--x--\nafter":                                     "one\n--xy",
		"Content-Type: multipart/mixed\n\nno boundary":                                                                    "no boundary",
		"Content-Type: multipart/alternative; boundary=x\n\n--x\n\n\n--x\nContent-Type: text/html\n\n<p>page\n--x--":      "page",
		"Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: message/rfc822\n\nSubject: inner\n\nbody\n--x--": "message.eml\nSubject: inner\nbody",
		"Content-Type: image/png\n\n\x89PNG":                                                                              "",
	} {
		if got := mustRead(t, eml, []byte(in)); got.Text != want {
			t.Errorf("%q: %q, want %q", in, got.Text, want)
		}
	}
}

func TestOutlookMessage(t *testing.T) {
	t.Parallel()
	got := mustRead(t, msg, formatstest.MSG("Grüße", "Dear Bob", text("note.txt", strings.Repeat("a long note\n", 1000)), text("inner.msg", "the inner body")))
	head := "Subject: Grüße\nFrom: Zoë <zoe@example.org>\nTo: Bob\nDate: Fri, 17 May 2024 09:30:00 +0000\n"
	want := head + "Dear Bob\nnote.txt\n" + strings.Repeat("a long note\n", 1000) + strings.Replace(head, "Grüße", "inner.msg", 1) + "the inner body"
	if got.Text != want {
		t.Errorf("text is %.300q, want %.300q", got.Text, want)
	}
	if got.Title != "Grüße" || got.Author != "Zoë <zoe@example.org>" || !got.Created.Equal(formatstest.Sent) {
		t.Errorf("about %+v", got.About)
	}
	rich := formatstest.Compound(formatstest.Stream{Path: "__substg1.0_0037001E", Data: []byte("s")},
		formatstest.Stream{Path: "__substg1.0_10090102", Data: formatstest.PackedRTF(`{\rtf1 rich {\b text}}`)})
	if got := mustRead(t, msg, rich); got.Text != "Subject: s\nrich text" {
		t.Errorf("rich text is %q", got.Text)
	}
	_, err := reader(formats.Limits{}).Read(msg, formatstest.Compound(formatstest.Stream{Path: "WordDocument", Data: []byte("x")}))
	mustReason(t, err, ports.ReasonCorrupt)
	_, err = reader(formats.Limits{}).Read(msg, formatstest.OLE())
	mustReason(t, err, ports.ReasonCorrupt)
}

func TestArchiveOfDocuments(t *testing.T) {
	t.Parallel()
	inner := formatstest.Zip(entry("deep.txt", "deep text"))
	got := mustRead(t, zipped, formatstest.Zip(entry("b.txt", "bee"), entry("folder/", ""), entry("folder/a.html", "<title>t</title><p>ay"),
		entry("__MACOSX/b.txt", "noise"), entry("inner.zip", string(inner)), entry("broken.docx", "PK\x03\x04"), entry("last.md", "# last")))
	want := "b.txt\nbee\nfolder/a.html\nt\nay\ninner.zip\ndeep.txt\ndeep text\nbroken.docx\nlast.md\n# last"
	if got.Text != want {
		t.Errorf("text is %q, want %q", got.Text, want)
	}
	if got.Truncated || got.Pages != nil || got.About != (formats.About{}) {
		t.Errorf("truncated %v, pages %v, about %+v: what is inside is not the archive's", got.Truncated, got.Pages, got.About)
	}
}

func TestLimitsHoldForAllThatIsInside(t *testing.T) {
	t.Parallel()
	nest := func(depth int) []byte {
		data := formatstest.Zip(entry("core.txt", "the core"))
		for range depth {
			data = formatstest.Zip(entry("next.zip", string(data)))
		}
		return data
	}
	if got := mustRead(t, zipped, nest(3)); !strings.Contains(got.Text, "the core") || got.Truncated {
		t.Errorf("three deep: %q, truncated %v", got.Text, got.Truncated)
	}
	if got := mustRead(t, zipped, nest(20)); strings.Contains(got.Text, "the core") || !got.Truncated {
		t.Errorf("twenty deep: %q, truncated %v", got.Text, got.Truncated)
	}
	many := func() string {
		parts := make([]formatstest.Part, 50)
		for i := range parts {
			parts[i] = entry("a.txt", "word")
		}
		return string(formatstest.Zip(parts...))
	}
	got, err := reader(formats.Limits{MaxEntries: 60}).Read(zipped, formatstest.Zip(entry("1.zip", many()), entry("2.zip", many())))
	if n := strings.Count(got.Text, "word"); err != nil || n != 58 || !got.Truncated {
		t.Errorf("%d files were read, truncated %v, %v: want the 60 allowed, the archives included", n, got.Truncated, err)
	}
	bomb := formatstest.Zip(formatstest.Part{Name: "zeros.txt", Content: formatstest.Repeat("0", 3<<20)})
	_, err = reader(formats.Limits{MaxInflate: 1 << 20}).Read(zipped, bomb)
	mustReason(t, err, ports.ReasonTooComplex)
	got, err = reader(formats.Limits{MaxInflate: 1 << 20}).Read(zipped, formatstest.Zip(entry("a.txt", "kept"), entry("bomb.zip", string(bomb))))
	if err != nil || !strings.Contains(got.Text, "kept") || !got.Truncated {
		t.Errorf("a bomb inside: %q, truncated %v, %v", got.Text, got.Truncated, err)
	}
	got, err = reader(formats.Limits{MaxText: 20}).Read(eml, formatstest.Mail("x", text("a.txt", strings.Repeat("long ", 100))))
	if err != nil || !got.Truncated || len(got.Text) > 25 {
		t.Errorf("text of 20 characters: %q, truncated %v, %v", got.Text, got.Truncated, err)
	}
	var deep strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&deep, "Content-Type: multipart/mixed; boundary=x%d-\n\n--x%d-\n", i, i)
	}
	if got := mustRead(t, eml, []byte(deep.String()+"\nthe core")); !got.Truncated || strings.Contains(got.Text, "the core") {
		t.Errorf("2000 nested parts: %q", got.Text)
	}
}

func TestLockedArchives(t *testing.T) {
	t.Parallel()
	lock := func(data []byte, name string) []byte { // sets the flag in the entry's two headers
		for _, signature := range []string{"PK\x03\x04", "PK\x01\x02"} {
			flags, length := 6, 30
			if signature == "PK\x01\x02" {
				flags, length = 8, 46
			}
			for at := 0; at+length < len(data); at++ {
				if string(data[at:at+4]) == signature && strings.HasPrefix(string(data[at+length:]), name) {
					binary.LittleEndian.PutUint16(data[at+flags:], binary.LittleEndian.Uint16(data[at+flags:])|1)
				}
			}
		}
		return data
	}
	both := func() []byte { return formatstest.Zip(entry("a.txt", "open"), entry("b.txt", "secret")) }
	if got := mustRead(t, zipped, lock(both(), "b.txt")); got.Text != "a.txt\nopen" {
		t.Errorf("with one locked: %q", got.Text)
	}
	_, err := reader(formats.Limits{}).Read(zipped, lock(lock(both(), "a.txt"), "b.txt"))
	mustReason(t, err, ports.ReasonEncrypted)
}

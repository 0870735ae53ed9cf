// Package typetest holds every promise of ports.TypeDetector against an implementation.
package typetest

import (
	"bytes"
	"mime"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// Unknown is what a detector answers when it cannot tell.
const Unknown = "application/octet-stream"

// Run runs the suite. Open is called once for each subtest, which may run in parallel with others.
func Run(t *testing.T, open func(t *testing.T) ports.TypeDetector) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, d ports.TypeDetector)
	}{
		{"nothing and noise cannot be told", unknown},
		{"prose is plain text", prose},
		{"types are bare and in lower case", bare},
		{"a name does not make text of other bytes", nameIsNoProof},
		{"the same bytes and name have the same type", same},
		{"only the first bytes count", onlyHead},
		{"the bytes are left as they are", untouched},
		{"many at once", atOnce},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, open(t))
		})
	}
}

const text = "Dear Sir or Madam,\n\nplease find the account of March attached.\n"

// names are good and bad ones: a name is only ever a hint.
var names = []domain.FileName{"", "a", "a.txt", "a.TXT", "a.pdf", "a.csv", "a.md", "a.docx", ".txt", "a.", "naïve 文.txt", domain.FileName(strings.Repeat("x", 255))}

// heads are beginnings of documents.
func heads() map[string][]byte {
	return map[string][]byte{
		"nothing": nil, "prose": []byte(text), "one letter": []byte("x"), "a table": []byte("a,b\n1,2\n3,4\n"),
		"a PDF": []byte("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n"), "an archive": []byte("PK\x03\x04\x14\x00\x00\x00\x08\x00"),
		"a picture": []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), "a page": []byte("<!DOCTYPE html><html><head><title>t</title></head></html>"),
		"JSON": []byte(`{"a": [1, 2, 3]}`), "noise": noise(512), "NULs": make([]byte, 512), "not UTF-8": []byte("caf\xe9 cr\xe8me\n"),
		"text that ends within a letter": []byte(strings.Repeat("é", ports.DetectBytes))[:ports.DetectBytes-1],
		"as much as is shown":            []byte(strings.Repeat("words ", ports.DetectBytes))[:ports.DetectBytes],
	}
}

// noise is bytes that no format begins with, NULs and invalid UTF-8 among them.
func noise(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*i*31 + i*17 + 0x83)
	}
	return b
}

func unknown(t *testing.T, d ports.TypeDetector) {
	for _, name := range []domain.FileName{"", "a", "a.bin"} {
		for what, head := range map[string][]byte{"nothing": nil, "no bytes": {}, "noise": noise(512)} {
			if got := d.DetectType(head, name); got != Unknown {
				t.Errorf("%s named %q is %s", what, name, got)
			}
		}
	}
}

func prose(t *testing.T, d ports.TypeDetector) {
	for _, name := range []domain.FileName{"", "letter", "letter.txt", "LETTER.TXT", "letter.pdf", "letter.docx", "letter.png"} {
		if got := d.DetectType([]byte(text), name); got != "text/plain" {
			t.Errorf("prose named %q is %s", name, got)
		}
	}
}

func bare(t *testing.T, d ports.TypeDetector) {
	for what, head := range heads() {
		for _, name := range names {
			got := d.DetectType(head, name)
			kind, parameters, err := mime.ParseMediaType(got)
			if err != nil || kind != got || len(parameters) > 0 || got != strings.ToLower(got) || !strings.Contains(got, "/") {
				t.Errorf("%s named %q is %q", what, name, got)
			}
		}
	}
}

// nameIsNoProof: bytes that cannot be text are not taken for text because of a name.
func nameIsNoProof(t *testing.T, d ports.TypeDetector) {
	for what, head := range heads() {
		if utf8.Valid(head) && bytes.IndexByte(head, 0) < 0 || what == "not UTF-8" || strings.HasPrefix(what, "text") || what == "a PDF" {
			continue
		}
		for _, name := range []domain.FileName{"a.txt", "a.md", "a.csv", "a.html"} {
			if got := d.DetectType(head, name); strings.HasPrefix(got, "text/") {
				t.Errorf("%s named %q is %s", what, name, got)
			}
		}
	}
}

func same(t *testing.T, d ports.TypeDetector) {
	for what, head := range heads() {
		for _, name := range names {
			first := d.DetectType(head, name)
			for range 3 {
				if again := d.DetectType(head, name); again != first {
					t.Fatalf("%s named %q is %s and %s", what, name, first, again)
				}
			}
		}
	}
}

// onlyHead: who passes more than DetectBytes gets the answer for the first of them.
func onlyHead(t *testing.T, d ports.TypeDetector) {
	whole := append(bytes.Repeat([]byte("plain words\n"), ports.DetectBytes/12+1)[:ports.DetectBytes], noise(4096)...)
	for _, name := range names {
		if got, want := d.DetectType(whole, name), d.DetectType(whole[:ports.DetectBytes], name); got != want {
			t.Errorf("more than is looked at, named %q, is %s, not %s", name, got, want)
		}
	}
}

func untouched(t *testing.T, d ports.TypeDetector) {
	for what, head := range heads() {
		given := bytes.Clone(head)
		d.DetectType(given, "a.txt")
		if !bytes.Equal(given, head) {
			t.Errorf("%s was changed", what)
		}
	}
}

func atOnce(t *testing.T, d ports.TypeDetector) {
	want := map[string]string{}
	for what, head := range heads() {
		want[what] = d.DetectType(head, "a")
	}
	var running sync.WaitGroup
	for range 8 {
		running.Go(func() {
			for what, head := range heads() {
				if got := d.DetectType(head, "a"); got != want[what] {
					t.Errorf("%s is %s at once with others, %s alone", what, got, want[what])
				}
			}
		})
	}
	running.Wait()
}

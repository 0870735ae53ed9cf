package formats_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docuvault/docuvault/adapters/extract/formats"
	"github.com/docuvault/docuvault/adapters/extract/formats/formatstest"
	"github.com/docuvault/docuvault/adapters/extract/heif"
	"github.com/docuvault/docuvault/adapters/extract/ocr"
	"github.com/docuvault/docuvault/ports"
)

// compiled returns the folder that the program itself keeps compiled code in: compiling takes seconds, with the race detector a
// minute, and comes out the same.
func compiled(t testing.TB) string {
	t.Helper()
	base, err := os.UserCacheDir()
	if err != nil {
		t.Fatalf("tests keep compiled code in the user's cache folder, set HOME: %v", err)
	}
	return filepath.Join(base, "docuvault", "wasm")
}

func TestEngineIsWhatGoModSays(t *testing.T) {
	t.Parallel()
	mod, err := os.ReadFile(filepath.Join("..", "..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	version := func(module string) string {
		_, rest, _ := strings.Cut(string(mod), module+" ")
		return strings.Fields(rest)[0]
	}
	want := "go-pdfium-" + version("github.com/klippa-app/go-pdfium") + "-" + ocr.Version + "-" + heif.Version + "-wazero-" + version("github.com/tetratelabs/wazero")
	if formats.Engine != want {
		t.Errorf("Engine is %q, go.mod says %q: code compiled by another version must not be run", formats.Engine, want)
	}
}

func TestPDF(t *testing.T) {
	r := open(t, formats.Limits{}, formats.Setup{})
	for name, c := range map[string]struct {
		data  []byte
		text  string
		pages int
	}{
		"one page":       {formatstest.PDF("Hello (PDF) \\o/"), "Hello (PDF) \\o/", 1},
		"three pages":    {formatstest.PDF("first", "second\nline", "third"), "first\nsecond\nline\nthird", 3},
		"an empty page":  {formatstest.PDF("", "second"), "second", 2},
		"without text":   {formatstest.PDF(""), "", 1},
		"a form's field": {formatstest.FormPDF("Name:", "Ada Lovelace"), "Name:\nAda Lovelace", 1},
	} {
		for range 3 {
			got, err := r.Read("application/pdf", c.data)
			if err != nil || got.Text != c.text || got.Truncated || got.Pages == nil || *got.Pages != c.pages {
				t.Errorf("%s: %+v, %v, want %q on %d pages", name, got, err, c.text, c.pages)
			}
		}
	}
	whole := formatstest.PDF("text")
	for name, c := range map[string]struct {
		data   []byte
		reason string
	}{
		"encrypted": {formatstest.EncryptedPDF(), ports.ReasonEncrypted},
		"empty":     {nil, ports.ReasonCorrupt},
		"text":      {[]byte("this is not a PDF"), ports.ReasonCorrupt},
		"head only": {whole[:20], ports.ReasonCorrupt},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.Read("application/pdf", c.data)
			mustReason(t, err, c.reason)
		})
	}
	t.Run("more pages than allowed", func(t *testing.T) {
		got, err := open(t, formats.Limits{MaxPages: 2}, formats.Setup{}).Read("application/pdf", formatstest.PDF("a", "b", "c"))
		if err != nil || got.Text != "a\nb" || !got.Truncated || *got.Pages != 3 {
			t.Errorf("got %+v, %v", got, err)
		}
	})
	t.Run("more text than allowed", func(t *testing.T) {
		got, err := open(t, formats.Limits{MaxText: 5}, formats.Setup{}).Read("application/pdf", formatstest.PDF(strings.Repeat("x", 80), "second"))
		if err != nil || got.Text != "xxxxx" || !got.Truncated {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

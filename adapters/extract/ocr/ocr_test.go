package ocr_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/docuvault/docuvault/adapters/extract/formats"
	"github.com/docuvault/docuvault/adapters/extract/formats/formatstest"
	"github.com/docuvault/docuvault/adapters/extract/ocr"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(closing{m}) }

// loaded is the engine of all tests that read English, nil until the first of them: they do not run beside each other.
var loaded *ocr.Engine

func english(t testing.TB) *ocr.Engine {
	t.Helper()
	if loaded == nil {
		loaded = load(t, ocr.Languages{})
	}
	return loaded
}

// closing closes the engine after the tests.
type closing struct{ *testing.M }

func (c closing) Run() int {
	code := c.M.Run()
	if loaded != nil {
		if err := loaded.Close(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, "close the engine:", err)
			return 1
		}
	}
	return code
}

// load returns an engine with the program's own cache: compiling takes seconds, with the race detector a minute.
func load(t testing.TB, languages ocr.Languages) *ocr.Engine {
	t.Helper()
	base, err := os.UserCacheDir()
	if err != nil {
		t.Fatalf("tests keep compiled code in the user's cache folder, set HOME: %v", err)
	}
	e, err := ocr.Load(t.Context(), languages, filepath.Join(base, "docuvault", "wasm", formats.Engine))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func read(t testing.TB, e *ocr.Engine, pages ...*image.Gray) []ocr.Result {
	t.Helper()
	i, err := e.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := i.Close(); err != nil {
			t.Error(err)
		}
	}()
	var all []ocr.Result
	for _, page := range pages {
		got, err := i.Read(page, 150)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, got)
	}
	return all
}

const letter = "Dear Madam or Sir,\nyour order number 4711 has been sent today.\nThe total of 120.50 is due within 14 days."

func TestReadsPages(t *testing.T) {
	e := english(t)
	page, blank := formatstest.Picture(1240, 600, letter), formatstest.Picture(1240, 600, "")
	first := read(t, e, page, blank, page)
	for n, want := range []string{letter, "", letter} {
		if got := strings.TrimSpace(first[n].Text); got != want {
			t.Errorf("page %d: %q, want %q", n, got, want)
		}
	}
	if first[0].Confidence < 80 || first[0].Confidence > 100 {
		t.Errorf("confidence is %d", first[0].Confidence)
	}
	if again := read(t, e, page); again[0] != first[0] {
		t.Errorf("the same page in another instance: %+v, want %+v", again[0], first[0])
	}
	if none := read(t, e, image.NewGray(image.Rectangle{})); none[0].Text != "" {
		t.Errorf("a picture without pixels: %+v", none[0])
	}
}

func TestLackOfMemoryIsNoEmptyPage(t *testing.T) {
	e := english(t)
	i, err := e.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = i.Close() }()
	if got, err := i.Read(image.NewGray(image.Rect(0, 0, 16_500, 16_500)), 0); !errors.Is(err, ocr.ErrMemory) {
		t.Errorf("272 million pixels in 512 MiB: %+v, %v", got, err)
	}
}

func TestLanguages(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "deu.traineddata"), []byte("no data of a language"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, good := range []ocr.Languages{{}, {Names: "eng"}, {Names: "deu+eng", Dir: dir}} {
		if err := good.Check(); err != nil {
			t.Errorf("%+v: %v", good, err)
		}
	}
	for _, bad := range []ocr.Languages{{Names: "deu"}, {Names: "eng+fra", Dir: dir}, {Names: "../deu", Dir: dir}, {Names: "eng+", Dir: dir}} {
		if err := bad.Check(); err == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
	e := load(t, ocr.Languages{Names: "deu", Dir: dir})
	defer func() {
		if err := e.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	i, err := e.Open(t.Context())
	if err == nil {
		t.Error("data that is none is accepted")
		_ = i.Close()
	}
}

// What names this build's functions is only right for its bytes.
func TestDataIsWhatIsPinned(t *testing.T) {
	t.Parallel()
	sums, err := os.ReadFile("data/SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(sums)) {
		want, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		data, err := os.ReadFile(filepath.Join("data", name))
		if err != nil {
			t.Fatal(err)
		}
		if got := sha256.Sum256(data); hex.EncodeToString(got[:]) != want {
			t.Errorf("%s is not the file whose sum is kept", name)
		}
	}
}

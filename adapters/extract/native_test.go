//go:build linux

package extract

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"image"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/extract/formats"
	"github.com/docuvault/docuvault/adapters/extract/formats/formatstest"
	"github.com/docuvault/docuvault/adapters/extract/ocr"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

const scannedLetter = "Dear Madam or Sir,\nyour order number 4711 has been sent today.\nThe total is due within 14 days."

func nativeTesseract(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("tesseract")
	if err != nil {
		t.Fatalf("the tests need Tesseract, run .ci/deps test: %v", err)
	}
	return path
}

// fakeTesseract is a Perl script in its place. There a function row prints a word on a line of its own.
func fakeTesseract(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tesseract")
	head := "#!/usr/bin/perl\nuse Socket; $| = 1;\nsub row { printf qq(5\\t1\\t1\\t1\\t%d\\t1\\t0\\t0\\t9\\t9\\t90\\t%s\\n), ++$lines, @_; }\n"
	if err := os.WriteFile(path, []byte(head+script), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func picture() ports.Source {
	return source("image/png", string(formatstest.PNG(formatstest.Picture(1240, 400, scannedLetter))))
}

func TestNativeTesseractReadsPictures(t *testing.T) {
	t.Parallel()
	x := open(t, Config{CacheDir: programsOwn, Tesseract: nativeTesseract(t), RequireSandbox: true, Children: 1})
	if _, err := x.Sandbox(t.Context()); err != nil {
		t.Fatal(err)
	}
	page := formatstest.Picture(1240, 400, scannedLetter)
	for kind, data := range map[string][]byte{
		"image/png":       formatstest.PNG(page),
		"application/pdf": formatstest.ScannedPDF("", page),
		"image/gif":       formatstest.GIF(onItsHead(page)),
	} {
		got, err := x.Extract(t.Context(), source(kind, string(data)))
		if err != nil || got.Text != scannedLetter || len(got.Thumbnail) == 0 {
			t.Errorf("%s: %q, %v", kind, got.Text, err)
		}
	}
	if got, err := x.Extract(t.Context(), source("image/png", string(formatstest.PNG(image.NewGray(image.Rect(0, 0, 300, 300)))))); err != nil || got.Text != "" {
		t.Errorf("a black picture: %q, %v", got.Text, err)
	}
}

func onItsHead(page *image.Gray) *image.Gray {
	turned := image.NewGray(page.Rect)
	for i, p := range page.Pix {
		turned.Pix[len(page.Pix)-1-i] = p
	}
	return turned
}

// A program that a picture took over can read files and compute, and no more.
func TestNativeTesseractIsConfined(t *testing.T) {
	t.Setenv("DATABASE_URL", "postgres://secret")
	left := filepath.Join(t.TempDir(), "left-behind")
	kept := filepath.Join(t.TempDir(), "kept")
	if err := os.WriteFile(kept, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	program := fakeTesseract(t, fmt.Sprintf(`
open(my $own, "<", "/proc/self/environ"); my $environment = <$own>; $environment =~ tr/\0/ /;
row("environment=$environment");
row("inet") if socket(my $inet, AF_INET, SOCK_STREAM, 0);
row("unix") if socket(my $unix, AF_UNIX, SOCK_STREAM, 0);
row("made") if open(my $made, ">", "%[1]s");
row("changed") if open(my $changed, "+<", "%[2]s");
row("removed") if unlink("%[2]s");
row("renamed") if rename("%[2]s", "%[1]s");
row("signaled") if kill(0, getppid());
row("forked") if defined fork();
row("end");
`, left, kept))
	x := open(t, Config{CacheDir: programsOwn, Tesseract: program, RequireSandbox: true, Children: 1})
	got, err := x.Extract(t.Context(), picture())
	if err != nil {
		t.Fatal(err)
	}
	if want := "environment=DOCUVAULT_EXTRACT_WORKER=1 GOMAXPROCS=2 MALLOC_ARENA_MAX=1 OMP_THREAD_LIMIT=1 \nend"; got.Text != want {
		t.Errorf("it did and saw\n%s\nwant\n%s", got.Text, want)
	}
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("it made a file: %v", err)
	}
	if content, err := os.ReadFile(kept); err != nil || string(content) != "content" {
		t.Errorf("a file of ours is now %q, %v", content, err)
	}
}

func TestNativeTesseractThatMisbehaves(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script, reason string
		timeout        time.Duration
	}{
		"fails":    {"exit 1;", ports.ReasonCorrupt, 0},
		"hangs":    {"1 while 1;", ports.ReasonTimeout, 2 * time.Second},
		"no end":   {"row(q(x) x 10000) while 1;", ports.ReasonCorrupt, 0},
		"too much": {"print STDERR q(bad_alloc); exit 1;", ports.ReasonTooComplex, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := open(t, Config{CacheDir: programsOwn, Tesseract: fakeTesseract(t, c.script), Timeout: c.timeout, Children: 1})
			_, err := x.Extract(t.Context(), picture())
			mustReason(t, err, c.reason)
			mustWork(t, x)
		})
	}
	t.Run("gone", func(t *testing.T) {
		t.Parallel()
		program := fakeTesseract(t, "")
		x := open(t, Config{CacheDir: programsOwn, Tesseract: program, Children: 1})
		if err := os.Remove(program); err != nil {
			t.Fatal(err)
		}
		if _, err := x.Extract(t.Context(), picture()); domain.ErrorCode(err) != domain.Unavailable {
			t.Errorf("error is %v, want Unavailable", err)
		}
		mustWork(t, x)
	})
}

func TestNativeTesseractIsLookedForAtTheStart(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	_, err := New(Config{Tesseract: filepath.Join(t.TempDir(), "tesseract")}, log)
	if err == nil || !strings.Contains(err.Error(), "TESSERACT_PATH") || !strings.Contains(err.Error(), "tesseract-ocr") {
		t.Errorf("a program that is not there: %v", err)
	}
	if _, err := New(Config{Tesseract: nativeTesseract(t), Languages: ocr.Languages{Names: "eng --psm"}}, log); err == nil {
		t.Error("what is no language is accepted")
	}
	x := open(t, Config{CacheDir: programsOwn, Tesseract: nativeTesseract(t), Languages: ocr.Languages{Names: "eng+xxx"}, Children: 1})
	if _, err := x.Sandbox(t.Context()); err == nil || !strings.Contains(err.Error(), "tesseract-ocr-xxx") {
		t.Errorf("a language that is not there: %v", err)
	}
	x = open(t, Config{CacheDir: programsOwn, Tesseract: fakeTesseract(t, "exit 1;"), Children: 1})
	if _, err := x.Sandbox(t.Context()); err == nil {
		t.Error("a program that does not work is accepted")
	}
}

// A child that a document took over gets nothing looked at that no reader of ours would ask for.
func TestLooksHaveALimit(t *testing.T) {
	t.Parallel()
	x := &Extractor{cfg: Config{Tesseract: "tesseract"}}
	c := &child{r: bufio.NewReader(bytes.NewReader(make([]byte, 100))), deadline: time.NewTimer(time.Hour)}
	for _, l := range []look{{Width: -1, Height: -1}, {Width: 0, Height: 5}, {Width: formats.MaxScanSide + 1, Height: 1}, {Width: 1, Height: 1 << 40}} {
		if err := x.look(t.Context(), c, l); !errors.Is(err, errNonsense) {
			t.Errorf("%+v: %v", l, err)
		}
	}
	x.cfg.Tesseract = ""
	if err := x.look(t.Context(), c, look{Width: 1, Height: 1}); !errors.Is(err, errNonsense) {
		t.Errorf("without the program: %v", err)
	}
}

func TestTesseractsTable(t *testing.T) {
	t.Parallel()
	row := "5\t1\t%d\t%d\t%d\t%d\t0\t0\t9\t9\t%s\t%s\n"
	table := "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n" +
		"4\t1\t1\t1\t1\t0\t0\t0\t9\t9\t-1\t\n" +
		fmt.Sprintf(row, 1, 1, 1, 1, "90.7", "one") + fmt.Sprintf(row, 1, 1, 1, 2, "80", "two") + fmt.Sprintf(row, 1, 1, 2, 1, "70", "three") +
		fmt.Sprintf(row, 1, 2, 1, 1, "60", "four") + fmt.Sprintf(row, 2, 1, 1, 1, "95", " ") + fmt.Sprintf(row, 3, 1, 1, 1, "1000", "five") +
		"5\tnonsense\n" + fmt.Sprintf(row, 3, 1, 1, 2, "sure", "six")
	want := ocr.Result{Text: "one two\nthree\n\nfour\n\nfive\n", Confidence: 80}
	if got := parseTSV(table); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := parseTSV(""); got != (ocr.Result{}) {
		t.Errorf("of nothing: %+v", got)
	}
}

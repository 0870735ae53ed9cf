package heif_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/docuvault/docuvault/adapters/extract/formats"
	"github.com/docuvault/docuvault/adapters/extract/formats/formatstest"
	"github.com/docuvault/docuvault/adapters/extract/heif"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// load returns an engine with the program's own cache: compiling takes a second, with the race detector many.
func load(t *testing.T) *heif.Engine {
	t.Helper()
	base, err := os.UserCacheDir()
	if err != nil {
		t.Fatalf("tests keep compiled code in the user's cache folder, set HOME: %v", err)
	}
	e, err := heif.Load(t.Context(), filepath.Join(base, "docuvault", "wasm", formats.Engine))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return e
}

// with opens a file and closes it after look has seen it.
func with(t *testing.T, e *heif.Engine, data []byte, look func(p *heif.Picture)) {
	t.Helper()
	p, err := e.Open(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	look(p)
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// TestColours looks at pictures of 130 by 71 pixels in four fields, packed by libheif's heif-enc 1.15.1 with each sampling of colours
// (-q 90 -p chroma=…), and without loss as RGB (-L -p chroma=444 --matrix_coefficients=0). No row fills its memory.
func TestColours(t *testing.T) {
	e := load(t)
	for _, name := range []string{"420", "422", "444", "rgb"} {
		data, err := os.ReadFile(filepath.Join("testdata", name+".heic"))
		if err != nil {
			t.Fatal(err)
		}
		with(t, e, data, func(p *heif.Picture) {
			config, err := p.Config()
			if err != nil || config.Width != 130 || config.Height != 71 {
				t.Fatalf("%s: %d by %d pixels, %v", name, config.Width, config.Height, err)
			}
			got, err := p.Decode()
			if err != nil || got.Bounds() != image.Rect(0, 0, 130, 71) || got.ColorModel() != config.ColorModel {
				t.Fatalf("%s: %v, %v", name, got, err)
			}
			for at, want := range map[image.Point]color.RGBA{
				{10, 5}: {200, 40, 30, 255}, {128, 5}: {30, 160, 60, 255}, {10, 69}: {100, 40, 150, 255}, {128, 69}: {15, 160, 180, 255}, {60, 30}: {200, 40, 30, 255},
			} {
				if c := color.RGBAModel.Convert(got.At(at.X, at.Y)).(color.RGBA); far(c, want) {
					t.Errorf("%s: at %v is %v, want %v", name, at, c, want)
				}
			}
		})
	}
}

// far says that a color is not what another was before it was packed.
func far(a, b color.RGBA) bool {
	off := func(a, b uint8) bool { return max(a, b)-min(a, b) > 6 }
	return off(a.R, b.R) || off(a.G, b.G) || off(a.B, b.B) || a.A != b.A
}

// TestLetters looks at a letter in shades of gray alone, packed like formatstest.HEIC, and at two in one picture of two tiles.
func TestLetters(t *testing.T) {
	e := load(t)
	gray, err := os.ReadFile(filepath.Join("testdata", "gray.heic"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		data  []byte
		model color.Model
		size  image.Point
		ink   []image.Rectangle // where letters begin
	}{
		"gray":  {gray, color.GrayModel, image.Pt(1240, 400), []image.Rectangle{image.Rect(38, 20, 120, 60)}},
		"tiles": {formatstest.HEICGrid(), color.YCbCrModel, image.Pt(1240, 800), []image.Rectangle{image.Rect(38, 20, 120, 60), image.Rect(38, 420, 120, 460)}},
	} {
		with(t, e, c.data, func(p *heif.Picture) {
			got, err := p.Decode()
			if err != nil || got.Bounds().Size() != c.size || got.ColorModel() != c.model {
				t.Fatalf("%s: %v, %v", name, got, err)
			}
			for _, area := range c.ink {
				if !dark(got, area) || dark(got, area.Add(image.Pt(1080, 320))) {
					t.Errorf("%s: no ink at %v, or some across from it", name, area)
				}
			}
		})
	}
}

func TestTurnsAsTheFileSays(t *testing.T) {
	e := load(t)
	for quarters := range byte(4) {
		with(t, e, formatstest.HEIC(quarters), func(p *heif.Picture) {
			want := image.Pt(1240, 400)
			if quarters%2 == 1 {
				want = image.Pt(400, 1240)
			}
			got, err := p.Decode()
			if err != nil || got.Bounds().Size() != want {
				t.Fatalf("%d quarters: %v, %v", quarters, got, err)
			}
			// The letter begins at its own top left, and has nothing across from there.
			corners := []image.Rectangle{image.Rect(38, 20, 120, 60), image.Rect(20, 1120, 60, 1202), image.Rect(1120, 340, 1202, 380), image.Rect(340, 38, 380, 120)}
			if across := corners[(quarters+2)%4]; !dark(got, corners[quarters]) || dark(got, across) {
				t.Errorf("%d quarters: no ink at %v, or some at %v", quarters, corners[quarters], across)
			}
		})
	}
}

func dark(picture image.Image, area image.Rectangle) bool {
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			if image.Pt(x, y).In(picture.Bounds()) && color.GrayModel.Convert(picture.At(x, y)).(color.Gray).Y < 64 {
				return true
			}
		}
	}
	return false
}

func TestWhatIsNoPicture(t *testing.T) {
	e := load(t)
	whole := formatstest.HEIC(0)
	for name, data := range map[string][]byte{
		"nothing": nil, "a head": whole[:28], "half": whole[:len(whole)/2], "text": []byte("Dear Madam or Sir"),
		"no pixels": []byte(strings.Replace(string(whole), "\x00\x00\x04\xd8\x00\x00\x01\x90", "\x00\x00\x00\x00\x00\x00\x00\x00", 1)),
	} {
		with(t, e, data, func(p *heif.Picture) {
			if got, err := p.Decode(); !errors.Is(err, heif.ErrPicture) {
				t.Errorf("%s: %v, %v", name, got, err)
			}
		})
	}
}

func TestLackOfMemoryIsSaid(t *testing.T) {
	e := load(t)
	claims := strings.Replace(string(formatstest.HEIC(0)), "\x00\x00\x04\xd8\x00\x00\x01\x90", "\x00\x00\x7f\x00\x00\x00\x7f\x00", 1)
	with(t, e, []byte(claims), func(p *heif.Picture) {
		if got, err := p.Decode(); !errors.Is(err, heif.ErrMemory) {
			t.Errorf("a billion pixels in 512 MiB: %v, %v", got, err)
		}
	})
}

// The decoder's layout of pixels is only known of these bytes.
func TestDataIsWhatIsPinned(t *testing.T) {
	t.Parallel()
	sums, err := os.ReadFile("data/SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile("data/heif.wasm")
	if err != nil {
		t.Fatal(err)
	}
	if got := sha256.Sum256(program); fmt.Sprintf("%s  heif.wasm\n", hex.EncodeToString(got[:])) != string(sums) {
		t.Errorf("heif.wasm is not the file whose sum is kept, but %x", got)
	}
}

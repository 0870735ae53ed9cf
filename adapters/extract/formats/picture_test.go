package formats_test

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/docuvault/docuvault/adapters/extract/formats"
	"github.com/docuvault/docuvault/adapters/extract/formats/formatstest"
	"github.com/docuvault/docuvault/adapters/filetype"
	"github.com/docuvault/docuvault/ports"
)

const letter = formatstest.HEICText

// engines holds what is slow to load, once for all tests: with the race detector it takes many seconds.
var engines = formats.New(formats.Limits{}, formats.Setup{}, filetype.New(), slog.New(slog.DiscardHandler))

// open returns a reader with its own limits and the engines of all tests. Tests that use it do not run beside each other: an engine
// makes one instance at a time.
func open(t testing.TB, limits formats.Limits, setup formats.Setup) *formats.Reader {
	t.Helper()
	setup.CacheDir = compiled(t)
	r, err := engines.Sharing(limits, setup)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// turned is a picture turned clockwise by that many quarters of a circle.
func turned(src *image.Gray, quarters int) *image.Gray {
	for range quarters {
		dst := image.NewGray(image.Rect(0, 0, src.Rect.Dy(), src.Rect.Dx()))
		for y := range src.Rect.Dy() {
			for x := range src.Rect.Dx() {
				dst.SetGray(src.Rect.Dy()-1-y, x, src.GrayAt(x, y))
			}
		}
		src = dst
	}
	return src
}

func TestPictures(t *testing.T) {
	r := open(t, formats.Limits{}, formats.Setup{})
	page := formatstest.Picture(1240, 400, letter)
	clear := image.NewNRGBA(page.Rect) // black ink on nothing
	for i, p := range page.Pix {
		clear.Pix[4*i+3] = 255 - p
	}
	for name, c := range map[string]struct {
		contentType string
		data        []byte
	}{
		"png":                    {"image/png", formatstest.PNG(page)},
		"transparent png":        {"image/png", formatstest.PNG(clear)},
		"jpeg":                   {"image/jpeg", formatstest.JPEG(page, 0)},
		"gif":                    {"image/gif", formatstest.GIF(page)},
		"bmp":                    {"image/bmp", formatstest.BMP(page)},
		"tiff":                   {"image/tiff", formatstest.TIFF(page)},
		"tiff of one jpeg":       {"image/tiff", formatstest.JPEGTIFF(page, page.Rect.Size(), formatstest.TIFFGray)},
		"tiff of jpeg strips":    {"image/tiff", formatstest.JPEGTIFF(page, image.Pt(1240, 64), formatstest.TIFFGray)},
		"tiff of jpeg tiles":     {"image/tiff", formatstest.JPEGTIFF(page, image.Pt(256, 128), formatstest.TIFFGray)},
		"heic":                   {"image/heic", formatstest.HEIC(0)},
		"heic to be turned":      {"image/heif", formatstest.HEIC(1)},
		"heic of tiles":          {"image/heic", formatstest.HEICGrid()},
		"camera on its side":     {"image/jpeg", formatstest.JPEG(turned(page, 3), 6)},
		"camera on its head":     {"image/jpeg", formatstest.JPEG(turned(page, 2), 3)},
		"camera on another side": {"image/jpeg", formatstest.JPEG(turned(page, 1), 8)},
		"scan on its head":       {"image/png", formatstest.PNG(turned(page, 2))},
		"scan on its side":       {"image/png", formatstest.PNG(turned(page, 1))},
	} {
		got, err := r.Read(c.contentType, c.data)
		want := letter
		if name == "heic of tiles" {
			want = letter + "\n" + letter
		}
		if err != nil || strings.ReplaceAll(got.Text, "\n\n", "\n") != want || got.Truncated {
			t.Errorf("%s: %q, %v", name, got.Text, err)
			continue
		}
		if got.Language != "en" {
			t.Errorf("%s: the language is %q", name, got.Language)
		}
		shown, err := jpeg.Decode(bytes.NewReader(got.Thumbnail))
		if err != nil {
			t.Errorf("%s: thumbnail: %v", name, err)
			continue
		}
		if b := shown.Bounds(); max(b.Dx(), b.Dy()) != ports.ThumbnailSize {
			t.Errorf("%s: the thumbnail has %d by %d pixels", name, b.Dx(), b.Dy())
		}
	}
}

func TestPicturesWithoutText(t *testing.T) {
	r := open(t, formats.Limits{}, formats.Setup{})
	noise := image.NewGray(image.Rect(0, 0, 400, 300))
	for i := range noise.Pix {
		noise.Pix[i] = byte(i * i >> 3)
	}
	for name, picture := range map[string]image.Image{"white": formatstest.Picture(600, 400, ""), "tiny": image.NewGray(image.Rect(0, 0, 1, 1)), "noise": noise} {
		got, err := r.Read("image/png", formatstest.PNG(picture))
		if err != nil || got.Text != "" || len(got.Thumbnail) == 0 {
			t.Errorf("%s: %q, a thumbnail of %d bytes, %v", name, got.Text, len(got.Thumbnail), err)
		}
	}
	got, err := open(t, formats.Limits{}, formats.Setup{NoOCR: true}).Read("image/png", formatstest.PNG(formatstest.Picture(1240, 400, letter)))
	if err != nil || got.Text != "" || len(got.Thumbnail) == 0 {
		t.Errorf("without OCR: %q, a thumbnail of %d bytes, %v", got.Text, len(got.Thumbnail), err)
	}
}

func TestPicturesTooLargeOrBroken(t *testing.T) {
	r := open(t, formats.Limits{MaxPixels: 10_000}, formats.Setup{})
	page := formatstest.Picture(101, 100, "")
	whole := formatstest.PNG(page)
	huge := bytes.Clone(whole)
	copy(huge[16:], "\x00\x00\xea\x60\x00\x00\xea\x60\x08\x00\x00\x00\x00") // 60,000 by 60,000
	for name, c := range map[string]struct {
		contentType string
		data        []byte
		reason      string
	}{
		"too many pixels":         {"image/png", whole, ports.ReasonTooComplex},
		"a bomb":                  {"image/png", huge, ports.ReasonCorrupt}, // its checksum
		"too many pixels in tiff": {"image/tiff", formatstest.TIFF(page), ports.ReasonTooComplex},
		"too many pixels in heic": {"image/heic", formatstest.HEIC(0), ports.ReasonTooComplex},
		"no heic":                 {"image/heif", []byte("Dear Madam or Sir"), ports.ReasonCorrupt},
		"nothing":                 {"image/jpeg", nil, ports.ReasonCorrupt},
		"half":                    {"image/png", formatstest.PNG(formatstest.Picture(90, 90, ""))[:60], ports.ReasonCorrupt},
		"no tiff":                 {"image/tiff", []byte("MM\x00*\x00\x00\x00\x08"), ports.ReasonCorrupt},
		"a circle of directories": {"image/tiff", []byte("II*\x00\x08\x00\x00\x00\x00\x00\x08\x00\x00\x00"), ports.ReasonCorrupt},
	} {
		_, err := r.Read(c.contentType, c.data)
		t.Run(name, func(t *testing.T) { mustReason(t, err, c.reason) })
	}
}

// TestColoursOfJPEGInTIFF sees the colour that the TIFF says, which the JPEGs inside do not know.
func TestColoursOfJPEGInTIFF(t *testing.T) {
	r := open(t, formats.Limits{}, formats.Setup{NoOCR: true})
	red := image.NewYCbCr(image.Rect(0, 0, 64, 64), image.YCbCrSubsampleRatio444)
	for i := range red.Y {
		red.Y[i], red.Cb[i], red.Cr[i] = color.RGBToYCbCr(200, 30, 60)
	}
	planes := image.NewYCbCr(red.Rect, red.SubsampleRatio)
	for i := range planes.Y {
		planes.Y[i], planes.Cb[i], planes.Cr[i] = 200, 30, 60
	}
	for name, data := range map[string][]byte{
		"brightness and colours": formatstest.JPEGTIFF(red, image.Pt(64, 16), formatstest.TIFFYCbCr),
		"red, green and blue":    formatstest.JPEGTIFF(planes, image.Pt(32, 32), formatstest.TIFFRGB),
	} {
		got, err := r.Read("image/tiff", data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		shown, err := jpeg.Decode(bytes.NewReader(got.Thumbnail))
		if err != nil {
			t.Errorf("%s: thumbnail: %v", name, err)
			continue
		}
		seen := color.RGBAModel.Convert(shown.At(shown.Bounds().Dx()/2, shown.Bounds().Dy()/2)).(color.RGBA)
		if far := func(a, b uint8) bool { return max(a, b)-min(a, b) > 8 }; far(seen.R, 200) || far(seen.G, 30) || far(seen.B, 60) {
			t.Errorf("%s: the thumbnail is %v", name, seen)
		}
	}
}

// TestBrokenJPEGInTIFF changes one number of a good file.
func TestBrokenJPEGInTIFF(t *testing.T) {
	r := open(t, formats.Limits{MaxPixels: 20_000}, formats.Setup{NoOCR: true})
	for name, c := range map[string]struct {
		piece  image.Point
		tag    uint16
		value  uint32
		reason string // none if the page is still read
	}{
		"as it was":                  {image.Pt(100, 20), 257, 100, ""},
		"wider than its tiles":       {image.Pt(32, 32), 256, 9_000, ports.ReasonTooComplex},
		"taller than its strips":     {image.Pt(100, 20), 257, 101, ports.ReasonCorrupt},
		"larger than is read":        {image.Pt(100, 20), 257, 1_000_000, ports.ReasonTooComplex},
		"no pixels":                  {image.Pt(100, 20), 256, 0, ports.ReasonCorrupt},
		"strips of more than said":   {image.Pt(100, 30), 278, 26, ports.ReasonCorrupt},
		"strips of no rows":          {image.Pt(100, 20), 278, 0, ports.ReasonCorrupt},
		"tiles without width":        {image.Pt(32, 32), 322, 0, ports.ReasonCorrupt},
		"tiles of all the world":     {image.Pt(32, 32), 323, 1 << 31, ports.ReasonCorrupt},
		"offsets outside":            {image.Pt(100, 20), 273, 1 << 31, ports.ReasonCorrupt},
		"sizes outside":              {image.Pt(100, 20), 279, 1 << 31, ports.ReasonCorrupt},
		"one strip outside the file": {image.Pt(100, 100), 273, 1 << 31, ports.ReasonCorrupt},
		"one strip of all the file":  {image.Pt(100, 100), 279, 1<<32 - 1, ports.ReasonCorrupt},
		"tables outside":             {image.Pt(100, 20), 347, 1<<32 - 1, ports.ReasonCorrupt},
	} {
		data := formatstest.JPEGTIFF(formatstest.Picture(100, 100, ""), c.piece, formatstest.TIFFGray)
		fields := data[binary.BigEndian.Uint32(data[4:])+2:]
		for binary.BigEndian.Uint16(fields) != c.tag {
			fields = fields[12:]
		}
		binary.BigEndian.PutUint32(fields[8:], c.value)
		got, err := r.Read("image/tiff", data)
		t.Run(name, func(t *testing.T) {
			if c.reason != "" {
				mustReason(t, err, c.reason)
			} else if err != nil || len(got.Thumbnail) == 0 {
				t.Errorf("a thumbnail of %d bytes, %v", len(got.Thumbnail), err)
			}
		})
	}
}

// TestTablesOfJPEGInTIFFHaveALimit makes the tables longer by a comment, which changes nothing that they say. Each piece is decoded
// behind them, so that a long field would cost its length for each.
func TestTablesOfJPEGInTIFFHaveALimit(t *testing.T) {
	r := open(t, formats.Limits{}, formats.Setup{NoOCR: true})
	for length, reason := range map[int]string{1 << 16: "", 1<<16 + 1: ports.ReasonCorrupt} {
		data := formatstest.JPEGTIFF(formatstest.Picture(100, 100, ""), image.Pt(100, 20), formatstest.TIFFGray)
		fields := data[binary.BigEndian.Uint32(data[4:])+2:]
		for binary.BigEndian.Uint16(fields) != 347 {
			fields = fields[12:]
		}
		at := binary.BigEndian.Uint32(fields[8:])
		tables := data[at:][:binary.BigEndian.Uint32(fields[4:])]
		comment := length - len(tables)
		longer := append(bytes.Clone(tables[:2]), 0xff, 0xfe, byte((comment-2)>>8), byte(comment-2))
		longer = append(append(longer, make([]byte, comment-4)...), tables[2:]...)
		binary.BigEndian.PutUint32(fields[4:], uint32(len(longer)))
		binary.BigEndian.PutUint32(fields[8:], uint32(len(data)))
		got, err := r.Read("image/tiff", append(data, longer...))
		switch {
		case len(longer) != length:
			t.Fatalf("the tables have %d bytes, want %d", len(longer), length)
		case reason != "":
			mustReason(t, err, reason)
		case err != nil || len(got.Thumbnail) == 0:
			t.Errorf("tables of %d bytes: a thumbnail of %d bytes, %v", length, len(got.Thumbnail), err)
		}
	}
}

// pagesOf cuts a text at its page starts.
func pagesOf(text string, starts []int) []string {
	runes := []rune(text)
	var pages []string
	for i, start := range starts {
		end := len(runes)
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		pages = append(pages, strings.TrimSpace(string(runes[start:end])))
	}
	return pages
}

func TestPagesThatArePictures(t *testing.T) {
	r := open(t, formats.Limits{}, formats.Setup{})
	first, second := formatstest.Picture(1240, 400, "The first page of the document"), formatstest.Picture(1240, 400, "Überweisung no more than 20 €")
	blank := formatstest.Picture(300, 300, "")
	for name, c := range map[string]struct {
		contentType string
		data        []byte
		pages       []string
	}{
		"a scan of pages":       {"image/tiff", formatstest.TIFF(first, blank, second), []string{"The first page of the document", "", "no more than 20"}},
		"a scanned PDF":         {"application/pdf", formatstest.ScannedPDF("", first, blank, second), []string{"The first page of the document", "", "no more than 20"}},
		"with a scanner's line": {"application/pdf", formatstest.ScannedPDF("Scan 17", first), []string{"Scan 17"}},
		"text":                  {"application/pdf", formatstest.PDF("one", "", "three"), []string{"one", "", "three"}},
	} {
		got, err := r.Read(c.contentType, c.data)
		if err != nil || got.Pages == nil || *got.Pages != len(c.pages) || got.Truncated {
			t.Errorf("%s: %+v, %v", name, got, err)
			continue
		}
		pages := pagesOf(got.Text, got.Starts)
		if !slices.EqualFunc(pages, c.pages, strings.Contains) {
			t.Errorf("%s: %q from %v are the pages %q", name, got.Text, got.Starts, pages)
		}
		if len(got.Thumbnail) == 0 {
			t.Errorf("%s: no thumbnail", name)
		}
		if name == "with a scanner's line" && !strings.Contains(got.Text, "The first page of the document") {
			t.Errorf("%s: %q", name, got.Text)
		}
	}
}

func TestPicturesHaveALimit(t *testing.T) {
	r := open(t, formats.Limits{MaxScans: 1}, formats.Setup{})
	looks := 0
	r.Alive = func() { looks++ }
	a, b := formatstest.Picture(1240, 200, "alpha alpha alpha"), formatstest.Picture(1240, 200, "omega omega omega")
	for contentType, data := range map[string][]byte{"image/tiff": formatstest.TIFF(a, b), "application/pdf": formatstest.ScannedPDF("", a, b),
		"application/zip": formatstest.Zip(entry("a.png", string(formatstest.PNG(a))), entry("b.png", string(formatstest.PNG(b))))} {
		got, err := r.Read(contentType, data)
		if err != nil || !strings.Contains(got.Text, "alpha alpha") || strings.Contains(got.Text, "omega") || !got.Truncated {
			t.Errorf("%s: %+v, %v", contentType, got, err)
		}
	}
	if looks < 3 {
		t.Errorf("it was said to be alive %d times", looks)
	}
}

func TestPageStartsOfCutText(t *testing.T) {
	r := open(t, formats.Limits{MaxText: 5}, formats.Setup{})
	got, err := r.Read("application/pdf", formatstest.PDF("one", "two", "three"))
	if err != nil || got.Text != "one\nt" || !slices.Equal(got.Starts, []int{0, 4}) || !got.Truncated {
		t.Errorf("got %+v, %v", got, err)
	}
	got, err = r.Read(pptx, formatstest.PPTX("one", "two", "three"))
	if err != nil || len(got.Starts) == 0 || got.Starts[len(got.Starts)-1] >= utf8.RuneCountInString(got.Text) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestSlidesHaveStarts(t *testing.T) {
	t.Parallel()
	got := mustRead(t, pptx, formatstest.PPTX("éins", "two"))
	if pages := pagesOf(got.Text, got.Starts); len(pages) != 2 || !strings.HasPrefix(pages[0], "éins") || !strings.HasPrefix(pages[1], "two") {
		t.Errorf("%q from %v are the pages %q", got.Text, got.Starts, pages)
	}
	slide := func(text string) string {
		return "<draw:page><draw:text-box><text:p>" + text + "</text:p></draw:text-box></draw:page>"
	}
	got = mustRead(t, odf+"presentation", formatstest.ODF("presentation", slide("éins")+slide("two"), ""))
	if pages := pagesOf(got.Text, got.Starts); len(pages) != 2 || !strings.HasSuffix(pages[0], "éins") || pages[1] != "two" {
		t.Errorf("%q from %v are the pages %q", got.Text, got.Starts, pages)
	}
}

func TestCovers(t *testing.T) {
	t.Parallel()
	cover := formatstest.PNG(formatstest.Picture(300, 600, ""))
	for contentType, c := range map[string]struct {
		data []byte
		part string
	}{
		pptx:         {formatstest.PPTX("x"), formatstest.OfficeCover},
		odf + "text": {formatstest.ODF("text", "<text:p>x</text:p>", ""), formatstest.ODFCover},
		epub:         {formatstest.EPUB([]string{"<p>x"}), formatstest.EPUBCover},
	} {
		without := mustRead(t, contentType, c.data)
		with := mustRead(t, contentType, formatstest.With(c.data, c.part, cover))
		broken := mustRead(t, contentType, formatstest.With(c.data, c.part, cover[:40]))
		nested := mustRead(t, zipped, formatstest.Zip(entry("a", string(formatstest.With(c.data, c.part, cover)))))
		head, err := jpeg.DecodeConfig(bytes.NewReader(with.Thumbnail))
		if err != nil || head.Width != 256 || head.Height != 512 || with.Text != without.Text {
			t.Errorf("%s: %+v, %v, %q", contentType, head, err, with.Text)
		}
		if len(without.Thumbnail)+len(broken.Thumbnail)+len(nested.Thumbnail) != 0 || broken.Text != without.Text {
			t.Errorf("%s: thumbnails of %d, %d and %d bytes, want none", contentType, len(without.Thumbnail), len(broken.Thumbnail), len(nested.Thumbnail))
		}
	}
}

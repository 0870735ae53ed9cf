package formatstest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"maps"
	"slices"
	"strings"

	"golang.org/x/image/bmp"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// Picture returns a page as a scanner sees it: lines of black text on white, at 150 pixels per inch, in the Go font.
func Picture(width, height int, text string) *image.Gray {
	page := image.NewGray(image.Rect(0, 0, width, height))
	draw.Draw(page, page.Rect, image.White, image.Point{}, draw.Src)
	f, err := opentype.Parse(goregular.TTF)
	if err != nil {
		panic(err) // it is compiled in
	}
	const points, perInch = 14, 150
	face, err := opentype.NewFace(f, &opentype.FaceOptions{Size: points, DPI: perInch, Hinting: font.HintingFull})
	if err != nil {
		panic(err)
	}
	pen := font.Drawer{Dst: page, Src: image.NewUniform(color.Black), Face: face}
	for i, line := range strings.Split(text, "\n") {
		pen.Dot = fixed.P(perInch/4, (i+1)*perInch*points/72*3/2)
		pen.DrawString(line)
	}
	return page
}

// PNG returns a picture as a file.
func PNG(picture image.Image) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		panic(err) // writing to memory does not fail
	}
	return b.Bytes()
}

// JPEG returns a picture as a file that says how the camera was held, if orientation is not 0 (Exif 2.32, 4.6.4).
func JPEG(picture image.Image, orientation byte) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, picture, nil); err != nil {
		panic(err)
	}
	if orientation == 0 {
		return b.Bytes()
	}
	exif := "Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00" + string(orientation) + "\x00\x00\x00\x00\x00\x00"
	head := append([]byte{0xff, 0xd8, 0xff, 0xe1, 0, byte(len(exif) + 2)}, exif...)
	return append(head, b.Bytes()[2:]...)
}

// GIF returns a picture as a file.
func GIF(picture image.Image) []byte {
	var b bytes.Buffer
	if err := gif.Encode(&b, picture, nil); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// BMP returns a picture as a file.
func BMP(picture image.Image) []byte {
	var b bytes.Buffer
	if err := bmp.Encode(&b, picture); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// TIFF returns a scan (TIFF 6.0) of these pages, unpacked, big-endian, in the order given.
func TIFF(pages ...*image.Gray) []byte {
	t := newTIFF()
	for _, p := range pages {
		t.directory(p.Rect.Size(), map[uint16][]uint32{258: {8}, 259: {1}, 262: {1}, 273: {t.add(p.Pix)}, 277: {1}, 278: {uint32(p.Rect.Dy())}, 279: {uint32(len(p.Pix))}})
	}
	return t.file
}

// What the channels of a TIFF mean.
const (
	TIFFGray  = 1
	TIFFRGB   = 2
	TIFFYCbCr = 6
)

// JPEGTIFF returns a TIFF of one page that is packed by JPEG (Technical Note 2): in strips if the pieces are as wide as the page, in
// tiles otherwise. The tables that all pieces share stand apart, as libtiff writes them.
func JPEGTIFF(page interface {
	image.Image
	SubImage(image.Rectangle) image.Image
}, piece image.Point, photometric uint32) []byte {
	t := newTIFF()
	size := page.Bounds().Size()
	var tables []byte
	var offsets, sizes []uint32
	for y := 0; y < size.Y; y += piece.Y {
		for x := 0; x < size.X; x += piece.X {
			apart, data := withoutTables(JPEG(page.SubImage(image.Rect(x, y, x+piece.X, y+piece.Y)), 0))
			if tables != nil && !bytes.Equal(tables, apart) {
				panic("the pieces have different tables")
			}
			tables = apart
			offsets, sizes = append(offsets, t.add(data)), append(sizes, uint32(len(data)))
		}
	}
	fields := map[uint16][]uint32{258: {8}, 259: {7}, 262: {photometric}, 347: {t.add(tables), uint32(len(tables))}}
	if piece.X < size.X {
		fields[322], fields[323], fields[324], fields[325] = []uint32{uint32(piece.X)}, []uint32{uint32(piece.Y)}, offsets, sizes
	} else {
		fields[273], fields[278], fields[279] = offsets, []uint32{uint32(piece.Y)}, sizes
	}
	t.directory(size, fields)
	return t.file
}

// withoutTables takes the quantization and Huffman tables out of a JPEG, and makes a JPEG of them.
func withoutTables(data []byte) (tables, rest []byte) {
	const quantization, huffman, scan = 0xdb, 0xc4, 0xda
	tables, rest, data = bytes.Clone(data[:2]), bytes.Clone(data[:2]), data[2:]
	for data[1] != scan {
		length := 2 + int(binary.BigEndian.Uint16(data[2:]))
		if data[1] == quantization || data[1] == huffman {
			tables = append(tables, data[:length]...)
		} else {
			rest = append(rest, data[:length]...)
		}
		data = data[length:]
	}
	return append(tables, 0xff, 0xd9), append(rest, data...)
}

// tiffWriter writes pages one behind the other.
type tiffWriter struct {
	file []byte
	link int // where the offset of the next directory goes
}

func newTIFF() *tiffWriter { return &tiffWriter{file: []byte("MM\x00*\x00\x00\x00\x00"), link: 4} }

// add writes data and returns its offset.
func (t *tiffWriter) add(data []byte) uint32 {
	at := uint32(len(t.file))
	t.file = append(t.file, data...)
	if len(t.file)%2 != 0 {
		t.file = append(t.file, 0)
	}
	return at
}

// directory writes a page's fields as numbers of 32 bits, but for the tables (347): their value is an offset and a length.
func (t *tiffWriter) directory(size image.Point, fields map[uint16][]uint32) {
	const long, undefined, tables = 4, 7, 347
	fields[256], fields[257] = []uint32{uint32(size.X)}, []uint32{uint32(size.Y)}
	var entries []byte
	for _, tag := range slices.Sorted(maps.Keys(fields)) {
		kind, count, value := uint16(long), uint32(len(fields[tag])), fields[tag][0]
		switch {
		case tag == tables:
			kind, count = undefined, fields[tag][1]
		case count > 1:
			var numbers []byte
			for _, n := range fields[tag] {
				numbers = binary.BigEndian.AppendUint32(numbers, n)
			}
			value = t.add(numbers)
		}
		entries = binary.BigEndian.AppendUint16(entries, tag)
		entries = binary.BigEndian.AppendUint16(entries, kind)
		entries = binary.BigEndian.AppendUint32(entries, count)
		entries = binary.BigEndian.AppendUint32(entries, value)
	}
	binary.BigEndian.PutUint32(t.file[t.link:], uint32(len(t.file)))
	t.file = binary.BigEndian.AppendUint16(t.file, uint16(len(fields)))
	t.file = append(t.file, entries...)
	t.link = len(t.file)
	t.file = append(t.file, 0, 0, 0, 0)
}

// ScannedPDF returns a PDF each of whose pages is a picture, with a line of text in its layer where there is one.
func ScannedPDF(layer string, pages ...image.Image) []byte {
	var p pdf
	kids := make([]string, len(pages))
	for i := range pages {
		kids[i] = fmt.Sprintf("%d 0 R", 4+3*i)
	}
	p.object("<< /Type /Catalog /Pages 2 0 R >>")
	p.object(fmt.Sprintf("<< /Type /Pages /Kids [%s] /Count %d >>", strings.Join(kids, " "), len(pages)))
	p.object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
	for i, picture := range pages {
		const perInch = 150
		width, height := picture.Bounds().Dx(), picture.Bounds().Dy()
		p.object(fmt.Sprintf("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Contents %d 0 R "+
			"/Resources << /Font << /F1 3 0 R >> /XObject << /I %d 0 R >> >> >>", width*72/perInch, height*72/perInch, 5+3*i, 6+3*i))
		p.stream(fmt.Sprintf("q %d 0 0 %d 0 0 cm /I Do Q BT /F1 8 Tf 5 5 Td (%s) Tj ET", width*72/perInch, height*72/perInch, layer))
		p.streamWith(fmt.Sprintf("/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8 "+
			"/Filter /DCTDecode", width, height), string(JPEG(picture, 0)))
	}
	return p.finish("")
}

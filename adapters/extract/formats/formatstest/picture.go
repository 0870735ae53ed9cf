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
	b := []byte("MM\x00*\x00\x00\x00\x00")
	link := 4 // where the offset of the next directory goes
	for _, p := range pages {
		at := len(b)
		b = append(b, p.Pix...)
		if len(b)%2 != 0 {
			b = append(b, 0)
		}
		binary.BigEndian.PutUint32(b[link:], uint32(len(b)))
		fields := []struct {
			tag, kind uint16
			value     uint32
		}{
			{256, 4, uint32(p.Rect.Dx())}, {257, 4, uint32(p.Rect.Dy())}, {258, 3, 8 << 16}, {259, 3, 1 << 16}, {262, 3, 1 << 16},
			{273, 4, uint32(at)}, {277, 3, 1 << 16}, {278, 4, uint32(p.Rect.Dy())}, {279, 4, uint32(len(p.Pix))},
		}
		b = binary.BigEndian.AppendUint16(b, uint16(len(fields)))
		for _, f := range fields {
			b = binary.BigEndian.AppendUint16(b, f.tag)
			b = binary.BigEndian.AppendUint16(b, f.kind)
			b = binary.BigEndian.AppendUint32(b, 1)
			b = binary.BigEndian.AppendUint32(b, f.value)
		}
		link = len(b)
		b = append(b, 0, 0, 0, 0)
	}
	return b
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

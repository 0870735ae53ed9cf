package formats

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"io"
)

// Fields of a directory, and their values, that packing by JPEG needs (TIFF 6.0 and its Technical Note 2).
const (
	tiffWidth, tiffHeight       = 256, 257
	tiffCompression             = 259
	tiffPhotometric             = 262
	tiffStrips, tiffStripSizes  = 273, 279
	tiffRowsPerStrip            = 278
	tiffTileWidth, tiffTileRows = 322, 323
	tiffTiles, tiffTileSizes    = 324, 325
	tiffTables                  = 347

	packedByJPEG    = 7
	photometricRGB  = 2
	mostTIFFNumbers = 1 << 16 // strips or tiles of a page
	mostTIFFTables  = 1 << 16 // bytes; they are put before each of the pieces
)

// tiffJPEG is a page in strips or tiles that are JPEGs each, which the decoder of TIFF does not know. They leave out the tables that
// they have in common.
type tiffJPEG struct {
	file           tiffFile
	size           image.Point // of the page, in pixels
	piece          image.Point // size of a strip or tile
	offsets, sizes []uint32    // of the pieces in the file, by rows
	tables         []byte      // a JPEG of tables alone, or nothing
	rgb            bool        // the channels are red, green and blue, which a JPEG does not say of itself
}

var errTIFFPieces = errors.New("the TIFF's strips or tiles do not make up its page")

// jpegPage returns the page at that directory if it is packed by JPEG.
func (t tiffFile) jpegPage(p tiffPage) (kind pictureKind, packed bool) {
	if p.field(t, tiffCompression, 0) != packedByJPEG {
		return kind, false
	}
	return pictureKind{
		config: func(io.Reader) (image.Config, error) {
			return image.Config{Width: p.field(t, tiffWidth, 0), Height: p.field(t, tiffHeight, 0)}, nil
		},
		decode: func(io.Reader) (image.Image, error) {
			return t.jpegPieces(p).decode()
		},
	}, true
}

func (t tiffFile) jpegPieces(p tiffPage) tiffJPEG {
	j := tiffJPEG{file: t, size: image.Pt(p.field(t, tiffWidth, 0), p.field(t, tiffHeight, 0)), tables: p.bytes(t, tiffTables),
		rgb: p.field(t, tiffPhotometric, 0) == photometricRGB}
	if j.offsets = p.numbers(t, tiffTiles); j.offsets != nil {
		j.sizes = p.numbers(t, tiffTileSizes)
		j.piece = image.Pt(p.field(t, tiffTileWidth, 0), p.field(t, tiffTileRows, 0))
		return j
	}
	j.offsets, j.sizes = p.numbers(t, tiffStrips), p.numbers(t, tiffStripSizes)
	j.piece = image.Pt(j.size.X, min(p.field(t, tiffRowsPerStrip, j.size.Y), j.size.Y))
	return j
}

// decode puts the pieces together. The page's size has been looked at before; a piece may not be larger than it is said to be, and
// those at the edges may not be much larger than the page.
func (j tiffJPEG) decode() (image.Image, error) {
	const mostBeyond = 4096 // pixels of a tile beyond an edge
	if j.piece.X <= 0 || j.piece.Y <= 0 || j.piece.X > j.size.X+mostBeyond || j.piece.Y > j.size.Y+mostBeyond {
		return nil, errTIFFPieces
	}
	across, down := (j.size.X+j.piece.X-1)/j.piece.X, (j.size.Y+j.piece.Y-1)/j.piece.Y
	if len(j.offsets) < across*down || len(j.sizes) < across*down {
		return nil, errTIFFPieces
	}
	whole := image.NewRGBA(image.Rectangle{Max: j.size})
	for i := range across * down {
		seen, err := j.decodePiece(i)
		if err != nil {
			return nil, err
		}
		at := image.Pt(i%across*j.piece.X, i/across*j.piece.Y)
		draw.Draw(whole, image.Rectangle{Min: at, Max: at.Add(seen.Bounds().Size())}, seen, seen.Bounds().Min, draw.Src)
	}
	return whole, nil
}

func (j tiffJPEG) decodePiece(i int) (image.Image, error) {
	data := j.file.at(j.offsets[i], int(j.sizes[i]))
	if len(data) < 2 {
		return nil, errTIFFPieces
	}
	if len(j.tables) > 4 { // without the end of the one and the start of the other
		data = append(bytes.Clone(j.tables[:len(j.tables)-2]), data[2:]...)
	}
	config, err := jpeg.DecodeConfig(bytes.NewReader(data))
	switch {
	case err != nil:
		return nil, err
	case config.Width > j.piece.X || config.Height > j.piece.Y:
		return nil, errTIFFPieces
	}
	seen, err := jpeg.Decode(bytes.NewReader(data))
	if planes, ok := seen.(*image.YCbCr); ok && j.rgb {
		return rgbPlanes{planes}, err
	}
	return seen, err
}

// rgbPlanes is a picture whose planes were taken for brightness and two colours, and are red, green and blue.
type rgbPlanes struct{ planes *image.YCbCr }

func (p rgbPlanes) Bounds() image.Rectangle { return p.planes.Rect }

func (p rgbPlanes) ColorModel() color.Model { return color.RGBAModel }

func (p rgbPlanes) At(x, y int) color.Color {
	c := p.planes.YCbCrAt(x, y)
	return color.RGBA{R: c.Y, G: c.Cb, B: c.Cr, A: 0xff}
}

// bytes returns a field of bytes that does not fit into the directory; nothing if it is too long or outside the file.
func (p tiffPage) bytes(t tiffFile, tag uint16) []byte {
	f := p.find(t, tag)
	if f == nil || t.order.Uint32(f[4:]) > mostTIFFTables {
		return nil
	}
	return t.at(t.order.Uint32(f[8:]), int(t.order.Uint32(f[4:])))
}

// field returns the first number of a field, or that one if there is none.
func (p tiffPage) field(t tiffFile, tag uint16, otherwise int) int {
	if n := p.numbers(t, tag); len(n) > 0 {
		return int(n[0])
	}
	return otherwise
}

// numbers returns a field of 16 or 32 bits a number; nothing if it is another, too long or outside the file.
func (p tiffPage) numbers(t tiffFile, tag uint16) []uint32 {
	const short, long = 3, 4
	f := p.find(t, tag)
	if f == nil {
		return nil
	}
	count, size := int(t.order.Uint32(f[4:])), 0
	switch t.order.Uint16(f[2:]) {
	case short:
		size = 2
	case long:
		size = 4
	}
	if size == 0 || count > mostTIFFNumbers {
		return nil
	}
	data := f[8:12]
	if count*size > len(data) {
		data = t.at(t.order.Uint32(data), count*size)
	}
	if len(data) < count*size {
		return nil
	}
	numbers := make([]uint32, count)
	for i := range numbers {
		if size == 2 {
			numbers[i] = uint32(t.order.Uint16(data[2*i:]))
		} else {
			numbers[i] = t.order.Uint32(data[4*i:])
		}
	}
	return numbers
}

// find returns the 12 bytes of a field: number, type, count, and the value or its offset.
func (p tiffPage) find(t tiffFile, tag uint16) []byte {
	for fields := p.fields; len(fields) >= tiffField; fields = fields[tiffField:] {
		if t.order.Uint16(fields) == tag {
			return fields[:tiffField]
		}
	}
	return nil
}

// at returns so many bytes of the file, or nothing if it has not that many there.
func (t tiffFile) at(offset uint32, length int) []byte {
	if length < 0 || int64(offset)+int64(length) > int64(len(t.data)) {
		return nil
	}
	return t.data[offset:][:length]
}

package formats

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/bmp"
	"golang.org/x/image/webp"

	"github.com/docuvault/docuvault/ports"
)

// pictureKind decodes one kind of picture. Config says how large it is without decoding it.
type pictureKind struct {
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

// pictures are the kinds of one picture a file. Of a moving one, the first is read.
var pictures = map[string]pictureKind{
	"image/png":  {png.DecodeConfig, png.Decode},
	"image/jpeg": {jpeg.DecodeConfig, jpeg.Decode},
	"image/gif":  {gif.DecodeConfig, gif.Decode},
	"image/bmp":  {bmp.DecodeConfig, bmp.Decode},
	"image/webp": {webp.DecodeConfig, webp.Decode},
}

// read reads the text in a picture, and makes its thumbnail.
func (k pictureKind) read(r *Reader, data []byte, out *page) error {
	seen, err := k.open(r, data)
	if err != nil {
		return err
	}
	return r.picture(seen, out)
}

// picture shows a page that is a picture, and reads the text in it.
func (r *Reader) picture(seen *image.RGBA, out *page) error {
	out.show(seen)
	text, err := r.scan(gray(seen), 0, out)
	if err != nil {
		return err
	}
	return out.addScan(text)
}

// open decodes a picture, upright and no larger than is needed.
func (k pictureKind) open(r *Reader, data []byte) (*image.RGBA, error) {
	return r.decode(k, bytes.NewReader(data), exifOrientation(data))
}

func (r *Reader) decode(k pictureKind, data io.ReadSeeker, orientation int) (*image.RGBA, error) {
	config, err := k.config(data)
	switch {
	case err != nil:
		return nil, corrupt("the file is damaged: its picture cannot be read", err)
	case config.Width <= 0 || config.Height <= 0:
		return nil, corrupt("the picture has no pixels", nil)
	case config.Width > r.limits.MaxPixels/config.Height:
		return nil, unreadable(ports.ReasonTooComplex, "the picture has %d by %d pixels, more than %d in all", config.Width, config.Height, r.limits.MaxPixels)
	}
	if _, err := data.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	decoded, err := k.decode(data)
	if err != nil {
		return nil, corrupt("the file is damaged: its picture cannot be read", err)
	}
	// A decoder may find the picture to have another size than its head says.
	if b := decoded.Bounds(); b.Dx() <= 0 || b.Dy() <= 0 || b.Dx() > r.limits.MaxPixels/b.Dy() {
		return nil, corrupt("the picture has not the size that it claims", nil)
	}
	most := mostScan
	if r.setup.NoOCR {
		most = ports.ThumbnailSize
	}
	w, h := fit(decoded.Bounds().Dx(), decoded.Bounds().Dy(), most)
	return upright(shrink(decoded, w, h), orientation), nil
}

// show makes the document's thumbnail, once, of what stands for all of it: not of the files inside.
func (p *page) show(picture image.Image) {
	if p.nesting == 0 && p.thumbnail == nil {
		p.thumbnail = thumbnail(picture)
	}
}

// exifOrientation looks for the orientation in which the camera was held, where JPEG, PNG and WebP keep it (Exif 2.32, 4.6.4). Without
// one it is 1.
func exifOrientation(data []byte) int {
	var exif []byte
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xd8")):
		exif = jpegExif(data)
	case bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")):
		exif = chunk(data[8:], "eXIf", binary.BigEndian, 4, 4)
	case bytes.HasPrefix(data, []byte("RIFF")) && len(data) > 12:
		exif = chunk(data[12:], "EXIF", binary.LittleEndian, 0, 0)
		exif = bytes.TrimPrefix(exif, []byte("Exif\x00\x00"))
	}
	t, err := openTIFF(exif)
	if err != nil {
		return 1
	}
	directory, _, err := t.directory(t.first)
	if err != nil {
		return 1
	}
	return directory.orientation
}

// jpegExif returns the Exif segment of a JPEG: it comes before the picture.
func jpegExif(data []byte) []byte {
	const exif, scan = 0xe1, 0xda
	for data = data[2:]; len(data) >= 4 && data[0] == 0xff && data[1] != scan; {
		length := int(binary.BigEndian.Uint16(data[2:]))
		if length < 2 || 2+length > len(data) {
			return nil
		}
		body := data[4 : 2+length]
		if data[1] == exif && bytes.HasPrefix(body, []byte("Exif\x00\x00")) {
			return body[6:]
		}
		data = data[2+length:]
	}
	return nil
}

// chunk returns the data of the first chunk of that name, in files that are chunks with a name and a length. PNG has the length first
// and a checksum of 4 bytes behind the data; RIFF has the name first and even lengths.
func chunk(data []byte, name string, order binary.ByteOrder, nameAt, behind int) []byte {
	for len(data) >= 8 {
		length := int(order.Uint32(data[4-nameAt:]))
		found := string(data[nameAt:nameAt+4]) == name
		data = data[8:]
		if length > len(data) {
			return nil
		}
		if found {
			return data[:length]
		}
		if behind == 0 {
			length += length & 1
		}
		data = data[min(length+behind, len(data)):]
	}
	return nil
}

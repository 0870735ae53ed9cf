package formats

import (
	"bytes"
	"image"
	"image/draw"
	"image/jpeg"

	"github.com/docuvault/docuvault/ports"
)

// fit returns the largest size with the proportions of width and height that has no side longer than most, at least a pixel
// each way, and is no larger than it was.
func fit(width, height, most int) (w, h int) {
	if longest := max(width, height); longest > most {
		width, height = width*most/longest, height*most/longest
	}
	return max(width, 1), max(height, 1)
}

// shrink scales a picture down to w by h pixels, no larger than it was, on white where it is transparent. Each pixel is the mean of
// those that it stands for. It needs memory for the result and a few rows, whatever the picture's colours are.
func shrink(src image.Image, w, h int) *image.RGBA {
	b := src.Bounds()
	width, height := b.Dx(), b.Dy()
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	paint := func(dst *image.RGBA, rows image.Rectangle, top int) {
		draw.Draw(dst, rows, src, image.Pt(b.Min.X, b.Min.Y+top), draw.Src)
	}
	o, ok := src.(interface{ Opaque() bool })
	opaque := ok && o.Opaque()
	if !opaque {
		paint = func(dst *image.RGBA, rows image.Rectangle, top int) {
			draw.Draw(dst, rows, image.White, image.Point{}, draw.Src)
			draw.Draw(dst, rows, src, image.Pt(b.Min.X, b.Min.Y+top), draw.Over)
		}
	}
	if w == width && h == height {
		paint(dst, dst.Rect, 0)
		return dst
	}
	edges := make([]int, w+1) // of the columns that become one, in bytes
	for x := range edges {
		edges[x] = 4 * (width * x / w)
	}
	// rows are some of the picture's, and how many bytes there are from one to the next.
	var rows func(top, bottom int) ([]byte, int)
	if direct, ok := src.(*image.RGBA); ok && opaque {
		rows = func(top, _ int) ([]byte, int) {
			return direct.Pix[direct.PixOffset(b.Min.X, b.Min.Y+top):], direct.Stride
		}
	} else {
		band := image.NewRGBA(image.Rect(0, 0, width, (height+h-1)/h))
		rows = func(top, bottom int) ([]byte, int) {
			paint(band, image.Rect(0, 0, width, bottom-top), top)
			return band.Pix, band.Stride
		}
	}
	sums := make([]uint32, 3*w)
	for y := range h {
		top, bottom := height*y/h, height*(y+1)/h
		pixels, stride := rows(top, bottom)
		clear(sums)
		for row := range bottom - top {
			line := pixels[row*stride:]
			for x := range w {
				var red, green, blue uint32
				for run := line[edges[x]:edges[x+1]]; len(run) >= 4; run = run[4:] {
					red, green, blue = red+uint32(run[0]), green+uint32(run[1]), blue+uint32(run[2])
				}
				sums[3*x], sums[3*x+1], sums[3*x+2] = sums[3*x]+red, sums[3*x+1]+green, sums[3*x+2]+blue
			}
		}
		out := dst.Pix[y*dst.Stride:]
		for x := range w {
			n := uint32((edges[x+1] - edges[x]) / 4 * (bottom - top))
			out[4*x], out[4*x+1], out[4*x+2], out[4*x+3] = uint8(sums[3*x]/n), uint8(sums[3*x+1]/n), uint8(sums[3*x+2]/n), 0xff
		}
	}
	return dst
}

// gray is a picture's luminance.
func gray(src *image.RGBA) *image.Gray {
	dst := image.NewGray(src.Rect)
	for i := range dst.Pix {
		p := src.Pix[4*i : 4*i+3 : 4*i+3]
		dst.Pix[i] = uint8((299*uint32(p[0]) + 587*uint32(p[1]) + 114*uint32(p[2])) / 1000)
	}
	return dst
}

// upright undoes the orientation in which a camera or scanner held a picture, as Exif and TIFF number it (TIFF 6.0, tag 274):
// 1 is upright, and so is what is no orientation.
func upright(src *image.RGBA, orientation int) *image.RGBA {
	if orientation < 2 || orientation > 8 {
		return src
	}
	w, h := src.Rect.Dx(), src.Rect.Dy()
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	if orientation >= 5 { // the rows are columns
		dst = image.NewRGBA(image.Rect(0, 0, h, w))
	}
	for y := range dst.Rect.Dy() {
		for x := range dst.Rect.Dx() {
			sx, sy := x, y
			switch orientation {
			case 2:
				sx = w - 1 - x
			case 3:
				sx, sy = w-1-x, h-1-y
			case 4:
				sy = h - 1 - y
			case 5:
				sx, sy = y, x
			case 6:
				sx, sy = y, h-1-x
			case 7:
				sx, sy = w-1-y, h-1-x
			case 8:
				sx, sy = w-1-y, x
			}
			copy(dst.Pix[dst.PixOffset(x, y):][:4], src.Pix[src.PixOffset(sx, sy):])
		}
	}
	return dst
}

// turned is a page turned clockwise by that many quarters of a circle.
func turned(src *image.Gray, quarters int) *image.Gray {
	for range quarters {
		w, h := src.Rect.Dx(), src.Rect.Dy()
		dst := image.NewGray(image.Rect(0, 0, h, w))
		for y := range h {
			for x, p := range src.Pix[y*src.Stride:][:w] {
				dst.Pix[x*dst.Stride+h-1-y] = p
			}
		}
		src = dst
	}
	return src
}

// halved is a page at half its resolution.
func halved(src *image.Gray) *image.Gray {
	w, h := max(src.Rect.Dx()/2, 1), max(src.Rect.Dy()/2, 1)
	return gray(shrink(src, w, h))
}

// thumbnail is the picture as the port promises it.
func thumbnail(src image.Image) []byte {
	w, h := fit(src.Bounds().Dx(), src.Bounds().Dy(), ports.ThumbnailSize)
	var b bytes.Buffer
	const quality = 80
	if err := jpeg.Encode(&b, shrink(src, w, h), &jpeg.Options{Quality: quality}); err != nil {
		return nil // memory takes what it is given; the sizes are right
	}
	return b.Bytes()
}

// isBlank reports whether a page shows nothing: all of it has about the same brightness.
func isBlank(page *image.Gray) bool {
	const noise = 32
	darkest, brightest := uint8(0xff), uint8(0)
	for _, p := range page.Pix {
		darkest, brightest = min(darkest, p), max(brightest, p)
	}
	return brightest < darkest || brightest-darkest < noise
}

package formatstest

import (
	"image"
	"image/color"
	"image/draw"
	"strings"

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

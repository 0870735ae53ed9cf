package formats

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"testing"
)

func TestShrinkIsTheMean(t *testing.T) {
	t.Parallel()
	src := image.NewNRGBA(image.Rect(3, 5, 3+5, 5+4)) // transparent, but for one column
	for y := 5; y < 9; y++ {
		src.SetNRGBA(7, y, color.NRGBA{R: 100, A: 255})
	}
	got := shrink(src, 2, 1)
	// The first pixel stands for columns 3 and 4, the second for 5, 6 and 7.
	for x, want := range []color.RGBA{{255, 255, 255, 255}, {203, 170, 170, 255}} {
		if c := got.RGBAAt(x, 0); c != want {
			t.Errorf("pixel %d is %v, want %v", x, c, want)
		}
	}
	for _, same := range []image.Image{src, got} {
		size := same.Bounds().Size()
		if c := shrink(same, size.X, size.Y).RGBAAt(0, 0); c != (color.RGBA{255, 255, 255, 255}) {
			t.Errorf("at its own size, the first pixel is %v", c)
		}
	}
}

// A picture that is read where it lies shrinks as one that is painted first.
func TestShrinkIsTheSameForEveryKindOfPicture(t *testing.T) {
	t.Parallel()
	whole := image.NewRGBA(image.Rect(0, 0, 40, 30))
	for i := range whole.Pix {
		whole.Pix[i] = uint8(i * i >> 2)
		if i%4 == 3 {
			whole.Pix[i] = 0xff
		}
	}
	part := whole.SubImage(image.Rect(3, 5, 40, 28))
	painted := image.NewNRGBA(part.Bounds())
	draw.Draw(painted, painted.Rect, part, part.Bounds().Min, draw.Src)
	for _, size := range []image.Point{{1, 1}, {7, 5}, {36, 22}, {37, 23}} {
		if a, b := shrink(part, size.X, size.Y), shrink(painted, size.X, size.Y); !bytes.Equal(a.Pix, b.Pix) {
			t.Errorf("to %v: the two are not the same", size)
		}
	}
}

func TestUprightUndoesEveryOrientation(t *testing.T) {
	t.Parallel()
	want := image.NewRGBA(image.Rect(0, 0, 3, 2))
	for i := range 6 {
		want.Pix[4*i] = byte(i)
	}
	// How the camera stores the picture: where pixel (x, y) of the upright one lands (Exif 2.32, 4.6.4, the figure to the tag).
	for orientation, place := range map[int]func(x, y int) (int, int){
		1: func(x, y int) (int, int) { return x, y },
		2: func(x, y int) (int, int) { return 2 - x, y },
		3: func(x, y int) (int, int) { return 2 - x, 1 - y },
		4: func(x, y int) (int, int) { return x, 1 - y },
		5: func(x, y int) (int, int) { return y, x },
		6: func(x, y int) (int, int) { return y, 2 - x },
		7: func(x, y int) (int, int) { return 1 - y, 2 - x },
		8: func(x, y int) (int, int) { return 1 - y, x },
	} {
		stored := image.NewRGBA(image.Rect(0, 0, 3, 2))
		if orientation >= 5 {
			stored = image.NewRGBA(image.Rect(0, 0, 2, 3))
		}
		for y := range 2 {
			for x := range 3 {
				sx, sy := place(x, y)
				stored.SetRGBA(sx, sy, want.RGBAAt(x, y))
			}
		}
		if got := upright(stored, orientation); got.Rect != want.Rect || string(got.Pix) != string(want.Pix) {
			t.Errorf("orientation %d: %v %v", orientation, got.Rect, got.Pix)
		}
	}
}

func TestFitKeepsProportions(t *testing.T) {
	t.Parallel()
	for _, c := range [][5]int{{1000, 500, 512, 512, 256}, {10, 20, 512, 10, 20}, {100_000, 1, 512, 512, 1}, {512, 512, 512, 512, 512}} {
		if w, h := fit(c[0], c[1], c[2]); w != c[3] || h != c[4] {
			t.Errorf("%d by %d becomes %d by %d", c[0], c[1], w, h)
		}
	}
}

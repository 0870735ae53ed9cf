package formats

import (
	"image"

	"github.com/klippa-app/go-pdfium/enums"
	"github.com/klippa-app/go-pdfium/requests"

	"github.com/docuvault/docuvault/ports"
)

// someOfPage is the part of a page that pictures have to cover for it to be taken for a picture although it has a few letters.
const someOfPage = 0.25

// maxObjects is how many objects of a page are looked at for a picture.
const maxObjects = 200

// scan reads a page that is a picture. Text is what its layer has.
func (p *pdfReader) scan(page requests.Page, text string) (string, error) {
	written := letters(text)
	if p.setup.NoOCR || written >= fewLetters {
		return "", nil
	}
	size, ok := p.size(page)
	if !ok || written > 0 && !p.hasPicture(page, size) {
		return "", nil
	}
	if p.out.scans <= 0 { // it is not worth painting
		p.out.omitted = true
		return "", nil
	}
	const points = 72
	var found string
	var err error
	p.paint(page, size, scanPixels, requests.RenderImageFormatGrayscale, func(seen image.Image, pixelsPerPoint float64) {
		picture, ok := seen.(*image.Gray)
		if ok {
			found, err = p.Reader.scan(picture, resolution(pixelsPerPoint*points), p.out)
		}
	})
	return found, err
}

// scanPixels is the longer side of a page painted to be read: an A4 page then has about 260 pixels per inch.
const scanPixels = 3000

// resolution is pixels per inch if that is plausible: a page of a few points or of a kilometre says nothing about its letters.
func resolution(perInch float64) int {
	if perInch < 70 || perInch > 1200 {
		return 0
	}
	return int(perInch)
}

// pageSize is the size of a page in points, as it is shown.
type pageSize struct{ width, height float64 }

func (p *pdfReader) size(page requests.Page) (pageSize, bool) {
	width, err := p.instance.FPDF_GetPageWidth(&requests.FPDF_GetPageWidth{Page: page})
	if err != nil {
		return pageSize{}, false
	}
	height, err := p.instance.FPDF_GetPageHeight(&requests.FPDF_GetPageHeight{Page: page})
	if err != nil {
		return pageSize{}, false
	}
	s := pageSize{width.Width, height.Height}
	return s, s.width > 0 && s.height > 0
}

// hasPicture reports whether a picture, or a form that may hold one, covers some part of the page.
func (p *pdfReader) hasPicture(page requests.Page, size pageSize) bool {
	counted, err := p.instance.FPDFPage_CountObjects(&requests.FPDFPage_CountObjects{Page: page})
	if err != nil {
		return false
	}
	covered := 0.0
	for i := range min(counted.Count, maxObjects) {
		got, err := p.instance.FPDFPage_GetObject(&requests.FPDFPage_GetObject{Page: page, Index: i})
		if err != nil {
			continue
		}
		kind, err := p.instance.FPDFPageObj_GetType(&requests.FPDFPageObj_GetType{PageObject: got.PageObject})
		if err != nil || kind.Type != enums.FPDF_PAGEOBJ_IMAGE && kind.Type != enums.FPDF_PAGEOBJ_FORM {
			continue
		}
		box, err := p.instance.FPDFPageObj_GetBounds(&requests.FPDFPageObj_GetBounds{PageObject: got.PageObject})
		if err == nil {
			covered += float64(box.Right-box.Left) * float64(box.Top-box.Bottom)
		}
	}
	return covered >= someOfPage*size.width*size.height
}

// show makes the thumbnail. A page that cannot be painted has none.
func (p *pdfReader) show(page requests.Page) {
	if p.out.nesting > 0 {
		return
	}
	if size, ok := p.size(page); ok {
		p.paint(page, size, ports.ThumbnailSize, requests.RenderImageFormatRGBA, func(seen image.Image, _ float64) { p.out.show(seen) })
	}
}

// paint paints a page so that its longer side has that many pixels, whatever size it claims to have, and hands the picture to use,
// which may not keep it. A page that cannot be painted is not.
func (p *pdfReader) paint(page requests.Page, size pageSize, most int, format requests.RenderImageFormat, use func(image.Image, float64)) {
	scale := float64(most) / max(size.width, size.height)
	painted, err := p.instance.RenderPageInPixels(&requests.RenderPageInPixels{
		Page: page, Width: max(int(size.width*scale), 1), Height: max(int(size.height*scale), 1),
		RenderFlags: enums.FPDF_RENDER_FLAG_ANNOT, ImageFormat: format,
	})
	if err != nil {
		return
	}
	defer painted.Cleanup()
	use(painted.Result.RenderedImage, scale)
}

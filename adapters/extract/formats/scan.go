package formats

import (
	"context"
	"errors"
	"image"
	"strings"

	xdraw "golang.org/x/image/draw"

	"github.com/docuvault/docuvault/adapters/extract/ocr"
	"github.com/docuvault/docuvault/ports"
)

// scanner is the engine that reads pictures of pages, loaded for the first of them. Every document gets an instance of its own.
type scanner struct {
	engine   *ocr.Engine
	instance *ocr.Instance // of the present document
}

func (s *scanner) load(setup Setup) (err error) {
	if s.engine == nil {
		s.engine, err = ocr.Load(context.Background(), setup.Languages, setup.cache())
	}
	return err
}

// forget ends the document's instance.
func (s *scanner) forget() error {
	if s.instance == nil {
		return nil
	}
	err := s.instance.Close()
	s.instance = nil
	return err
}

func (s *scanner) close() error {
	err := s.forget()
	if s.engine != nil {
		err = errors.Join(err, s.engine.Close(context.Background()))
		s.engine = nil
	}
	return err
}

// MaxScanSide is the longer side of the largest picture that is read, in pixels.
const MaxScanSide = 3600

// The sizes of pages between which reading works well, in pixels of the longer side. An A4 page at 300 pixels per inch has 3,508.
const (
	mostScan  = MaxScanSide
	leastScan = 1200 // smaller ones are doubled: letters of a screen are too small
	tinyScan  = 24   // of the shorter side; smaller ones are ornaments
)

// What the engine's confidence means, in per cent.
const (
	sureOfText = 60 // an upright page of text has more
	isNoText   = 30 // the lines and shadows of photographs have less
	muchSurer  = 10 // by which another way up must be better
)

// scan reads the text in the picture of a page at that resolution in pixels per inch, 0 if it is not known. A page that reads badly
// is tried lying on its sides and on its head too, and read the way up that reads best.
func (r *Reader) scan(picture *image.Gray, resolution int, out *page) (string, error) {
	if r.setup.NoOCR || min(picture.Rect.Dx(), picture.Rect.Dy()) < tinyScan || isBlank(picture) {
		return "", nil
	}
	if out.scans <= 0 {
		out.omitted = true
		return "", nil
	}
	out.scans--
	if max(picture.Rect.Dx(), picture.Rect.Dy()) < leastScan {
		doubled := image.NewGray(image.Rect(0, 0, 2*picture.Rect.Dx(), 2*picture.Rect.Dy()))
		xdraw.BiLinear.Scale(doubled, doubled.Rect, picture, picture.Rect, xdraw.Src, nil)
		picture, resolution = doubled, 2*resolution
	}
	best, err := r.recognize(picture, resolution)
	if err != nil || best.Confidence >= sureOfText {
		return best.Text, err
	}
	small, way, confidence := halved(picture), 0, best.Confidence+muchSurer
	for quarters := 1; quarters < 4; quarters++ {
		tried, err := r.recognize(turned(small, quarters), resolution/2)
		if err != nil {
			return "", err
		}
		if tried.Confidence > confidence && strings.TrimSpace(tried.Text) != "" {
			way, confidence = quarters, tried.Confidence
		}
	}
	if way != 0 {
		if best, err = r.recognize(turned(picture, way), resolution); err != nil {
			return "", err
		}
	}
	if best.Confidence < isNoText {
		return "", nil
	}
	return best.Text, nil
}

func (r *Reader) recognize(picture *image.Gray, resolution int) (ocr.Result, error) {
	if r.setup.Native {
		result, err := r.Look(picture, resolution)
		return result, pictureError(err)
	}
	if r.Alive != nil {
		r.Alive()
	}
	if err := r.scanner.load(r.setup); err != nil {
		return ocr.Result{}, err // our fault, not the document's
	}
	if r.scanner.instance == nil {
		instance, err := r.scanner.engine.Open(context.Background())
		if err != nil {
			return ocr.Result{}, err
		}
		r.scanner.instance = instance
	}
	result, err := r.scanner.instance.Read(picture, resolution)
	if err != nil {
		err = errors.Join(pictureError(err), r.scanner.forget()) // the instance is gone, and nothing of it is left
	}
	return result, err
}

// pictureError is what an engine's error means for the document.
func pictureError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ocr.ErrMemory):
		return unreadable(ports.ReasonTooComplex, "reading the picture takes too much memory")
	default:
		return corrupt("the picture cannot be read", err)
	}
}

// addScan adds what was read from a picture, on lines of its own.
func (p *page) addScan(text string) error {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil
	}
	p.breakLine()
	return p.write(text)
}

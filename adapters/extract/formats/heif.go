package formats

import (
	"bytes"
	"context"
	"errors"
	"image"
	"io"

	"github.com/docuvault/docuvault/adapters/extract/heif"
	"github.com/docuvault/docuvault/ports"
)

const (
	typeHEIC = "image/heic"
	typeHEIF = "image/heif"
)

// heifEngine is libheif, loaded for the first picture that needs it.
type heifEngine struct{ *heif.Engine }

func (e *heifEngine) load(cacheDir string) (err error) {
	if e.Engine == nil {
		e.Engine, err = heif.Load(context.Background(), cacheDir)
	}
	return err
}

func (e *heifEngine) close() error {
	if e.Engine == nil {
		return nil
	}
	err := e.Close(context.Background())
	e.Engine = nil
	return err
}

// readHEIF reads the primary picture of a HEIC file. libheif itself turns it as the file says.
func readHEIF(r *Reader, data []byte, out *page) error {
	if err := r.heif.load(r.setup.cache()); err != nil {
		return err // our fault, not the document's
	}
	opened, err := r.heif.Open(context.Background(), data)
	if err != nil {
		return heifError(err)
	}
	kind := pictureKind{
		config: func(io.Reader) (image.Config, error) { return opened.Config() },
		decode: func(io.Reader) (image.Image, error) { return opened.Decode() },
	}
	const upright = 1
	seen, err := r.decode(kind, bytes.NewReader(data), upright)
	if err := errors.Join(heifError(err), opened.Close()); err != nil {
		return err
	}
	return r.picture(seen, out)
}

// heifError is what an error of the decoder's means for the document.
func heifError(err error) error {
	if errors.Is(err, heif.ErrMemory) {
		return unreadable(ports.ReasonTooComplex, "reading the picture takes too much memory")
	}
	return err
}

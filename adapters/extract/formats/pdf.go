package formats

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/docuvault/docuvault/adapters/extract/linear"
	"github.com/docuvault/docuvault/ports"
	"github.com/klippa-app/go-pdfium"
	pdferrors "github.com/klippa-app/go-pdfium/errors"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// pdfMemoryPages is the most memory that PDFium may have, in WebAssembly pages of 64 KiB: 512 MiB.
const pdfMemoryPages = 8192

// pdfEngine is PDFium in WebAssembly, loaded for the first PDF. Every document gets an instance of its own, so nothing of one
// is left in memory for the next.
type pdfEngine struct {
	pool   pdfium.Pool
	cache  wazero.CompilationCache
	memory *linear.Memory
}

func (e *pdfEngine) open(cacheDir string) error {
	if e.pool != nil {
		return nil
	}
	// Calls are not tied to a context on purpose: that slows everything down four to six times. The deadline is the process's.
	config := wazero.NewRuntimeConfig().
		WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesExceptionHandling).
		WithMemoryLimitPages(pdfMemoryPages)
	if cacheDir != "" {
		if cache, err := wazero.NewCompilationCacheWithDir(cacheDir); err == nil {
			if err := e.init(config.WithCompilationCache(cache)); err == nil {
				e.cache = cache
				return nil
			}
			// A cache that cannot be written to or read costs time, not documents.
			if err := cache.Close(context.Background()); err != nil {
				return fmt.Errorf("close the compilation cache: %w", err)
			}
		}
	}
	return e.init(config)
}

func (e *pdfEngine) init(config wazero.RuntimeConfig) error {
	if e.memory == nil {
		e.memory = new(linear.Memory)
	}
	pool, err := webassembly.Init(webassembly.Config{
		Context:       e.memory.In(context.Background()),
		MaxTotal:      1,
		RuntimeConfig: config,
		FSConfig:      wazero.NewFSConfig(), // sees no file; left out, it would see all
		RandomSource:  zeros{},              // same bytes, same text
		Stdout:        io.Discard,
		Stderr:        io.Discard,
	})
	if err != nil {
		return fmt.Errorf("load PDFium: %w", err)
	}
	e.pool = pool
	return nil
}

func (e *pdfEngine) close() error {
	var errs []error
	if e.pool != nil {
		errs = append(errs, e.pool.Close())
		e.pool = nil
	}
	if e.cache != nil {
		errs = append(errs, e.cache.Close(context.Background()))
		e.cache = nil
	}
	return errors.Join(errs...)
}

// zeros is a source of randomness without any.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// pdfReader reads one document.
type pdfReader struct {
	*Reader
	instance pdfium.Pdfium
	document references.FPDF_DOCUMENT
	out      *page
}

// readPDF reads the text layer, form fields and annotations of every page, and what is written on pages that are pictures.
func readPDF(r *Reader, data []byte, out *page) (err error) {
	if err := r.pdf.open(r.setup.cache()); err != nil {
		return err // our fault, not the document's
	}
	instance, err := r.pdf.pool.GetInstance(time.Minute)
	if err != nil {
		return fmt.Errorf("instantiate PDFium: %w", err)
	}
	defer func() {
		if closing := instance.Close(); closing != nil && err == nil {
			err = fmt.Errorf("close PDFium: %w", closing)
		}
	}()
	opened, err := instance.OpenDocument(&requests.OpenDocument{File: &data})
	switch {
	case errors.Is(err, pdferrors.ErrPassword), errors.Is(err, pdferrors.ErrSecurity):
		return unreadable(ports.ReasonEncrypted, "the PDF needs a password")
	case err != nil:
		return corrupt("the file is damaged or not a PDF", err)
	}
	counted, err := instance.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: opened.Document})
	if err != nil {
		return corrupt("the PDF's pages cannot be counted", err)
	}
	out.describe(pdfAbout(instance, opened.Document))
	p := pdfReader{Reader: r, instance: instance, document: opened.Document, out: out}
	failed := 0
	for i := range out.count(counted.PageCount) {
		out.beginPage()
		switch broken, err := p.page(i); {
		case err != nil:
			return err
		case broken:
			failed++ // a page that cannot be read leaves the others
		}
	}
	if failed > 0 && out.empty() {
		return corrupt("no page of the PDF can be read", nil)
	}
	return nil
}

// page reads one page, and reports whether it cannot be read.
func (p *pdfReader) page(index int) (broken bool, err error) {
	loaded, err := p.instance.FPDF_LoadPage(&requests.FPDF_LoadPage{Document: p.document, Index: index})
	if err != nil {
		return true, nil
	}
	defer func() {
		if _, closing := p.instance.FPDF_ClosePage(&requests.FPDF_ClosePage{Page: loaded.Page}); closing != nil {
			broken = true
		}
	}()
	page := requests.Page{ByReference: &loaded.Page}
	if index == 0 {
		p.show(page)
	}
	text, err := pdfText(p.instance, page)
	if err != nil {
		return true, nil
	}
	scanned, err := p.scan(page, text)
	if forgiven := p.out.forgive(err); forgiven != nil {
		return false, forgiven
	}
	if text != "" {
		if !p.out.empty() {
			text = "\n" + text
		}
		if err := p.out.write(text); err != nil {
			return false, err
		}
	}
	return false, p.out.addScan(scanned)
}

// pdfText reads the text layer of one page. Form fields and annotations only become text by being flattened into the page.
func pdfText(instance pdfium.Pdfium, page requests.Page) (text string, err error) {
	remarks, annotated := pdfRemarks(instance, page)
	if annotated {
		if _, err := instance.FPDFPage_Flatten(&requests.FPDFPage_Flatten{Page: page}); err != nil {
			return "", err
		}
	}
	layer, err := instance.FPDFText_LoadPage(&requests.FPDFText_LoadPage{Page: page})
	if err != nil {
		return "", err
	}
	defer func() {
		if _, closing := instance.FPDFText_ClosePage(&requests.FPDFText_ClosePage{TextPage: layer.TextPage}); closing != nil && err == nil {
			err = closing
		}
	}()
	counted, err := instance.FPDFText_CountChars(&requests.FPDFText_CountChars{TextPage: layer.TextPage})
	if err != nil || counted.Count <= 0 {
		return remarks, err
	}
	got, err := instance.FPDFText_GetText(&requests.FPDFText_GetText{TextPage: layer.TextPage, StartIndex: 0, Count: counted.Count})
	if err != nil {
		return "", err
	}
	if remarks != "" {
		return got.Text + "\n" + remarks, nil
	}
	return got.Text, nil
}

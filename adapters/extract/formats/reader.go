package formats

import (
	"errors"
	"fmt"
	"image"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docuvault/docuvault/adapters/extract/heif"
	"github.com/docuvault/docuvault/adapters/extract/ocr"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// Limits bound what one document may cost. Zero fields are the documented defaults.
type Limits struct {
	MaxText    int   // characters of text; 2,000,000
	MaxPages   int   // pages read of a document and of those inside it; 2,000
	MaxEntries int   // entries of an archive, and files read inside a document; 10,000
	MaxPart    int64 // inflated bytes of one archive entry; 64 MiB
	MaxInflate int64 // inflated bytes of all entries read from a document; 128 MiB
	MaxDepth   int   // nested elements of XML and groups of RTF; 256
	MaxNesting int   // files within files: an archive attached to a message in an archive; 4
	MaxScans   int   // pictures of pages read, of a document and of those inside it; 100
	MaxPixels  int   // pixels of one picture; 80,000,000
}

// WithDefaults fills the zero fields.
func (l Limits) WithDefaults() Limits {
	if l.MaxText <= 0 {
		l.MaxText = 2_000_000
	}
	if l.MaxPages <= 0 {
		l.MaxPages = 2_000
	}
	if l.MaxEntries <= 0 {
		l.MaxEntries = 10_000
	}
	if l.MaxPart <= 0 {
		l.MaxPart = 64 << 20
	}
	if l.MaxInflate <= 0 {
		l.MaxInflate = 128 << 20
	}
	if l.MaxDepth <= 0 {
		l.MaxDepth = 256
	}
	if l.MaxNesting <= 0 {
		l.MaxNesting = 4
	}
	if l.MaxScans <= 0 {
		l.MaxScans = 100
	}
	if l.MaxPixels <= 0 {
		l.MaxPixels = 80_000_000
	}
	return l
}

// Result is what was read from one document.
type Result struct {
	Text      string // valid UTF-8 in NFC, "\n" and "\t" its only control characters
	Truncated bool   // text or pages were left out because of a limit
	Pages     *int   // nil where the format has no pages; all of them, the ones left out included
	Starts    []int  // where in Text each page begins, in characters; nil where the format has no pages
	Thumbnail []byte // a JPEG of the first page; nil where there is none
	About
}

// format reads one kind of document into out. It returns errFull, passed on from out, or an Unreadable error.
type format func(r *Reader, data []byte, out *page) error

// table says which function reads which content type.
func table() map[string]format {
	all := map[string]format{
		"text/plain":                readText,
		"text/markdown":             readText,
		"text/csv":                  readText,
		"text/tab-separated-values": readText,
		"application/json":          readText,
		"application/x-ndjson":      readText,
		"text/calendar":             readText,
		"text/vcard":                readText,
		"application/xml":           readXML,
		"text/html":                 readHTML,
		"application/xhtml+xml":     readHTML,
		"application/rtf":           readRTF,
		typePDF:                     readPDF,
		"application/epub+zip":      readEPUB,
		"application/zip":           readZIP,
		"message/rfc822":            readMail,
		typeMSG:                     readMSG,
		typeDOCX:                    readDOCX,
		typeXLSX:                    readXLSX,
		typePPTX:                    readPPTX,
		odf + "text":                readODF,
		odf + "spreadsheet":         readODF,
		odf + "presentation":        readODF,
		"image/tiff":                readTIFF,
		typeHEIC:                    readHEIF,
		typeHEIF:                    readHEIF,
	}
	for contentType, kind := range pictures {
		all[contentType] = kind.read
	}
	return all
}

const (
	ooxml    = "application/vnd.openxmlformats-officedocument."
	typeDOCX = ooxml + "wordprocessingml.document"
	typeXLSX = ooxml + "spreadsheetml.sheet"
	typePPTX = ooxml + "presentationml.presentation"
	odf      = "application/vnd.oasis.opendocument."
	typeMSG  = "application/vnd.ms-outlook"
	typePDF  = "application/pdf"
)

// Engines are programs that are slow to load: a set of them.
type Engines uint8

// The engines there are.
const (
	PDFium Engines = 1 << iota
	Tesseract
	Libheif
)

// Has reports whether all of others are in the set.
func (e Engines) Has(others Engines) bool { return e&others == others }

// Needs returns the engines that a document of that type may need: a PDF, a picture, and whatever those come in.
func (s Setup) Needs(contentType string) Engines {
	var needs Engines
	switch {
	case contentType == typeHEIC, contentType == typeHEIF:
		needs = Libheif | Tesseract
	case strings.HasPrefix(contentType, "image/"), contentType == typeDOCX, contentType == typePPTX, contentType == odf+"text", contentType == odf+"presentation":
		needs = Tesseract
	case contentType == typePDF, contentType == typeMSG, contentType == "message/rfc822", contentType == "application/zip":
		needs = PDFium | Tesseract | Libheif
	}
	if s.NoOCR || s.Native {
		needs &^= Tesseract
	}
	return needs
}

// Setup is what a reader has beside its limits.
type Setup struct {
	CacheDir  string        // for compiled WebAssembly; empty means that every reader compiles what it needs
	Languages ocr.Languages // that are read in pictures
	NoOCR     bool          // pictures are not read
	Native    bool          // pictures are read by Reader.Look
}

// Engine names the compiled code in a cache: what the engines and the compiler were. The compiler's own check of its version does
// not work in every kind of build; a test holds this against go.mod.
const Engine = "go-pdfium-v1.21.4-" + ocr.Version + "-" + heif.Version + "-wazero-v1.12.0"

// cache is the folder of compiled code, or none.
func (s Setup) cache() string {
	if s.CacheDir == "" {
		return ""
	}
	return filepath.Join(s.CacheDir, Engine)
}

// Types lists the content types that can be read, sorted.
func Types() []string { return slices.Sorted(maps.Keys(table())) }

// Reader reads documents, one at a time. Its zero value is not usable.
type Reader struct {
	// Alive is called now and then while a document of many pictures is read, each of which may take seconds. It may be nil.
	Alive func()
	// Look reads the text in a picture instead of the engine inside, if Setup.Native says so. It may fail with ocr.ErrMemory.
	Look func(picture *image.Gray, resolution int) (ocr.Result, error)

	limits  Limits
	setup   Setup
	types   ports.TypeDetector
	log     *slog.Logger
	formats map[string]format
	pdf     pdfEngine
	scanner scanner
	heif    heifEngine
}

// New makes a reader. Nothing expensive is loaded before a document needs it. Types names the files inside others.
func New(limits Limits, setup Setup, types ports.TypeDetector, log *slog.Logger) *Reader {
	return &Reader{limits: limits.WithDefaults(), setup: setup, types: types, log: log, formats: table()}
}

// Close frees what reading has loaded.
func (r *Reader) Close() error { return errors.Join(r.pdf.close(), r.scanner.close(), r.heif.close()) }

// Warm loads engines, which fills the cache directory. It reads no document.
func (r *Reader) Warm(engines Engines) error {
	if engines.Has(PDFium) {
		if err := r.pdf.open(r.setup.cache()); err != nil {
			return err
		}
	}
	if engines.Has(Libheif) {
		if err := r.heif.load(r.setup.cache()); err != nil {
			return err
		}
	}
	if engines.Has(Tesseract) {
		return r.scanner.load(r.setup)
	}
	return nil
}

// Read returns the text of data, which is what contentType says or is found not to be. Errors are Unreadable with a reason; a
// parser that panics made a document Unreadable with the reason crashed, and the reader should not be used again.
func (r *Reader) Read(contentType string, data []byte) (result Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			// What a panic says may hold text of the document: its type must do.
			r.log.Error("parser panicked", "content_type", contentType, "panic_type", fmt.Sprintf("%T", p), "stack", stack())
			result, err = Result{}, unreadable(ports.ReasonCrashed, "the document made its parser crash")
		}
	}()
	read, ok := r.formats[contentType]
	if !ok {
		return Result{}, unreadable(ports.ReasonUnsupported, "no text can be read from documents of type %s", contentType)
	}
	out := newPage(r.limits)
	err = read(r, data, out)
	if forgetting := r.scanner.forget(); forgetting != nil {
		return Result{}, fmt.Errorf("end Tesseract's instance: %w", forgetting)
	}
	if err != nil && !errors.Is(err, errFull) {
		return Result{}, err
	}
	text, starts, cut := out.finish()
	about := out.about.clean()
	if about.Language == "" {
		about.Language = language(text)
	}
	return Result{Text: text, Truncated: cut || out.omitted, Pages: out.pages, Starts: starts, Thumbnail: out.thumbnail, About: about}, nil
}

func unreadable(reason, format string, args ...any) *domain.Error {
	return domain.Errorf(domain.Unreadable, format, args...).Because(reason)
}

func corrupt(what string, err error) error {
	e := unreadable(ports.ReasonCorrupt, "%s", what)
	e.Err = err
	return e
}

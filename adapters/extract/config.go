package extract

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/docuvault/docuvault/adapters/extract/formats"
	"github.com/docuvault/docuvault/adapters/extract/ocr"
)

// WorkerCommand is the hidden first argument that makes the program an extraction worker.
const WorkerCommand = "extract-worker"

// Config says how documents are read. The zero value is the documented default of each field.
type Config struct {
	// Command starts a child: program and arguments. Empty is this program with WorkerCommand.
	Command []string

	Children  int           // most children at a time; the number of processors
	Documents int           // documents a child reads before it is replaced; 256
	Idle      time.Duration // how long a child without work is kept; 30 s
	Timeout   time.Duration // wall time one document may take in its child, and again each picture of a page in it; 60 s

	CPU time.Duration // processor time one document may take, and again each picture of a page in it, in whole seconds, on Linux; Timeout

	// RequireSandbox refuses to read anything where a layer of the sandbox is missing. Left out, what is missing is logged.
	RequireSandbox bool

	// Soffice is LibreOffice's program, which is needed for Microsoft's old binary formats (doc, xls, ppt). Empty leaves them
	// unread. It is confined less than a child: see docs/extraction.md.
	Soffice string

	MaxInput int64 // bytes of one document; 100 MiB
	Memory   int64 // bytes a child may use beyond what an idle one does; 1 GiB

	// NoOCR leaves pictures unread: images, and pages of PDFs that are pictures. They still have thumbnails.
	NoOCR bool
	// Tesseract is the program of that name of the system, which then reads pictures instead of the WebAssembly inside this program:
	// a name on PATH, or a path. Its version decides the text. It is confined less than a child: see docs/extraction.md.
	Tesseract string
	// Languages are those that are read in pictures; English is built in.
	Languages ocr.Languages

	formats.Limits // of text, pages, pictures and archives, with the defaults documented there

	// CacheDir is a folder of the program's own for compiled WebAssembly, which is native code: it is made with mode 0700 and
	// written only by a child that reads no document. Empty is docuvault below the user's cache folder; "-" is none, which
	// makes the first PDF or picture of every child take seconds.
	CacheDir string
}

func (c Config) withDefaults() (Config, error) {
	if len(c.Command) == 0 {
		self, err := os.Executable()
		if err != nil {
			return c, fmt.Errorf("find this program: %w", err)
		}
		c.Command = []string{self, WorkerCommand}
	}
	if c.Children <= 0 {
		c.Children = runtime.NumCPU()
	}
	if c.Documents <= 0 {
		c.Documents = 256
	}
	if c.Idle <= 0 {
		c.Idle = 30 * time.Second
	}
	if c.Timeout <= 0 {
		c.Timeout = time.Minute
	}
	if c.CPU <= 0 {
		c.CPU = c.Timeout
	}
	if c.MaxInput <= 0 {
		c.MaxInput = 100 << 20
	}
	if c.Memory <= 0 {
		c.Memory = 1 << 30
	}
	if c.Soffice != "" && c.RequireSandbox && runtime.GOOS != "linux" {
		return c, errors.New("LibreOffice cannot be confined on this system, and the sandbox is required")
	}
	if err := c.checkOCR(); err != nil {
		return c, err
	}
	c.Limits = c.WithDefaults()
	switch c.CacheDir {
	case "":
		base, err := os.UserCacheDir()
		if err != nil {
			break // a service user without a home: no cache
		}
		c.CacheDir = filepath.Join(base, "docuvault", "wasm")
	case "-":
		c.CacheDir = ""
	}
	if c.CacheDir != "" {
		dir, err := privateDir(c.CacheDir)
		if err != nil {
			dir = ""
		}
		c.CacheDir = dir
	}
	return c, nil
}

// checkOCR finds what reads pictures. The native program's languages are looked for when it is tried.
func (c *Config) checkOCR() error {
	switch {
	case c.NoOCR:
		return nil
	case c.Tesseract == "":
		return c.Languages.Check()
	case c.RequireSandbox && runtime.GOOS != "linux":
		return errors.New("the native Tesseract cannot be confined on this system, and the sandbox is required")
	}
	path, err := exec.LookPath(c.Tesseract)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return fmt.Errorf("OCR_ENGINE=native needs Tesseract: install it (Debian's tesseract-ocr), or name it by TESSERACT_PATH: %w", err)
	}
	c.Tesseract = path
	return c.Languages.CheckNames()
}

func (c Config) setup() formats.Setup {
	return formats.Setup{CacheDir: c.CacheDir, Languages: c.Languages, NoOCR: c.NoOCR, Native: c.Tesseract != ""}
}

// privateDir makes a folder that nobody else can write to, or says why it cannot.
func privateDir(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a folder needs its x bit
		return "", err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return "", errors.New("not a folder")
	}
	return dir, nil
}

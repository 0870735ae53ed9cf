package ocr

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Version names the engine below, for those who keep its compiled code.
const Version = "tesseract-core-7.0.0"

// The engine and the English data; data/NOTICE says where they are from and data/SHA256SUMS what they are. The engine's imports and
// exports have names that its linker made up, so host.go and engine.go are for these bytes alone.
var (
	//go:embed data/tesseract.wasm
	program []byte
	//go:embed data/eng.traineddata
	english []byte
)

// builtIn is the language that needs no file.
const builtIn = "eng"

// maxData is the largest file of a language: tessdata_best's are up to some 30 MB.
const maxData = 64 << 20

// language is what Tesseract calls one, such as eng, deu, chi_sim or script/Latin without the folder.
var language = regexp.MustCompile(`^[A-Za-z][A-Za-z_]{1,30}$`)

// Languages says which languages are read and where their data is.
type Languages struct {
	// Names are Tesseract's names joined by "+", such as "eng+deu", the likeliest first. Empty is English.
	Names string
	// Dir holds a file NAME.traineddata for each of them; what tessdata_fast, tessdata or tessdata_best have is fine. English
	// is built in where there is no such file.
	Dir string
}

func (l Languages) names() []string { return strings.Split(l.String(), "+") }

// String is Names, or the default.
func (l Languages) String() string {
	if l.Names == "" {
		return builtIn
	}
	return l.Names
}

// CheckNames reports what is no language's name.
func (l Languages) CheckNames() error {
	for _, name := range l.names() {
		if !language.MatchString(name) {
			return fmt.Errorf("%q is not a language's name for OCR", name)
		}
	}
	return nil
}

// Check reports a language that has no data here.
func (l Languages) Check() error {
	if err := l.CheckNames(); err != nil {
		return err
	}
	for _, name := range l.names() {
		info, err := os.Stat(l.file(name))
		switch {
		case l.Dir == "" && name == builtIn, errors.Is(err, os.ErrNotExist) && name == builtIn:
		case l.Dir == "":
			return fmt.Errorf("OCR in %q needs a folder with its data", name)
		case err != nil:
			return fmt.Errorf("OCR in %q: %w", name, err)
		case info.Size() > maxData:
			return fmt.Errorf("OCR in %q: its data is larger than %d MiB", name, maxData>>20)
		}
	}
	return nil
}

func (l Languages) file(name string) string { return filepath.Join(l.Dir, name+suffix) }

const suffix = ".traineddata"

// load reads the data of all languages.
func (l Languages) load() (map[string][]byte, error) {
	if err := l.Check(); err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, name := range l.names() {
		data, err := english, os.ErrNotExist
		if l.Dir != "" {
			data, err = os.ReadFile(l.file(name))
		}
		switch {
		case errors.Is(err, os.ErrNotExist) && name == builtIn:
			data = english
		case err != nil:
			return nil, fmt.Errorf("OCR in %q: %w", name, err)
		}
		files[name+suffix] = data
	}
	return files, nil
}

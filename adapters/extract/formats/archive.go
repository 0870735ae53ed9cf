package formats

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"io"

	"github.com/docuvault/docuvault/ports"
)

// ole is how Microsoft's older container starts. A modern office document inside one is encrypted.
const ole = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

// archive is a zip file whose entries are read under the document's budget of inflated bytes. Nothing is written anywhere, so
// an entry's name is only ever compared.
type archive struct {
	files   []*zip.File // in the order of the directory
	entries map[string]*zip.File
	limits  Limits
	out     *page // has the budget
}

// openArchive reads the directory of a zip file.
func openArchive(data []byte, limits Limits, out *page) (*archive, error) {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, corrupt("the file is damaged: its archive cannot be opened", err)
	}
	if len(z.File) > limits.MaxEntries {
		return nil, unreadable(ports.ReasonTooComplex, "the file's archive has %d entries, more than %d", len(z.File), limits.MaxEntries)
	}
	a := &archive{files: z.File, entries: make(map[string]*zip.File, len(z.File)), limits: limits, out: out}
	for _, f := range z.File {
		if _, twice := a.entries[f.Name]; !twice {
			a.entries[f.Name] = f
		}
	}
	return a, nil
}

// open returns an entry's content and whether there is such an entry. Reading past the limits fails as too complex, whatever
// size the archive's directory claims.
func (a *archive) open(name string) (io.ReadCloser, bool, error) {
	f, ok := a.entries[name]
	if !ok {
		return nil, false, nil
	}
	r, err := a.content(f)
	return r, err == nil, err
}

func (a *archive) content(f *zip.File) (io.ReadCloser, error) {
	if f.Flags&1 != 0 {
		return nil, unreadable(ports.ReasonEncrypted, "the file's archive needs a password")
	}
	r, err := f.Open()
	if err != nil {
		return nil, corrupt("the file is damaged: a part of it cannot be opened", err)
	}
	return &entry{ReadCloser: r, out: a.out, left: a.limits.MaxPart}, nil
}

// walk calls visit with every XML token of an entry; an entry that is not there has none.
func (a *archive) walk(name string, visit func(token xml.Token, depth int) error) error {
	r, ok, err := a.open(name)
	if err != nil || !ok {
		return err
	}
	defer func() { _ = r.Close() }()
	return walkXML(r, a.limits.MaxDepth, visit)
}

type entry struct {
	io.ReadCloser
	out  *page
	left int64
}

func (e *entry) Read(b []byte) (int, error) {
	n, err := e.ReadCloser.Read(b)
	e.left -= int64(n)
	e.out.inflate -= int64(n)
	if e.left < 0 || e.out.inflate < 0 {
		return 0, unreadable(ports.ReasonTooComplex, "the file inflates to more than a document may have")
	}
	return n, err
}

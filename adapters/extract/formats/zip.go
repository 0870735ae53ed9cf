package formats

import (
	"archive/zip"
	"io"
	"path"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"github.com/docuvault/docuvault/ports"
)

// readZIP reads the documents in an archive one after the other, in the order of its directory, each below its name. Archives
// inside are read too, as deep as the limits go.
func readZIP(r *Reader, data []byte, out *page) error {
	a, err := openArchive(data, r.limits, out)
	if err != nil {
		return err
	}
	files, locked := 0, 0
	for _, f := range a.files {
		name := entryName(f)
		if f.FileInfo().IsDir() || isHousekeeping(name) {
			continue
		}
		files++
		if f.Flags&1 != 0 {
			locked++
			continue
		}
		if err := r.zipEntry(a, f, name, out); err != nil {
			return err
		}
	}
	if files > 0 && locked == files {
		return unreadable(ports.ReasonEncrypted, "the archive needs a password")
	}
	return nil
}

func (r *Reader) zipEntry(a *archive, f *zip.File, name string, out *page) error {
	content, err := a.content(f)
	if err != nil {
		return out.forgive(err)
	}
	data, err := io.ReadAll(content)
	_ = content.Close()
	switch {
	case isTooComplex(err) && out.inflate < 0:
		return err // a bomb: whatever follows could not be read either
	case isTooComplex(err):
		out.omitted = true
		return nil
	case err != nil:
		return nil // damaged, or packed in a way we do not know
	}
	return r.nested(name, data, out)
}

// entryName is the entry's path as people see it. Names that are not marked as UTF-8 are in the code page of early PCs.
func entryName(f *zip.File) string {
	if !f.NonUTF8 && utf8.ValidString(f.Name) {
		return f.Name
	}
	name, err := charmap.CodePage437.NewDecoder().String(f.Name)
	if err != nil || utf8.ValidString(f.Name) {
		return f.Name
	}
	return name
}

// isHousekeeping names what operating systems add to archives and no person put there.
func isHousekeeping(name string) bool {
	base := path.Base(name)
	return strings.HasPrefix(name, "__MACOSX/") || base == ".DS_Store" || base == "Thumbs.db" || base == "desktop.ini"
}

package extract

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// legacy is a type of Microsoft's old binary formats, and what LibreOffice turns it into.
type legacy struct{ ext, to, kind string }

var legacyTypes = map[string]legacy{
	"application/msword":            {".doc", "docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
	"application/vnd.ms-excel":      {".xls", "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
	"application/vnd.ms-powerpoint": {".ppt", "pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
}

// extractLegacy has LibreOffice convert the document in a folder of its own, and reads what comes of it as any other document:
// in a child that trusts it as little.
func (x *Extractor) extractLegacy(ctx context.Context, source ports.Source, old legacy) (ports.Extraction, error) {
	if x.cfg.Soffice == "" {
		return ports.Extraction{}, domain.Errorf(domain.Unreadable,
			"%s files are kept, but no text can be read from them: this vault is set up without LibreOffice", old.ext).Because(ports.ReasonUnsupported)
	}
	dir, err := os.MkdirTemp("", "docuvault-office-")
	if err != nil {
		return ports.Extraction{}, domain.Wrap(domain.Unavailable, err, "documents cannot be read at the moment")
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := x.keep(filepath.Join(dir, "document"+old.ext), source.Content); err != nil {
		return ports.Extraction{}, err
	}
	if err := x.convert(ctx, dir, old); err != nil {
		return ports.Extraction{}, err
	}
	converted, err := os.Open(filepath.Join(dir, "document."+old.to)) // a folder of our own
	if err != nil {
		return ports.Extraction{}, domain.Errorf(domain.Unreadable, "the file is damaged, or it needs a password: LibreOffice cannot open it").
			Because(ports.ReasonCorrupt)
	}
	defer func() { _ = converted.Close() }()
	info, err := converted.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return ports.Extraction{}, crash(errors.New("what LibreOffice made is no file"))
	}
	return x.Extract(ctx, ports.Source{Owner: source.Owner, Name: source.Name, ContentType: old.kind, Size: info.Size(), Content: converted})
}

// keep writes the document to a file, which only this user can read.
func (x *Extractor) keep(name string, content io.Reader) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // a folder of our own
	if err != nil {
		return domain.Wrap(domain.Unavailable, err, "documents cannot be read at the moment")
	}
	from := &noting{r: content}
	n, err := io.Copy(f, io.LimitReader(from, x.cfg.MaxInput+1))
	err = errors.Join(err, f.Close())
	switch {
	case from.err != nil:
		return readerError{from.err}
	case err != nil:
		return domain.Wrap(domain.Unavailable, err, "documents cannot be read at the moment")
	case n > x.cfg.MaxInput:
		return x.tooLarge()
	}
	return nil
}

// noting remembers the error of a reader, to tell it from one of the file written to.
type noting struct {
	r   io.Reader
	err error
}

func (n *noting) Read(b []byte) (int, error) {
	c, err := n.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		n.err = err
	}
	return c, err
}

// convert has LibreOffice make a file that can be read, when it is its turn.
func (x *Extractor) convert(ctx context.Context, dir string, old legacy) error {
	if err := x.pool.enter(ctx); err != nil {
		if ctx.Err() != nil {
			return stopped(ctx)
		}
		return domain.Wrap(domain.Unavailable, err, "documents cannot be read at the moment")
	}
	defer x.pool.leave()
	return x.run(ctx, program{
		name: "LibreOffice", role: officeRole, path: x.cfg.Soffice, dir: dir,
		args: []string{"-env:UserInstallation=file://" + dir + "/profile", "--headless", "--norestore", "--nolockcheck", "--nodefault",
			"--convert-to", old.to, "--outdir", dir, filepath.Join(dir, "document"+old.ext)},
		env: []string{"HOME=" + dir, "TMPDIR=" + dir, "PATH=/usr/local/bin:/usr/bin:/bin", "SAL_USE_VCLPLUGIN=svp"},
	})
}

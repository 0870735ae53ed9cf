package rest

import (
	"bufio"
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/domain"
)

// Bounds of an upload's form besides the file itself.
const (
	maxFormParts = maxTopicIDs + 20
	maxFormField = 16 << 10 // bytes of a field's value
	maxPartBytes = 32 << 10 // of a part that is not the file, with its headers
	maxBoundary  = 70       // characters, as in RFC 2046
	formSlack    = 1 << 20  // what the form may add to the file's own bytes
)

// uploadForm reads the form of an upload as it comes, without keeping the file: the file may stand before, between or after
// the other fields.
type uploadForm struct {
	source *meteredReader
	parts  *multipart.Reader
	count  int
	folder domain.FolderID
	topics []string
	fields map[string]bool
	fault  error // what was wrong with the request, once it could not be read
}

// formFile is the file of an upload: its name as the client gave it, without the client's folders, and its bytes.
type formFile struct {
	name string
	size int64 // -1 if the client does not say
	part *multipart.Part
	form *uploadForm
}

// openForm begins to read the request's form. The body must be bounded already.
func openForm(r *http.Request) (*uploadForm, error) {
	mediaType, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if mediaType != "multipart/form-data" {
		return nil, domain.Errorf(codeMediaType, "an upload must be multipart/form-data with the document in the field \"file\"")
	}
	if boundary := params["boundary"]; err != nil || boundary == "" || len(boundary) > maxBoundary {
		return nil, domain.Errorf(domain.Malformed, "the form's Content-Type must name a boundary of at most %d characters", maxBoundary)
	}
	source := &meteredReader{buffer: bodyBuffers.Get().(*bufio.Reader), end: []byte("--" + params["boundary"] + "--")}
	source.buffer.Reset(r.Body)
	return &uploadForm{source: source, parts: multipart.NewReader(source, params["boundary"]), fields: make(map[string]bool)}, nil
}

// close gives the form's buffer back. Nothing of the form may be used after. A form that failed is not closed but left to the
// garbage collector: should a storage client still read from it, it must not read another request's bytes.
func (f *uploadForm) close() {
	f.source.buffer.Reset(nil)
	bodyBuffers.Put(f.source.buffer)
}

// file reads on to the file. A form without one is Invalid.
func (f *uploadForm) file() (*formFile, error) {
	part, err := f.next()
	if err != nil {
		return nil, err
	}
	if part == nil {
		return nil, domain.InvalidField("file", "is missing; send the document in a field of this name")
	}
	name, isFile := clientFileName(part.Header.Get("Content-Disposition"))
	if !isFile {
		return nil, domain.InvalidField("file", "must be a file, with a file name")
	}
	if name == "" { // what a browser sends when no file was chosen
		return nil, domain.InvalidField("file", "has no name; choose a file")
	}
	size := int64(-1)
	if n, err := strconv.ParseInt(part.Header.Get("Content-Length"), 10, 64); err == nil && n >= 0 {
		size = n
	}
	f.source.unmetered()
	return &formFile{name: name, size: size, part: part, form: f}, nil
}

// details reads the fields that follow the file, to the end of the request, and returns what all fields say.
func (f *uploadForm) details() (app.UploadDetails, error) {
	part, err := f.next()
	if err != nil {
		return app.UploadDetails{}, err
	}
	if part != nil {
		return app.UploadDetails{}, domain.InvalidField("file", "is there twice; upload one document at a time")
	}
	// To the very end, so that the connection can be used again.
	if _, err := io.Copy(io.Discard, f.source); err != nil {
		return app.UploadDetails{}, f.failed(err)
	}
	var errs fieldErrors
	details := app.UploadDetails{Folder: f.folder, Topics: errs.topicIDs("topic_ids", f.topics)}
	return details, errs.err()
}

// next reads fields up to the next part called "file" and returns that, nil at the end of the form.
func (f *uploadForm) next() (*multipart.Part, error) {
	for {
		f.source.allow(maxPartBytes)
		part, err := f.parts.NextRawPart()
		if err == io.EOF { //nolint:errorlint // a wrapped EOF is a form that was cut off
			if !bytes.Contains(f.source.tail, f.source.end) { // and so, at times, is a bare one
				return nil, f.failed(io.ErrUnexpectedEOF)
			}
			return nil, nil
		}
		if err != nil {
			return nil, f.failed(err)
		}
		if f.count++; f.count > maxFormParts {
			return nil, domain.Errorf(domain.TooLarge, "the form has more than %d parts", maxFormParts)
		}
		name := part.FormName()
		if name == "file" {
			return part, nil
		}
		value, err := io.ReadAll(io.LimitReader(part, maxFormField+1))
		if err != nil {
			return nil, f.failed(err)
		}
		if len(value) > maxFormField {
			return nil, domain.Errorf(domain.TooLarge, "a field of the form is longer than %d bytes", maxFormField)
		}
		if err := f.take(name, string(value)); err != nil {
			return nil, err
		}
	}
}

// take notes one field. Empty values count as not given: forms of browsers send every field.
func (f *uploadForm) take(name, value string) error {
	var errs fieldErrors
	value = strings.TrimSpace(value)
	switch name {
	case "folder_id":
		if f.fields[name] {
			errs.add(name, "is given more than once")
		} else if value != "" {
			if id := errs.folderID(name, value); id != nil {
				f.folder = *id
			}
		}
		f.fields[name] = true
	case "topic_ids":
		for id := range strings.SplitSeq(value, ",") {
			if id = strings.TrimSpace(id); id != "" {
				f.topics = append(f.topics, id)
			}
		}
		errs.topicIDs(name, f.topics) // early, before the file is stored
	default:
		errs.add(shorten(strings.ToValidUTF8(name, "\ufffd")), "is not a field of this form")
	}
	return errs.err()
}

// failed says what an error of the form means, and remembers it: that of the body below it, if that is the cause.
func (f *uploadForm) failed(err error) error {
	if f.fault == nil {
		f.fault = f.source.err
	}
	if f.fault == nil {
		f.fault = domain.Wrap(domain.Malformed, err, "the form cannot be read: it is not complete, or not multipart/form-data")
	}
	return f.fault
}

// Read reads the file's bytes. Its errors carry domain codes.
func (f *formFile) Read(p []byte) (int, error) {
	n, err := f.part.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // io.Reader's EOF is never wrapped
		err = f.form.failed(err)
	}
	return n, err
}

// clientFileName reads the file name out of a part's Content-Disposition, and whether there is one at all. Some browsers send a
// whole path: of that the last segment counts, whichever slash separates it. A name in filename* (RFC 5987) wins over
// filename; in the latter the three characters that browsers percent-encode there are decoded.
func clientFileName(disposition string) (name string, isFile bool) {
	_, params, err := mime.ParseMediaType(disposition)
	if err != nil {
		return "", strings.Contains(strings.ToLower(disposition), "filename")
	}
	name, isFile = params["filename"]
	if !strings.Contains(strings.ToLower(disposition), "filename*") {
		name = browserEscapes.Replace(name)
	}
	if slash := strings.LastIndexAny(name, `/\`); slash >= 0 {
		name = name[slash+1:]
	}
	return name, isFile
}

// browserEscapes undoes what browsers do to a file name in a form (WHATWG, "multipart/form-data encoding algorithm").
var browserEscapes = strings.NewReplacer("%22", `"`, "%0D", "\r", "%0A", "\n")

// meteredReader bounds what is read of a form between files, keeps the end of what was read, and remembers the body's error.
// It reads in large pieces: multipart.Reader alone would ask the connection for 4 KiB at a time.
type meteredReader struct {
	buffer *bufio.Reader
	left   int
	free   bool // the file is not metered here, the vault does that
	tail   []byte
	end    []byte // the form's last boundary
	err    error  // the first error but io.EOF
}

var bodyBuffers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 64<<10) }}

func (m *meteredReader) allow(n int) { m.left, m.free = n, false }

func (m *meteredReader) unmetered() { m.free = true }

// Read implements io.Reader.
func (m *meteredReader) Read(p []byte) (int, error) {
	if !m.free {
		if m.left <= 0 {
			m.err = domain.Errorf(domain.TooLarge, "the form's fields or headers are too long")
			return 0, m.err
		}
		p = p[:min(len(p), m.left)]
	}
	n, err := m.buffer.Read(p)
	if !m.free {
		m.left -= n
	}
	m.remember(p[:n])
	if err != nil && err != io.EOF && m.err == nil {
		m.err = err
	}
	return n, err
}

// remember keeps the last bytes read, enough to hold the last boundary and the line break after it.
func (m *meteredReader) remember(p []byte) {
	const keep = 256
	if len(p) >= keep {
		m.tail = append(m.tail[:0], p[len(p)-keep:]...)
		return
	}
	m.tail = append(m.tail, p...)
	if extra := len(m.tail) - keep; extra > 0 {
		m.tail = append(m.tail[:0], m.tail[extra:]...)
	}
}

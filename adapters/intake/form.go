package intake

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"mime/multipart"
	"net/textproto"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// form is the body of one upload: what comes before the file, the file, what comes after. It streams, and hashes the file on
// the way. An HTTP client may still read a body when it has its answer already; after end it gets nothing more.
type form struct {
	length      int64 // bytes
	contentType string
	size        int64 // of the file, as it was found

	mu      sync.Mutex
	body    io.Reader
	content *os.File
	hash    hash.Hash
	ended   bool
	fault   error // what was wrong with the file
}

// open makes the form of a file's upload.
func (in *Intake) open(ctx context.Context, f file, folder string, counted *counter) (*form, error) {
	content, err := os.Open(f.path)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	w := multipart.NewWriter(&text)
	if folder != "" {
		err = w.WriteField("folder_id", folder)
	}
	if len(in.topics) > 0 {
		err = errors.Join(err, w.WriteField("topic_ids", strings.Join(in.topics, ",")))
	}
	header := textproto.MIMEHeader{}
	header.Set("Content-Disposition", `form-data; name="file"; filename="`+quoted.Replace(filepath.Base(f.path))+`"`)
	header.Set("Content-Type", "application/octet-stream")
	header.Set("Content-Length", strconv.FormatInt(f.size, 10))
	_, partErr := w.CreatePart(header)
	before := bytes.Clone(text.Bytes())
	text.Reset()
	if err = errors.Join(err, partErr, w.Close()); err != nil {
		return nil, errors.Join(err, content.Close())
	}
	out := &form{content: content, size: f.size, hash: sha256.New(), contentType: w.FormDataContentType(), length: int64(len(before)+text.Len()) + f.size}
	file := io.TeeReader(&faultReader{r: io.LimitReader(content, f.size), form: out}, out.hash)
	out.body = io.TeeReader(contextReader{ctx, io.MultiReader(bytes.NewReader(before), file, &text)}, counted)
	return out, nil
}

// quoted writes a file name as browsers do (WHATWG, "multipart/form-data encoding algorithm").
var quoted = strings.NewReplacer(`"`, "%22", "\r", "%0D", "\n", "%0A")

// Read implements io.Reader.
func (f *form) Read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return 0, errors.New("this upload has ended")
	}
	return f.body.Read(p)
}

// end ends the reading and returns what was wrong with the file, if that was what ended it. A nil form is fine.
func (f *form) end() error {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.ended {
		f.ended = true
		if info, err := f.content.Stat(); f.fault == nil && err == nil && info.Size() < f.size {
			f.fault = errChanged // then the body is shorter than announced
		}
		_ = f.content.Close() // read only; a failure to close loses nothing
	}
	return f.fault
}

// digest is the file's, once it was sent.
func (f *form) digest() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return hex.EncodeToString(f.hash.Sum(nil))
}

// faultReader tells a file that cannot be read from a connection that broke.
type faultReader struct {
	r    io.Reader
	form *form
}

// Read implements io.Reader. The form's lock is held.
func (f *faultReader) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && err != io.EOF {
		f.form.fault = err
	}
	return n, err
}

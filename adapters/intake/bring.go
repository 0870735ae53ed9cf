package intake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/google/uuid"
)

// document is what is looked at of one.
type document struct {
	ID     string `json:"id"`
	SHA256 string `json:"sha256"`
}

// errChanged is the error of a file that was written to while it was read.
var errChanged = errors.New("it changed while it was read")

// bring brings one file in. Its bytes count as sent in the end, whatever became of them.
func (in *Intake) bring(ctx context.Context, f file) Result {
	result := Result{Path: f.path, Bytes: f.size}
	counted := &counter{observer: in.watcher}
	doc, outcome, err := in.store(ctx, f, counted)
	in.watcher.Sent(f.size - counted.sent)
	var no *refusal
	switch {
	case err == nil:
		result.Outcome, result.Document = outcome, doc.ID
	case errors.Is(err, errUnwanted), errors.As(err, &no) && unwanted(no.status):
		result.Outcome, result.Reason = Skipped, err.Error()
	default:
		result.Outcome, result.Reason = Failed, plain(err).Error()
	}
	return result
}

// errUnwanted is wrapped by the errors of files that are not even offered.
var errUnwanted = errors.New("not wanted")

type unwantedError struct{ why string }

func (e *unwantedError) Error() string        { return e.why }
func (e *unwantedError) Is(target error) bool { return target == errUnwanted }

// unwanted reports the statuses with which the vault refuses a file for what it is.
func unwanted(status int) bool {
	switch status {
	case http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		return true
	default:
		return false
	}
}

func (in *Intake) store(ctx context.Context, f file, counted *counter) (document, Outcome, error) {
	switch {
	case f.size == 0:
		return document{}, "", &unwantedError{"it is empty"}
	case in.largest > 0 && f.size > in.largest:
		return document{}, "", &unwantedError{fmt.Sprintf("it is larger than the %d bytes the vault takes", in.largest)}
	}
	if in.cfg.OnDuplicate != Keep {
		known, err := in.known(ctx, f)
		switch {
		case err != nil:
			return document{}, "", err
		case known.ID != "" && in.cfg.OnDuplicate == Existing:
			return known, Present, nil
		case known.ID != "":
			return document{}, "", &unwantedError{"the vault has these bytes already, as document " + known.ID}
		}
	}
	var folder string
	if in.cfg.FolderFromPath {
		var err error
		if folder, err = in.folders.find(ctx, f.folders); err != nil {
			return document{}, "", fmt.Errorf("make its folder: %w", err)
		}
	}
	return in.upload(ctx, f, folder, counted)
}

// known asks the vault whether it has the file's bytes. The zero document is no.
func (in *Intake) known(ctx context.Context, f file) (document, error) {
	content, err := os.Open(f.path)
	if err != nil {
		return document{}, err
	}
	sum := sha256.New()
	_, err = io.Copy(sum, contextReader{ctx, content})
	if err = errors.Join(err, content.Close()); err != nil {
		return document{}, err
	}
	digest := hex.EncodeToString(sum.Sum(nil))
	var found []document
	if err := in.api.json(ctx, http.MethodGet, "/api/documents?limit=1&sha256="+digest, nil, &found); err != nil {
		return document{}, err
	}
	if len(found) == 0 || found[0].SHA256 != digest { // an older vault does not know the parameter and answers with any
		return document{}, nil
	}
	return found[0], nil
}

// upload sends the file. One key for all tries makes one document of them, should an answer get lost.
func (in *Intake) upload(ctx context.Context, f file, folder string, counted *counter) (document, Outcome, error) {
	key := uuid.NewString()
	var form *form
	var doc document
	err := in.api.call(ctx, func(ctx context.Context) (*http.Request, error) {
		err := form.end() // of the try before
		if err != nil {
			return nil, err
		}
		counted.startOver()
		if form, err = in.open(ctx, f, folder, counted); err != nil {
			return nil, err
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, in.api.base+"/api/documents/upload?on_duplicate="+string(in.cfg.OnDuplicate), form)
		if err != nil {
			return nil, err
		}
		request.ContentLength = form.length
		request.Header.Set("Content-Type", form.contentType)
		request.Header.Set("Idempotency-Key", key)
		return request, nil
	}, &doc)
	switch fault := form.end(); {
	case fault != nil:
		return document{}, "", fault
	case err != nil:
		return document{}, "", err
	case doc.ID == "" || doc.SHA256 != form.digest():
		return document{}, "", errors.New("the vault stored other bytes than were sent to it")
	case !f.unchanged():
		return document{}, "", errChanged
	default:
		return doc, Imported, nil
	}
}

// counter tells the observer what goes out, and takes it back when an upload starts over.
type counter struct {
	observer Observer
	sent     int64
}

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	c.sent += int64(len(p))
	c.observer.Sent(int64(len(p)))
	return len(p), nil
}

func (c *counter) startOver() {
	c.observer.Sent(-c.sent)
	c.sent = 0
}

// contextReader stops reading when its context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

// Read implements io.Reader.
func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

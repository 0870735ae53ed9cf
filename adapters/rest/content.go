package rest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// readContent serves a document's bytes.
func (a *API) readContent(c *gin.Context) {
	if doc, ok := a.document(c); ok {
		a.serveContent(c, doc)
	}
}

// followLink serves the bytes that a signed link leads to. The token is all the permission there is.
func (a *API) followLink(c *gin.Context) {
	doc, err := a.vault.Redeem(c.Request.Context(), c.Param("token"))
	if err != nil {
		a.fail(c, err)
		return
	}
	a.serveContent(c, doc)
}

// serveContent answers with the document's bytes, or with the part, the "not modified" or the refusal that the request's
// headers ask for, in the order of RFC 9110, section 13.2.2. HEAD asks nothing of storage.
func (a *API) serveContent(c *gin.Context, doc domain.Document) {
	r, tag := c.Request, entityTag(doc)
	if match := r.Header.Get("If-Match"); match != "" && !tagListed(match, tag, false) {
		a.fail(c, domain.Errorf(codePrecondition, "the document's bytes are not the ones that If-Match names"))
		return
	}
	if none := r.Header.Get("If-None-Match"); none != "" && tagListed(none, tag, true) {
		contentHeaders(c.Writer.Header(), doc, tag)
		c.Status(http.StatusNotModified)
		return
	}
	status, part, length := http.StatusOK, ports.Range{}, doc.Size
	if wanted := r.Header.Get("Range"); wanted != "" && r.Method == http.MethodGet && sizeKnown(doc) && rangeStillMeant(r, tag) {
		found, outside := parseRange(wanted, doc.Size)
		switch {
		case outside:
			c.Header("Content-Range", "bytes */"+strconv.FormatInt(doc.Size, 10))
			a.fail(c, domain.Errorf(codeRange, "the document has %d bytes, none of them in this range", doc.Size))
			return
		case found != nil:
			status, part, length = http.StatusPartialContent, *found, found.Length
		}
	}
	var content io.ReadCloser
	if r.Method != http.MethodHead {
		var err error
		if content, err = a.vault.OpenContent(r.Context(), doc, part); err != nil {
			if domain.ErrorCode(err) == domain.Invalid { // a range within the row's size: storage has fewer bytes than that
				err = domain.Wrap(domain.Internal, err, "")
			}
			a.fail(c, err)
			return
		}
		defer func() { _ = content.Close() }() // read only; a failure to close loses nothing
	}
	header := c.Writer.Header()
	contentHeaders(header, doc, tag)
	if sizeKnown(doc) {
		header.Set("Content-Length", strconv.FormatInt(length, 10))
		header.Set("Accept-Ranges", "bytes")
	}
	if status == http.StatusPartialContent {
		header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", part.Offset, part.Offset+part.Length-1, doc.Size))
	}
	c.Status(status)
	if content != nil {
		a.copyContent(c, doc, content, length)
	}
}

// contentHeaders are the headers of every answer about a document's bytes.
func contentHeaders(header http.Header, doc domain.Document, tag string) {
	contentType := bareType(doc.ContentType)
	header.Set("ETag", tag)
	header.Set("Cache-Control", "private, no-cache") // may be kept, must be asked after
	header.Set("Content-Disposition", contentDisposition(contentType, doc.Name))
	if contentType == "text/plain" {
		contentType += "; charset=utf-8" // else browsers guess a legacy encoding
	}
	header.Set("Content-Type", contentType)
	// Should a browser ever take the bytes for a page: nothing in it loads, runs or has our origin. Browsers' own PDF viewers
	// do not start in a sandbox. Our own pages may show a document in a frame.
	policy := "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'"
	if contentType != pdfType {
		policy += "; sandbox"
	}
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Frame-Options", "SAMEORIGIN")
}

// copyContent streams length bytes, or all if the length is not known. An answer that cannot be finished is cut off, because
// its status is long gone.
func (a *API) copyContent(c *gin.Context, doc domain.Document, content io.Reader, length int64) {
	if sizeKnown(doc) {
		content = io.LimitReader(content, length)
	}
	buffer := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buffer)
	source := &rememberingReader{r: content}
	// Only the writer's Write is offered: with ReadFrom the whole document would be one call, and no pace could be seen.
	n, err := io.CopyBuffer(struct{ io.Writer }{c.Writer}, source, *buffer)
	switch {
	case source.err != nil && c.Request.Context().Err() == nil:
		a.log.ErrorContext(c.Request.Context(), "download cut off, storage failed", "document_id", doc.ID.String(), "sent_bytes", n, "error", source.err)
	case err != nil:
		a.log.InfoContext(c.Request.Context(), "download cut off, the client went away or was too slow", "document_id", doc.ID.String(), "sent_bytes", n)
	case sizeKnown(doc) && n < length:
		a.log.ErrorContext(c.Request.Context(), "download cut off, storage has fewer bytes than recorded", "document_id", doc.ID.String(), "sent_bytes", n, "expected_bytes", length)
	default:
		return
	}
	panic(http.ErrAbortHandler) // net/http's way to cut a connection
}

var copyBuffers = sync.Pool{New: func() any { b := make([]byte, 64<<10); return &b }}

// rememberingReader tells a failed read from a failed write.
type rememberingReader struct {
	r   io.Reader
	err error
}

// Read implements io.Reader.
func (r *rememberingReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}

// sizeKnown reports whether the row says how long the document is. We never store an empty one, but a row of Python's has 0
// until Python knows better.
func sizeKnown(doc domain.Document) bool { return doc.Size > 0 }

// entityTag names a document's bytes. They never change under one object key, so the tag is a strong one; where the digest is
// not known it is made of the key, without giving that away.
func entityTag(doc domain.Document) string {
	if !doc.SHA256.IsZero() {
		return `"` + doc.SHA256.String() + `"`
	}
	return keyTag(doc.Object)
}

// keyTag names an object by its key, without giving the key away.
func keyTag(key domain.ObjectKey) string {
	sum := sha256.Sum256([]byte(key.String()))
	return `"k-` + hex.EncodeToString(sum[:16]) + `"`
}

// tagListed reports whether a list of entity tags holds ours, which is a strong one. Only where weakly is set does the weak form
// of it count (RFC 9110, section 8.8.3.2).
func tagListed(list, tag string, weakly bool) bool {
	if strings.TrimSpace(list) == "*" {
		return true
	}
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		if weakly {
			item = strings.TrimPrefix(item, "W/")
		}
		if item == tag {
			return true
		}
	}
	return false
}

// rangeStillMeant reports whether If-Range, if it is there, names the bytes we have. A date never does: we send none.
func rangeStillMeant(r *http.Request, tag string) bool {
	wanted := r.Header.Get("If-Range")
	return wanted == "" || strings.TrimSpace(wanted) == tag
}

// bareType takes the parameters off a content type; Python may have stored some.
func bareType(contentType string) string {
	bare, _, _ := strings.Cut(contentType, ";")
	bare = strings.ToLower(strings.TrimSpace(bare))
	if bare == "" || !plainType(bare) {
		return "application/octet-stream"
	}
	return bare
}

// plainType reports whether a content type can stand in a header.
func plainType(s string) bool {
	for _, c := range []byte(s) {
		if c <= 0x20 || c > 0x7e {
			return false
		}
	}
	return strings.Contains(s, "/")
}

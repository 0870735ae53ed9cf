package rest

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/docuvault/docuvault/app"
)

// readThumbnail serves the picture of a document's first page. HEAD opens it too: that is how its length is known.
func (a *API) readThumbnail(c *gin.Context) {
	doc, ok := a.document(c)
	if !ok {
		return
	}
	header := c.Writer.Header()
	if tag := keyTag(doc.Thumbnail); !doc.Thumbnail.IsZero() {
		if none := c.Request.Header.Get("If-None-Match"); none != "" && tagListed(none, tag, true) {
			thumbnailHeaders(header, tag)
			c.Status(http.StatusNotModified)
			return
		}
	}
	content, size, err := a.vault.OpenThumbnail(c.Request.Context(), doc)
	if err != nil {
		a.fail(c, err)
		return
	}
	defer func() { _ = content.Close() }() // read only; a failure to close loses nothing
	thumbnailHeaders(header, keyTag(doc.Thumbnail))
	header.Set("Content-Type", app.ThumbnailType)
	header.Set("Content-Length", strconv.FormatInt(size, 10))
	c.Status(http.StatusOK)
	if c.Request.Method != http.MethodHead {
		doc.Size = size // of what is sent
		a.copyContent(c, doc, content, size)
	}
}

// thumbnailHeaders are the headers of every answer about a thumbnail. A browser may keep it and must ask whether it is still the
// one: another round of processing makes another.
func thumbnailHeaders(header http.Header, tag string) {
	header.Set("ETag", tag)
	header.Set("Cache-Control", "private, no-cache")
	header.Set("Content-Disposition", "inline")
	header.Set("Content-Security-Policy", "default-src 'none'; sandbox")
}

package rest

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

func (a *API) listDocuments(c *gin.Context) {
	q, err := documentQuery(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	docs, next, err := a.vault.Documents(c.Request.Context(), ownerOf(c), q)
	if err != nil {
		a.fail(c, err)
		return
	}
	if next != nil {
		a.announceNext(c, strings.TrimSuffix(documentPath, "/"), encodeCursor(q, *next))
	}
	answer(c, http.StatusOK, toDocuments(docs))
}

// document reads the document that the path names. If it cannot, it has answered.
func (a *API) document(c *gin.Context) (domain.Document, bool) {
	id, err := domain.ParseDocumentID(c.Param("id"))
	if err == nil {
		var doc domain.Document
		if doc, err = a.vault.Document(c.Request.Context(), ownerOf(c), id); err == nil {
			return doc, true
		}
	}
	a.fail(c, err)
	return domain.Document{}, false
}

func (a *API) readDocument(c *gin.Context) {
	id, err := domain.ParseDocumentID(c.Param("id"))
	if err != nil {
		a.fail(c, err)
		return
	}
	doc, err := a.vault.DocumentDetail(c.Request.Context(), ownerOf(c), id)
	if err != nil {
		a.fail(c, err)
		return
	}
	answer(c, http.StatusOK, toDetail(doc))
}

func (a *API) readText(c *gin.Context) {
	id, err := domain.ParseDocumentID(c.Param("id"))
	if err != nil {
		a.fail(c, err)
		return
	}
	doc, text, err := a.vault.Text(c.Request.Context(), ownerOf(c), id)
	if err != nil {
		a.fail(c, err)
		return
	}
	header := c.Writer.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(len(text)))
	header.Set("X-Text-Truncated", strconv.FormatBool(doc.Truncated))
	c.Status(http.StatusOK)
	_, _ = c.Writer.WriteString(text) // a client that went away is no error of ours
}

func (a *API) editDocument(c *gin.Context) {
	id, err := domain.ParseDocumentID(c.Param("id"))
	if err != nil {
		a.fail(c, err)
		return
	}
	in, err := readObject(c, []string{"filename", "folder_id", "topic_ids"}, documentReadOnly())
	if err != nil {
		a.fail(c, err)
		return
	}
	change := app.DocumentChange{Name: in.text("filename"), Folder: in.folder("folder_id"), Topics: in.topics("topic_ids")}
	if err := in.err(); err != nil {
		a.fail(c, err)
		return
	}
	var doc domain.Document
	if change == (app.DocumentChange{}) { // nothing to change is no change, updated_at included
		doc, err = a.vault.Document(c.Request.Context(), ownerOf(c), id)
	} else {
		doc, err = a.vault.EditDocument(c.Request.Context(), ownerOf(c), id, change)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	answer(c, http.StatusOK, toDocument(doc))
}

func (a *API) deleteDocument(c *gin.Context) {
	id, err := domain.ParseDocumentID(c.Param("id"))
	if err == nil {
		err = a.vault.DeleteDocument(c.Request.Context(), ownerOf(c), id)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Status(http.StatusNoContent)
}

func (a *API) processDocument(c *gin.Context) {
	id, err := domain.ParseDocumentID(c.Param("id"))
	if err != nil {
		a.fail(c, err)
		return
	}
	task, err := a.vault.Reprocess(c.Request.Context(), ownerOf(c), id)
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Header("Location", taskPath+string(task))
	answer(c, http.StatusAccepted, startedJSON{TaskID: string(task)})
}

// shareDocument makes a time-limited link to the document's bytes: storage's own, or one to followLink.
func (a *API) shareDocument(c *gin.Context) {
	id, err := domain.ParseDocumentID(c.Param("id"))
	if err != nil {
		a.fail(c, err)
		return
	}
	p, err := query(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	seconds, _ := p.number("expires_in", 1, int64(a.vault.Config().MaxLinkTTL/time.Second))
	if err := p.err(); err != nil {
		a.fail(c, err)
		return
	}
	link, err := a.vault.Link(c.Request.Context(), ownerOf(c), id, time.Duration(seconds)*time.Second, func(doc domain.Document) ports.Link {
		contentType := bareType(doc.ContentType)
		return ports.Link{Disposition: contentDisposition(contentType, doc.Name), ContentType: contentType}
	})
	if err != nil {
		a.fail(c, err)
		return
	}
	url := link.URL
	if link.Token != "" {
		url = a.baseURL(c) + linkPath + link.Token
	}
	answer(c, http.StatusOK, linkJSON{URL: url, ExpiresAt: timestamp(link.ExpiresAt)})
}

package rest

import (
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/domain"
)

// upload stores a document out of a form. What can be refused by the headers alone is refused before the body is read, so that
// a client that waits for "100 Continue" need not send it.
func (a *API) upload(c *gin.Context) {
	doc, existing, err := a.storeUpload(c)
	if err != nil {
		lingerFor(c.Request)
		a.fail(c, err)
		return
	}
	status := http.StatusCreated
	if existing {
		status = http.StatusOK
	}
	x := exchangeOf(c.Request.Context())
	x.document, x.task = doc.ID.String(), string(doc.Task)
	c.Header("Location", documentPath+doc.ID.String())
	answer(c, status, toDocument(doc))
}

func (a *API) storeUpload(c *gin.Context) (domain.Document, bool, error) {
	var none domain.Document
	p, err := query(c)
	if err != nil {
		return none, false, err
	}
	policy := app.OnDuplicate(p.choice("on_duplicate", string(app.KeepDuplicate), string(app.RejectDuplicate), string(app.ReturnExisting)))
	if err := p.err(); err != nil {
		return none, false, err
	}
	most := a.vault.Config().MaxUpload
	if c.Request.ContentLength > most+formSlack {
		return none, false, domain.Errorf(domain.TooLarge, "a document may have at most %d bytes", most)
	}
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, most+formSlack)
	form, err := openForm(c.Request)
	if err != nil {
		return none, false, err
	}
	file, err := form.file()
	if err != nil {
		return none, false, err
	}
	doc, existing, err := a.vault.Upload(c.Request.Context(), ownerOf(c), app.NewUpload{
		Name: file.name, Content: file, Size: file.size, OnDuplicate: policy, Details: form.details,
	})
	switch {
	case err == nil:
		form.close()
	case form.fault != nil:
		err = form.fault // whatever storage made of it
	}
	return doc, existing, err
}

// How much of a refused upload is read all the same, so that a client that only looks for an answer after sending gets one.
const (
	lingerBytes = 8 << 20
	lingerTime  = 3 * time.Second
)

func lingerFor(r *http.Request) {
	if body := exchangeOf(r.Context()).body; body != nil {
		body.discard(lingerBytes, lingerTime, strings.EqualFold(r.Header.Get("Expect"), "100-continue"))
	}
}

package rest

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/docuvault/docuvault/domain"
)

func (a *API) acceptTopic(c *gin.Context) { a.decide(c, a.vault.AcceptTopic) }

func (a *API) rejectTopic(c *gin.Context) { a.decide(c, a.vault.RejectTopic) }

// decide answers with the document as a person's decision about one of its topics leaves it.
func (a *API) decide(c *gin.Context, decision func(context.Context, domain.Owner, domain.DocumentID, domain.TopicID) (domain.Document, error)) {
	id, err := domain.ParseDocumentID(c.Param("id"))
	if err != nil {
		a.fail(c, err)
		return
	}
	topic, err := domain.ParseTopicID(c.Param("topic_id"))
	if err != nil {
		a.fail(c, err)
		return
	}
	doc, err := decision(c.Request.Context(), ownerOf(c), id, topic)
	if err != nil {
		a.fail(c, err)
		return
	}
	answer(c, http.StatusOK, toDocument(doc))
}

func (a *API) suggestTopics(c *gin.Context) {
	ideas, err := a.vault.TopicIdeas(c.Request.Context(), ownerOf(c))
	if err != nil {
		a.fail(c, err)
		return
	}
	out := make([]ideaJSON, 0, len(ideas))
	for _, idea := range ideas {
		out = append(out, toIdea(idea))
	}
	answer(c, http.StatusOK, out)
}

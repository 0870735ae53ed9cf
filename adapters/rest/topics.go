package rest

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

func topicFields() []string   { return []string{"name", "description", "color"} }
func topicReadOnly() []string { return []string{"id", "document_count"} }

func (a *API) listTopics(c *gin.Context) {
	topics, err := a.vault.Topics(c.Request.Context(), ownerOf(c))
	if err != nil {
		a.fail(c, err)
		return
	}
	out := make([]topicJSON, 0, len(topics))
	for _, topic := range topics {
		out = append(out, toTopic(topic))
	}
	answer(c, http.StatusOK, out)
}

func (a *API) addTopic(c *gin.Context) {
	in, err := readObject(c, topicFields(), topicReadOnly())
	if err != nil {
		a.fail(c, err)
		return
	}
	name, description, color := in.text("name"), in.textOrNull("description"), in.textOrNull("color")
	in.require("name")
	if err := in.err(); err != nil {
		a.fail(c, err)
		return
	}
	topic, err := a.vault.AddTopic(c.Request.Context(), ownerOf(c), *name, valueOf(description), valueOf(color))
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Header("Location", topicPath+topic.ID.String())
	c.Header("ETag", topicTag(topic))
	answer(c, http.StatusCreated, toTopic(ports.CountedTopic{Topic: topic}))
}

func (a *API) readTopic(c *gin.Context) {
	id, err := domain.ParseTopicID(c.Param("id"))
	if err != nil {
		a.fail(c, err)
		return
	}
	topic, err := a.vault.Topic(c.Request.Context(), ownerOf(c), id)
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Header("ETag", topicTag(topic.Topic))
	answer(c, http.StatusOK, toTopic(topic))
}

// editTopic serves PATCH and PUT alike: fields that are left out stay as they are.
func (a *API) editTopic(c *gin.Context) {
	id, err := domain.ParseTopicID(c.Param("id"))
	if err != nil {
		a.fail(c, err)
		return
	}
	in, err := readObject(c, topicFields(), topicReadOnly())
	if err != nil {
		a.fail(c, err)
		return
	}
	change := app.TopicChange{Name: in.text("name"), Description: in.textOrNull("description"), Color: in.textOrNull("color")}
	if err := in.err(); err != nil {
		a.fail(c, err)
		return
	}
	topic, err := a.vault.EditTopic(c.Request.Context(), ownerOf(c), id, change, ifMatch(c, topicTag)...)
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Header("ETag", topicTag(topic.Topic))
	answer(c, http.StatusOK, toTopic(topic))
}

func (a *API) deleteTopic(c *gin.Context) {
	id, err := domain.ParseTopicID(c.Param("id"))
	if err == nil {
		err = a.vault.DeleteTopic(c.Request.Context(), ownerOf(c), id, ifMatch(c, topicTag)...)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Status(http.StatusNoContent)
}

func valueOf[T any](p *T) T {
	if p == nil {
		return *new(T)
	}
	return *p
}

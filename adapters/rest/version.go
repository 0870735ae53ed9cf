package rest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/domain"
)

// The entity tags of documents, topics and folders as JSON name what people can change of them, and nothing else: a tag stays
// good while a document is read, a topic counts one more, or a folder is moved with its parent. They are for If-Match; no answer
// with one may be stored by a cache.

func documentTag(doc domain.Document) string {
	filings := slices.SortedFunc(slices.Values(doc.Topics), func(a, b domain.Filing) int { return bytes.Compare(a.Topic[:], b.Topic[:]) })
	parts := []any{doc.ID.String(), doc.Name, doc.Folder.String()}
	for _, filing := range filings {
		parts = append(parts, filing.Topic.String(), filing.Confirmed)
	}
	return versionTag(parts...)
}

func topicTag(topic domain.Topic) string {
	return versionTag(topic.ID.String(), topic.Name, topic.Description, topic.Color)
}

func folderTag(folder domain.Folder) string {
	return versionTag(folder.ID.String(), folder.Name, folder.Parent.String())
}

func versionTag(parts ...any) string {
	text, err := json.Marshal(parts)
	if err != nil {
		panic(err) // texts and truth values can always be written
	}
	sum := sha256.Sum256(text)
	return `"v-` + hex.EncodeToString(sum[:16]) + `"`
}

// ifMatch is the condition that the request's If-Match makes (RFC 9110, section 13.1.1), none without one.
func ifMatch[T any](c *gin.Context, tag func(T) string) []app.Condition[T] {
	wanted := strings.Join(c.Request.Header.Values("If-Match"), ",")
	if strings.TrimSpace(wanted) == "" {
		return nil
	}
	return []app.Condition[T]{func(thing T) error {
		if tagListed(wanted, tag(thing), false) {
			return nil
		}
		return domain.Errorf(codePrecondition, "it was changed since: it is not the version that If-Match names")
	}}
}

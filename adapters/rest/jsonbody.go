package rest

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"github.com/docuvault/docuvault/domain"
)

// maxJSONBody bounds every JSON body, in bytes.
const maxJSONBody = 64 << 10

// object is a JSON object that a client sent. Its readers give nil for a field that is not there, and note what is wrong in
// the embedded fieldErrors; err says it all at the end.
type object struct {
	fieldErrors
	fields map[string]json.RawMessage
}

// readObject reads the request's body as one JSON object. Fields in readOnly are part of the shape we answer with and may be
// sent back: they are ignored. Any other field that is not in known, and one that comes twice, is noted as invalid.
func readObject(c *gin.Context, known, readOnly []string) (*object, error) {
	if err := wantJSON(c.GetHeader("Content-Type")); err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, maxJSONBody))
	switch {
	case err != nil:
		return nil, err
	case !utf8.Valid(raw):
		return nil, domain.Errorf(domain.Malformed, "the body is not valid UTF-8")
	}
	if err := validJSON(raw); err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, domain.InvalidField("body", "must be a JSON object")
	}
	o := &object{fields: make(map[string]json.RawMessage)}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, notJSON(err)
		}
		name, _ := token.(string)
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, notJSON(err)
		}
		_, twice := o.fields[name]
		switch {
		case twice:
			o.add(name, "is there twice")
		case slices.Contains(known, name):
			o.fields[name] = value
		case !slices.Contains(readOnly, name):
			o.add(shorten(name), "is not a field that can be set here")
		}
	}
	return o, nil
}

func wantJSON(header string) error {
	if header == "" {
		return nil
	}
	mediaType, params, err := mime.ParseMediaType(header)
	isJSON := mediaType == "application/json" || strings.HasPrefix(mediaType, "application/") && strings.HasSuffix(mediaType, "+json")
	if charset := params["charset"]; err != nil || !isJSON || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return domain.Errorf(codeMediaType, "the Content-Type must be application/json in UTF-8")
	}
	return nil
}

func validJSON(raw []byte) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		return domain.Errorf(domain.Malformed, "the body is empty; send a JSON object")
	}
	if json.Valid(raw) {
		return nil
	}
	var anything any
	return notJSON(json.Unmarshal(raw, &anything))
}

func notJSON(err error) error {
	return domain.Wrap(domain.Malformed, err, "the body is not valid JSON")
}

// shorten keeps a name that a client made up from filling the answer.
func shorten(name string) string {
	const most = 64
	if len(name) <= most {
		return name
	}
	return strings.ToValidUTF8(name[:most], "") + "…"
}

// value returns a field's JSON and whether it is null.
func (o *object) value(field string) (raw json.RawMessage, isNull, there bool) {
	raw, there = o.fields[field]
	return raw, bytes.Equal(raw, []byte("null")), there
}

// text reads a string that may not be null.
func (o *object) text(field string) *string {
	raw, isNull, there := o.value(field)
	if !there {
		return nil
	}
	var s string
	if isNull || json.Unmarshal(raw, &s) != nil {
		o.add(field, "must be a string")
		return nil
	}
	return &s
}

// textOrNull reads a string that null makes empty.
func (o *object) textOrNull(field string) *string {
	if _, isNull, there := o.value(field); there && isNull {
		return new(string)
	}
	return o.text(field)
}

// folder reads a folder's id; null means no folder.
func (o *object) folder(field string) *domain.FolderID {
	raw, isNull, there := o.value(field)
	if !there {
		return nil
	}
	if isNull {
		return new(domain.FolderID)
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		o.add(field, "must be a string, or null for no folder")
		return nil
	}
	return o.folderID(field, s)
}

// topics reads a list of topics' ids.
func (o *object) topics(field string) *[]domain.TopicID {
	raw, isNull, there := o.value(field)
	if !there {
		return nil
	}
	var list []string
	if isNull || json.Unmarshal(raw, &list) != nil || slices.Contains(list, "") {
		o.add(field, "must be a list of topics' ids; [] for none")
		return nil
	}
	ids := o.topicIDs(field, list)
	return &ids
}

// require notes that a field must be there.
func (o *object) require(field string) {
	if _, _, there := o.value(field); !there {
		o.add(field, "is missing")
	}
}

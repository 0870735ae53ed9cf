package rest

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"golang.org/x/text/unicode/norm"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

const (
	defaultLimit = 50
	maxLimit     = 200
	maxSearch    = 255 // characters
)

// parameters reads query parameters. One that is empty counts as not given; one that we do not know is ignored, because
// proxies, caches and trackers add their own.
type parameters struct {
	fieldErrors
	values url.Values
}

// query parses the query string; one that cannot be parsed is Malformed.
func query(c *gin.Context) (*parameters, error) {
	values, err := url.ParseQuery(c.Request.URL.RawQuery)
	if err != nil {
		return nil, domain.Wrap(domain.Malformed, err, "the query string cannot be parsed")
	}
	return &parameters{values: values}, nil
}

// get returns a parameter's value, "" if it is not given. One that is given twice is noted as invalid.
func (p *parameters) get(name string) string {
	values := p.values[name]
	if len(values) > 1 {
		p.add(name, "is given more than once")
	}
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// choice returns a parameter that must be one of a few words.
func (p *parameters) choice(name string, choices ...string) string {
	value := p.get(name)
	if value != "" && !slices.Contains(choices, value) {
		p.add(name, "must be %s or %s", strings.Join(choices[:len(choices)-1], ", "), choices[len(choices)-1])
		return ""
	}
	return value
}

// number returns a whole number in a range, and whether one is given.
func (p *parameters) number(name string, least, most int64) (int64, bool) {
	value := p.get(name)
	if value == "" {
		return 0, false
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < least || n > most {
		p.add(name, "must be a whole number from %d to %d", least, most)
		return 0, false
	}
	return n, true
}

// documentQuery reads the filter, the order and the page of a list of documents.
func documentQuery(c *gin.Context) (ports.DocumentQuery, error) {
	p, err := query(c)
	if err != nil {
		return ports.DocumentQuery{}, err
	}
	q := ports.DocumentQuery{Limit: defaultLimit, Sort: ports.NewestFirst}
	if n, given := p.number("limit", 1, maxLimit); given {
		q.Limit = int(n)
	}
	q.Status = domain.Status(p.choice("status", string(domain.Pending), string(domain.Processing), string(domain.Ready), string(domain.Failed)))
	var sorts []string
	for _, sort := range ports.Sorts() {
		sorts = append(sorts, string(sort))
	}
	if sort := p.choice("sort", sorts...); sort != "" {
		q.Sort = ports.Sort(sort)
	}
	if s := p.get("topic_id"); s != "" {
		if q.Topic, err = domain.ParseTopicID(s); err != nil {
			p.malformed("topic_id", err)
		}
	}
	if s := p.get("sha256"); s != "" {
		if q.Content, err = domain.ParseDigest(s); err != nil {
			p.malformed("sha256", err)
		}
	}
	switch s := p.get("folder_id"); s {
	case "":
	case "none":
		q.Folder = new(domain.FolderID)
	default:
		q.Folder = p.folderID("folder_id", s)
	}
	q.NameContains = p.search("q")
	cursor := p.get("cursor")
	if err := p.err(); err != nil {
		return ports.DocumentQuery{}, err
	}
	if cursor != "" {
		if q.After, err = decodeCursor(q, cursor); err != nil {
			return ports.DocumentQuery{}, err
		}
	}
	return q, nil
}

// search returns a text to look for, in the form that names are kept in.
func (p *parameters) search(name string) string {
	s := p.get(name)
	switch {
	case !utf8.ValidString(s):
		p.add(name, "must be valid UTF-8")
	case strings.ContainsRune(s, 0):
		p.add(name, "must not contain NUL")
	case utf8.RuneCountInString(s) > maxSearch:
		p.add(name, "must be at most %d characters long", maxSearch)
	default:
		return norm.NFC.String(s)
	}
	return ""
}

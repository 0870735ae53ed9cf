package rest

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html"
	"html/template"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"go.yaml.in/yaml/v3"

	"github.com/docuvault/docuvault/docs"
	"github.com/docuvault/docuvault/domain"
)

//go:embed docpage.html
var docpageHTML string

//go:embed docpage.css
var docpageCSS string

// page is the rendered description. It is whole in itself: one style sheet of its own, no script, nothing from elsewhere.
type page struct {
	html   []byte // with {base} where the API's address belongs
	policy string // its Content-Security-Policy
}

// openAPI serves the description as it is.
func (a *API) openAPI(c *gin.Context) { sendPage(c, "application/yaml", docs.OpenAPI) }

// docs serves the description as a page.
func (a *API) docs(c *gin.Context) {
	c.Header("Content-Security-Policy", a.docsPage.policy)
	sendPage(c, "text/html; charset=utf-8", bytes.ReplaceAll(a.docsPage.html, []byte("{base}"), []byte(html.EscapeString(a.baseURL(c)))))
}

func sendPage(c *gin.Context, contentType string, body []byte) {
	sum := sha256.Sum256(body)
	tag := `"` + hex.EncodeToString(sum[:16]) + `"`
	c.Header("ETag", tag)
	c.Header("Cache-Control", "no-cache")
	if tagListed(c.GetHeader("If-None-Match"), tag, true) {
		c.Status(http.StatusNotModified)
		return
	}
	c.Header("Content-Type", contentType)
	c.Header("Content-Length", strconv.Itoa(len(body)))
	c.Status(http.StatusOK)
	_, _ = c.Writer.Write(body) // a client that went away is no error of ours
}

// renderDocs makes the page out of an OpenAPI document. It is made for ours, not for any: what ours does not use, it ignores.
func renderDocs(openapi []byte, version string) (page, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(openapi, &root); err != nil {
		return page{}, err
	}
	if len(root.Content) != 1 {
		return page{}, fmt.Errorf("not one YAML document")
	}
	d := apiDocument{root.Content[0]}
	tmpl, err := template.New("docs").Parse(docpageHTML)
	if err != nil {
		return page{}, err
	}
	style := strings.TrimSpace(docpageCSS)
	view := d.view(version)
	view.Style = template.CSS(style) //nolint:gosec // our own file
	var out bytes.Buffer
	if err := tmpl.Execute(&out, view); err != nil {
		return page{}, err
	}
	sum := sha256.Sum256([]byte(style))
	return page{html: out.Bytes(), policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; frame-ancestors 'none'"}, nil
}

// docView is what the template shows.
type docView struct {
	Title, Summary, APIVersion, Version string
	Style                               template.CSS
	Description                         template.HTML
	Groups                              []groupView
	Problems                            []problemView
	Schemas                             []schemaView
}

type groupView struct {
	Name        string
	Description template.HTML
	Operations  []operationView
}

type operationView struct {
	ID, Method, Path, Summary, Curl string
	Description                     template.HTML
	Parameters                      []fieldView
	Body                            *payloadView
	Responses                       []responseView
}

type responseView struct {
	Status, Class string
	Open          bool
	Text          template.HTML
	Headers       []fieldView
	Payload       *payloadView
}

type payloadView struct {
	ContentType string
	Type        template.HTML
	Fields      []fieldView
	Example     string
}

type fieldView struct {
	Name, In    string
	Required    bool
	Type        template.HTML
	Description template.HTML
}

type schemaView struct {
	Name        string
	Description template.HTML
	Payload     payloadView
}

type problemView struct {
	Code   domain.Code
	Status int
	Title  string
}

// allCodes are the codes a problem can have.
func allCodes() []domain.Code {
	return append(domain.Codes(), codeMethod, codeTimeout, codeRange, codePrecondition, codeMediaType, codeTooMany)
}

// markup renders the little Markdown that the description uses: paragraphs, **bold** and `code`.
func markup(s string) template.HTML {
	var out strings.Builder
	for paragraph := range strings.SplitSeq(strings.TrimSpace(s), "\n\n") {
		if paragraph == "" {
			continue
		}
		text := html.EscapeString(paragraph)
		text = codeSpan.ReplaceAllString(text, "<code>$1</code>")
		text = boldSpan.ReplaceAllString(text, "<strong>$1</strong>")
		out.WriteString("<p>" + text + "</p>")
	}
	return template.HTML(out.String()) //nolint:gosec // escaped above
}

var (
	codeSpan = regexp.MustCompile("`([^`]+)`")
	boldSpan = regexp.MustCompile(`\*\*([^*]+)\*\*`)
)

package rest

import (
	"encoding/base64"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// RoutesOf lets tests compare the routes with their description.
func RoutesOf(a *API) gin.RoutesInfo { return a.engine.Routes() }

// FailRoute adds a route that fails with err, or panics with it.
func FailRoute(a *API, path string, err error, panics bool) {
	a.engine.GET(path, func(c *gin.Context) {
		if panics {
			panic(err)
		}
		a.fail(c, err)
	})
}

// StatusOf is the table from codes to statuses.
func StatusOf(code domain.Code) (int, bool) {
	what, known := kindOf(code)
	return what.status, known
}

// Internals under test.
var (
	AllCodes       = allCodes
	EncodeCursor   = encodeCursor
	DecodeCursor   = decodeCursor
	ParseRange     = parseRange
	Disposition    = contentDisposition
	ClientFileName = clientFileName
	ShowsInline    = showsInline
)

// Cursors need a query with a sort.
func SortedBy(sort ports.Sort) ports.DocumentQuery { return ports.DocumentQuery{Sort: sort} }

var _ http.Handler = (*API)(nil)

// ForgeCursor makes a cursor of any payload that has the right check.
func ForgeCursor(query ports.DocumentQuery, payload []byte) string {
	raw := append([]byte{cursorVersion}, cursorCheck(query, payload)...)
	return base64.RawURLEncoding.EncodeToString(append(raw, payload...))
}

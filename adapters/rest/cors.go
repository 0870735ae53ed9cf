package rest

import (
	"net/http"
	"slices"
	"strings"
)

// What pages of other hosts may read and send, beside what every page may.
const (
	corsMethods = "GET, HEAD, POST, PUT, PATCH, DELETE"
	corsHeaders = "Content-Type, If-Match, If-None-Match, If-Range, Range, X-Request-ID, Idempotency-Key"
	corsExposed = "Accept-Ranges, Content-Disposition, Content-Length, Content-Range, ETag, Link, Location, Retry-After, X-Next-Cursor, X-Request-ID"
)

// allowOrigin lets a page of another host use the API, if its origin was named, and answers the question that a browser asks before it
// does (https://fetch.spec.whatwg.org/#http-cors-protocol). It reports whether that was all there is to do. Nothing that a browser
// keeps, such as a cookie, is ever asked for.
func (a *API) allowOrigin(w http.ResponseWriter, r *http.Request) (answered bool) {
	if len(a.cfg.Origins) == 0 {
		return false
	}
	header := w.Header()
	header.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if !slices.Contains(a.cfg.Origins, origin) {
		return false
	}
	header.Set("Access-Control-Allow-Origin", origin)
	header.Set("Access-Control-Expose-Headers", corsExposed)
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	header.Set("Access-Control-Allow-Methods", corsMethods)
	header.Set("Access-Control-Allow-Headers", corsHeaders)
	header.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}

// guard sets the headers that keep browsers from doing with an answer what it was not meant for. A handler may set its own.
func (a *API) guard(header http.Header) {
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	header.Set("Cache-Control", "no-store")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	if len(a.cfg.Origins) > 0 {
		header.Set("Cross-Origin-Resource-Policy", "cross-origin") // pictures on a page of another host that may read them anyway
	}
	if strings.HasPrefix(a.cfg.PublicURL, "https://") {
		header.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

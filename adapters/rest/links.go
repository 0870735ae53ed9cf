package rest

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"github.com/gin-gonic/gin"
)

const (
	documentPath = "/api/documents/"
	topicPath    = "/api/topics/"
	folderPath   = "/api/folders/"
	taskPath     = "/api/tasks/"
	linkPath     = "/api/links/"
)

// plainHost is a name or an address with an optional port, as it may stand in a URL.
var plainHost = regexp.MustCompile(`^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$`)

// baseURL is the address of the API as its client knows it: the configured one, else the host that the request was sent to.
// What a proxy says of the client's request counts only if we were told to trust it.
func (a *API) baseURL(c *gin.Context) string {
	if a.cfg.PublicURL != "" {
		return a.cfg.PublicURL
	}
	r := c.Request
	scheme, host := "http", r.Host
	if r.TLS != nil {
		scheme = "https"
	}
	if a.trusts(c.RemoteIP()) {
		if proto := firstOf(r.Header.Get("X-Forwarded-Proto")); proto == "http" || proto == "https" {
			scheme = proto
		}
		if forwarded := firstOf(r.Header.Get("X-Forwarded-Host")); plainHost.MatchString(forwarded) {
			host = forwarded
		}
	}
	if !plainHost.MatchString(host) { // HTTP/1.0 need not say
		if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
			host = local.String()
		}
	}
	return scheme + "://" + host
}

func (a *API) trusts(remote string) bool {
	addr, err := netip.ParseAddr(remote)
	if err != nil {
		return false
	}
	for _, proxy := range a.proxies {
		if proxy.Contains(addr.Unmap()) {
			return true
		}
	}
	return false
}

// firstOf returns what the outermost of several proxies said.
func firstOf(list string) string {
	first, _, _ := strings.Cut(list, ",")
	return strings.TrimSpace(first)
}

// announceNext names the next page of a list: a Link by RFC 8288 that keeps every parameter, and the bare cursor.
func (a *API) announceNext(c *gin.Context, path, cursor string) {
	values, _ := url.ParseQuery(c.Request.URL.RawQuery) // parsed before
	values.Set("cursor", cursor)
	c.Header("Link", fmt.Sprintf(`<%s%s?%s>; rel="next"`, a.baseURL(c), path, values.Encode()))
	c.Header("X-Next-Cursor", cursor)
}

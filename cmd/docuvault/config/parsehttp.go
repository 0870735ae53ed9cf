package config

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// origins are what browsers send as Origin: scheme, host and port unless it is the scheme's own, no path.
func origins(c *Config, value string) string {
	for _, item := range list(value) {
		u, err := url.Parse(item)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || item != u.Scheme+"://"+strings.ToLower(u.Host) {
			return fmt.Sprintf("names %q, which is no origin; every one has to be named in full, in lower case and without a path", item)
		}
	}
	c.Origins = list(value)
	return ""
}

// rate reads "60/m".
func rate(field func(*Config) *Rate) parser {
	return func(c *Config, value string) string {
		count, unit, found := strings.Cut(value, "/")
		n, err := strconv.Atoi(strings.TrimSpace(count))
		per, known := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}[strings.TrimSpace(unit)]
		if !found || err != nil || n < 1 || n > 1_000_000 || !known {
			return fmt.Sprintf("is %q", value)
		}
		*field(c) = Rate{Count: n, Per: per}
		return ""
	}
}

// tracesURL never repeats the value: an address may hold a password, which belongs in the headers.
func tracesURL(c *Config, value string) string {
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "":
		return "is no http or https address"
	case u.User != nil:
		return "holds a user or password, which belong in OTEL_EXPORTER_OTLP_HEADERS"
	}
	c.TracesURL = value
	return ""
}

// traceHeaders reads NAME=value pairs with percent-encoded values, as OpenTelemetry's specification has them. It never repeats one.
func traceHeaders(c *Config, value string) string {
	headers := make(map[string]string)
	for _, pair := range list(value) {
		name, encoded, found := strings.Cut(pair, "=")
		text, err := url.PathUnescape(strings.TrimSpace(encoded))
		name = strings.TrimSpace(name)
		if !found || err != nil || !token(name) || strings.ContainsAny(text, "\r\n\x00") {
			return "is no list of NAME=value"
		}
		headers[http.CanonicalHeaderKey(name)] = text
	}
	c.TraceHeaders = headers
	return ""
}

// token says whether s can be the name of a header.
func token(s string) bool {
	return s != "" && !slices.ContainsFunc([]byte(s), func(c byte) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_'
	})
}

func share(c *Config, value string) string {
	n, err := strconv.ParseFloat(value, 64)
	if err != nil || !(n >= 0 && n <= 1) {
		return fmt.Sprintf("is %q", value)
	}
	c.TraceShare = n
	return ""
}

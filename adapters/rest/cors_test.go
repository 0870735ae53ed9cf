package rest_test

import (
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func ask(t *testing.T, h *house, method, path string, headers ...string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, h.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	answer, err := h.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer
}

func TestCORS(t *testing.T) {
	t.Parallel()
	const app = "https://app.example.org"
	named := open(t, func(p *plan) { p.rest.Origins = []string{app, "http://localhost:5173"} })
	off := open(t)
	for name, c := range map[string]struct {
		h       *house
		origin  string
		allowed bool
	}{
		"named":                {named, app, true},
		"named with its port":  {named, "http://localhost:5173", true},
		"another scheme":       {named, "http://app.example.org", false},
		"another port":         {named, app + ":8443", false},
		"a longer name":        {named, app + ".evil.example", false},
		"null":                 {named, "null", false},
		"off by default":       {off, app, false},
		"off by default, null": {off, "null", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plain := ask(t, c.h, http.MethodGet, "/api/topics", "Origin", c.origin)
			before := ask(t, c.h, http.MethodOptions, "/api/documents/upload", "Origin", c.origin, "Access-Control-Request-Method", "POST")
			want := ""
			if c.allowed {
				want = c.origin
			}
			if plain.StatusCode != http.StatusOK || plain.Header.Get("Access-Control-Allow-Origin") != want {
				t.Errorf("request: %d, %q", plain.StatusCode, plain.Header.Get("Access-Control-Allow-Origin"))
			}
			if before.Header.Get("Access-Control-Allow-Origin") != want || (before.StatusCode == http.StatusNoContent) != c.allowed {
				t.Errorf("preflight: %d, %q", before.StatusCode, before.Header.Get("Access-Control-Allow-Origin"))
			}
			if c.allowed && (!strings.Contains(before.Header.Get("Access-Control-Allow-Methods"), "DELETE") || !strings.Contains(plain.Header.Get("Access-Control-Expose-Headers"), "X-Next-Cursor")) {
				t.Errorf("headers: %v %v", before.Header, plain.Header)
			}
			for _, answer := range []*http.Response{plain, before} {
				if answer.Header.Get("Access-Control-Allow-Credentials") != "" {
					t.Error("credentials are allowed")
				}
				if slices.Contains(answer.Header.Values("Vary"), "Origin") != (c.h == named) {
					t.Errorf("Vary: %v", answer.Header.Values("Vary"))
				}
			}
		})
	}
}

// Every kind of answer has the headers that guard it, and none says what answers.
func TestAnswersAreGuardedAndAnonymous(t *testing.T) {
	t.Parallel()
	h := open(t, func(p *plan) { p.rest.PublicURL, p.rest.Version = "https://vault.example.org", "v9.8.7-canary" })
	for _, request := range [][2]string{{"GET", "/health"}, {"GET", "/health/live"}, {"GET", "/api/documents"}, {"GET", "/docs"}, {"GET", "/openapi.yaml"}, {"GET", "/nothing"},
		{"GET", "/api/documents/nonsense"}, {"POST", "/api/documents/upload"}, {"DELETE", "/health"}, {"OPTIONS", "/api/topics"}, {"TRACE", "/"}} {
		answer := ask(t, h, request[0], request[1])
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Strict-Transport-Security": "max-age=31536000",
			"Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
		} {
			if got := answer.Header.Get(name); got != want {
				t.Errorf("%v: %s is %q", request, name, got)
			}
		}
		if csp := answer.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("%v: Content-Security-Policy is %q", request, csp)
		}
		for name, values := range answer.Header {
			for _, value := range values {
				if name == "Server" || name == "X-Powered-By" || strings.Contains(value, runtime.Version()) || strings.Contains(value, "canary") {
					t.Errorf("%v says %s: %s", request, name, value)
				}
			}
		}
	}
	if answer := ask(t, open(t), http.MethodGet, "/health"); answer.Header.Get("Strict-Transport-Security") != "" {
		t.Error("HTTPS is demanded where nobody said that there is any")
	}
}

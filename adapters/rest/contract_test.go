package rest_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/docuvault/docuvault/adapters/rest"
)

// Every route of gin is described, and every described operation has a route. HEAD goes without saying wherever GET is.
func TestRoutesAndDescriptionAgree(t *testing.T) {
	t.Parallel()
	h := open(t)
	param := regexp.MustCompile(`:(\w+)`)
	routes := map[string]bool{}
	for _, route := range rest.RoutesOf(h.api) {
		routes[route.Method+" "+param.ReplaceAllString(route.Path, "{$1}")] = true
	}
	described := map[string]bool{}
	for path, item := range description(t).root["paths"].(map[string]any) {
		for method := range item.(map[string]any) {
			if method == "parameters" {
				continue
			}
			described[strings.ToUpper(method)+" "+path] = true
			if method == "get" {
				described["HEAD "+path] = true
			}
		}
	}
	for route := range routes {
		if !described[route] {
			t.Errorf("%s is a route and is not described", route)
		}
	}
	for operation := range described {
		if !routes[operation] {
			t.Errorf("%s is described and is no route", operation)
		}
	}
	if len(routes) < 30 {
		t.Errorf("only %d routes were compared", len(routes))
	}
}

// Every reference leads somewhere, every schema is one, and every example is valid.
func TestDescriptionIsSound(t *testing.T) {
	t.Parallel()
	d := description(t)
	for name := range d.root["components"].(map[string]any)["schemas"].(map[string]any) {
		if _, err := d.schema("/components/schemas/" + name); err != nil {
			t.Error(err)
		}
	}
	examples := 0
	ids := map[string]bool{}
	var walk func(node any, pointer string)
	walk = func(node any, pointer string) {
		switch node := node.(type) {
		case []any:
			for _, item := range node {
				walk(item, pointer+"/-")
			}
		case map[string]any:
			if ref, ok := node["$ref"].(string); ok {
				if target, _ := d.resolve(node, ""); target == nil {
					t.Errorf("%s: %s leads nowhere", pointer, ref)
				}
			}
			if id, ok := node["operationId"].(string); ok {
				if ids[id] {
					t.Errorf("operationId %s is there twice", id)
				}
				ids[id] = true
				for _, key := range []string{"summary", "x-example-curl", "tags"} {
					if node[key] == nil {
						t.Errorf("%s has no %s", id, key)
					}
				}
			}
			if node["schema"] != nil && !strings.Contains(pointer, "/-") {
				if example, ok := node["example"]; ok {
					examples++
					d.validate(t, pointer+"/schema", example, pointer)
				}
				named, _ := node["examples"].(map[string]any)
				for name, raw := range named {
					example, _ := d.resolve(raw, "")
					examples++
					d.validate(t, pointer+"/schema", example["value"], pointer+" "+name)
				}
			}
			for key, value := range node {
				if key != "example" && key != "examples" {
					walk(value, pointer+"/"+escape(key))
				}
			}
		}
	}
	walk(d.root, "")
	if examples < 20 {
		t.Errorf("only %d examples were found", examples)
	}
}

// Operations that take bodies describe what can be wrong with one, all describe faults of ours, and those with a path
// parameter that something may not be found.
func TestEveryOperationDescribesItsProblems(t *testing.T) {
	t.Parallel()
	for path, item := range description(t).root["paths"].(map[string]any) {
		for method, raw := range item.(map[string]any) {
			operation, ok := raw.(map[string]any)
			if !ok {
				continue
			}
			responses := operation["responses"].(map[string]any)
			want := []string{"500"}
			if strings.Contains(path, "{") {
				want = append(want, "404", "503")
			}
			if operation["requestBody"] != nil {
				want = append(want, "400", "408", "413", "415", "422")
			}
			for _, status := range want {
				if responses[status] == nil {
					t.Errorf("%s %s does not describe %s, only %v", method, path, status, slices.Sorted(maps.Keys(responses)))
				}
			}
		}
	}
}

func TestDescriptionIsServed(t *testing.T) {
	t.Parallel()
	h := open(t, func(p *plan) { p.rest.Version = "1.2.3-test" })
	spec := h.get("/openapi.yaml").is(http.StatusOK)
	if !strings.HasPrefix(string(spec.body), "openapi: 3.1") {
		t.Errorf("not the description: %s", clip(spec.body))
	}
	h.get("/openapi.yaml", "If-None-Match", spec.header.Get("ETag")).is(http.StatusNotModified)

	page := h.get("/docs").is(http.StatusOK)
	html := string(page.body)
	for path, item := range description(t).root["paths"].(map[string]any) {
		if !strings.Contains(html, "<code>"+path+"</code>") {
			t.Errorf("the page does not show %s", path)
		}
		for _, raw := range item.(map[string]any) {
			if operation, ok := raw.(map[string]any); ok && !strings.Contains(html, `id="`+operation["operationId"].(string)+`"`) {
				t.Errorf("the page does not show %s", operation["operationId"])
			}
		}
	}
	for _, want := range []string{"1.2.3-test", h.url + "/api/documents/upload", `id="not_found"`, `id="schema-Document"`, "&#34;filename&#34;"} {
		if !strings.Contains(html, want) {
			t.Errorf("the page does not show %s", want)
		}
	}
	// It works without the internet: nothing is loaded, and nothing could be.
	for _, loaded := range regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(html, -1) {
		if !strings.HasPrefix(loaded[1], "#") && loaded[1] != "/openapi.yaml" {
			t.Errorf("the page refers to %s", loaded[1])
		}
	}
	// Every link within the page leads somewhere on it.
	for _, link := range regexp.MustCompile(`href="#([^"]*)"`).FindAllStringSubmatch(html, -1) {
		if !strings.Contains(html, `id="`+link[1]+`"`) {
			t.Errorf("#%s leads nowhere", link[1])
		}
	}
	if strings.Contains(html, "<script") || !strings.Contains(page.header.Get("Content-Security-Policy"), "default-src 'none'; style-src 'sha256-") {
		t.Errorf("the page is not closed: %s", page.header.Get("Content-Security-Policy"))
	}
	h.get("/docs", "If-None-Match", page.header.Get("ETag")).is(http.StatusNotModified)
}

func TestSettings(t *testing.T) {
	t.Parallel()
	h := open(t, func(p *plan) {
		p.rest.Version, p.rest.Classifier = "7", "keywords"
		p.vault.MaxUpload, p.vault.AllowedTypes = 12345, []string{"text/plain"}
	})
	got := h.get("/api/settings").is(http.StatusOK).object()
	encoded, _ := json.Marshal(got["allowed_types"])
	if got["version"] != "7" || got["classifier"] != "keywords" || got["max_upload_bytes"] != 12345.0 || string(encoded) != `["text/plain"]` {
		t.Errorf("settings are %v", got)
	}
	if ai := got["ai"].(map[string]any); ai["provider"] != "off" || ai["host"] != nil {
		t.Errorf("without a provider the settings say %v", ai)
	}
	if limits := got["limits"].(map[string]any); limits["page_size_max"] != 200.0 || limits["link_seconds_default"] != 3600.0 {
		t.Errorf("limits are %v", limits)
	}
	sent := open(t, func(p *plan) { p.rest.AIProvider, p.rest.AIHost = "openai", "models.example.org" })
	if ai := sent.get("/api/settings").object()["ai"].(map[string]any); ai["provider"] != "openai" || ai["host"] != "models.example.org" {
		t.Errorf("with a provider the settings say %v", ai)
	}
	if open := open(t).get("/api/settings").object(); len(open["allowed_types"].([]any)) != 0 {
		t.Errorf("without a list every type is allowed, got %v", open["allowed_types"])
	}
}

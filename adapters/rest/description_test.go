package rest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/docuvault/docuvault/docs"
)

// apiDescription is docs/openapi.yaml, ready to hold answers against.
type apiDescription struct {
	root     map[string]any
	compiler *jsonschema.Compiler
	mu       sync.Mutex
	schemas  map[string]*jsonschema.Schema
}

const descriptionURL = "https://docuvault.test/openapi.json"

var loadDescription = sync.OnceValues(func() (*apiDescription, error) {
	var raw any
	if err := yaml.Unmarshal(docs.OpenAPI, &raw); err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(raw)
	if err != nil {
		return nil, err
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
	if err != nil {
		return nil, err
	}
	root := parsed.(map[string]any)
	closeShapes(root, false)
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	if err := compiler.AddResource(descriptionURL, root); err != nil {
		return nil, err
	}
	return &apiDescription{root: root, compiler: compiler, schemas: map[string]*jsonschema.Schema{}}, nil
})

func description(t *testing.T) *apiDescription {
	t.Helper()
	d, err := loadDescription()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// closeShapes makes the description stricter than it is for clients, who must accept new fields: an answer with a field that is
// not described fails.
func closeShapes(node any, part bool) {
	switch node := node.(type) {
	case []any:
		for _, item := range node {
			closeShapes(item, part)
		}
	case map[string]any:
		ref, _ := node["$ref"].(string)
		_, object := node["properties"].(map[string]any)
		if strings.HasPrefix(ref, "#/components/schemas/") || object && node["type"] == "object" {
			if !part {
				node["unevaluatedProperties"] = false
			}
		}
		for key, value := range node {
			switch key {
			case "example", "examples":
			case "schemas": // named shapes may be parts of others; where they are used they are closed
				for _, schema := range value.(map[string]any) {
					closeShapes(schema, true)
					if properties, ok := schema.(map[string]any)["properties"]; ok {
						closeShapes(properties, false)
					}
				}
			default:
				closeShapes(value, key == "allOf")
			}
		}
	}
}

// resolve follows a reference and tells where the node is, as a JSON pointer.
func (d *apiDescription) resolve(node any, pointer string) (map[string]any, string) {
	m, _ := node.(map[string]any)
	for {
		ref, ok := m["$ref"].(string)
		if !ok {
			return m, pointer
		}
		pointer = strings.TrimPrefix(ref, "#")
		m = d.root
		for step := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
			m, _ = m[step].(map[string]any)
		}
	}
}

func escape(s string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(s)
}

func (d *apiDescription) schema(pointer string) (*jsonschema.Schema, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if schema, ok := d.schemas[pointer]; ok {
		return schema, nil
	}
	location := descriptionURL + "#" + strings.NewReplacer("{", "%7B", "}", "%7D", "*", "%2A").Replace(pointer)
	schema, err := d.compiler.Compile(location)
	if err == nil {
		d.schemas[pointer] = schema
	}
	return schema, err
}

// pathOf finds the described path that a request's path belongs to.
func (d *apiDescription) pathOf(path string) (string, map[string]any) {
	path = strings.TrimSuffix(path, "/")
	want := strings.Split(path, "/")
	best := ""
	paths := d.root["paths"].(map[string]any)
	for pattern := range paths {
		have := strings.Split(pattern, "/")
		if len(have) != len(want) {
			continue
		}
		fits := true
		for i := range have {
			if strings.HasPrefix(have[i], "{") {
				fits = fits && want[i] != ""
			} else {
				fits = fits && have[i] == want[i]
			}
		}
		if fits && (best == "" || !strings.Contains(pattern, "{")) {
			best = pattern
		}
	}
	item, _ := paths[best].(map[string]any)
	return best, item
}

// check holds an answer against the description.
func (d *apiDescription) check(t *testing.T, method, path string, a *answer) {
	t.Helper()
	response, pointer := d.responseFor(method, path, a.status)
	if response == nil {
		t.Errorf("%s %s answered %d, which is not described: %s", method, path, a.status, clip(a.body))
		return
	}
	for _, name := range []string{"X-Request-Id", "X-Content-Type-Options", "X-Frame-Options", "Content-Security-Policy", "Referrer-Policy", "Cache-Control"} {
		if a.header.Get(name) == "" {
			t.Errorf("%s %s: %d without %s", method, path, a.status, name)
		}
	}
	headers, _ := response["headers"].(map[string]any)
	for name, raw := range headers {
		header, at := d.resolve(raw, pointer+"/headers/"+escape(name))
		value := a.header.Get(name)
		if value == "" {
			if header["required"] == true {
				t.Errorf("%s %s: %d without the header %s", method, path, a.status, name)
			}
			continue
		}
		d.validate(t, at+"/schema", value, fmt.Sprintf("%s %s: %d: header %s", method, path, a.status, name))
	}
	d.checkBody(t, method, path, a, response, pointer)
}

func (d *apiDescription) responseFor(method, path string, status int) (map[string]any, string) {
	pattern, item := d.pathOf(path)
	if item == nil {
		if status == http.StatusNotFound {
			return d.resolve(map[string]any{"$ref": "#/components/responses/NotFound"}, "")
		}
		return nil, ""
	}
	name := strings.ToLower(method)
	operation, ok := item[name].(map[string]any)
	if !ok && method == http.MethodHead {
		name = "get"
		operation, ok = item[name].(map[string]any)
	}
	if !ok {
		if status == http.StatusMethodNotAllowed {
			return d.resolve(map[string]any{"$ref": "#/components/responses/MethodNotAllowed"}, "")
		}
		return nil, ""
	}
	responses, _ := operation["responses"].(map[string]any)
	code := fmt.Sprint(status)
	return d.resolve(responses[code], "/paths/"+escape(pattern)+"/"+name+"/responses/"+code)
}

func (d *apiDescription) checkBody(t *testing.T, method, path string, a *answer, response map[string]any, pointer string) {
	t.Helper()
	content, _ := response["content"].(map[string]any)
	if method == http.MethodHead || len(content) == 0 {
		if len(a.body) > 0 {
			t.Errorf("%s %s: %d has a body that is not described: %s", method, path, a.status, clip(a.body))
		}
		return
	}
	mediaType, params, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	if err != nil {
		t.Errorf("%s %s: %d: Content-Type %q: %v", method, path, a.status, a.header.Get("Content-Type"), err)
		return
	}
	described := mediaType
	if _, ok := content[described]; !ok {
		described = "*/*"
	}
	if _, ok := content[described]; !ok {
		t.Errorf("%s %s: %d has Content-Type %s, described are %v", method, path, a.status, mediaType, slices.Collect(maps.Keys(content)))
		return
	}
	if mediaType != "application/json" && mediaType != "application/problem+json" || described == "*/*" {
		return
	}
	if len(params) > 0 {
		t.Errorf("%s %s: JSON has no parameters, got %v", method, path, params)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(a.body))
	if err != nil {
		t.Errorf("%s %s: %d: %v in %s", method, path, a.status, err, clip(a.body))
		return
	}
	d.validate(t, pointer+"/content/"+escape(described)+"/schema", value, fmt.Sprintf("%s %s: %d", method, path, a.status))
	if mediaType == "application/problem+json" {
		problem := value.(map[string]any)
		if fmt.Sprint(problem["status"]) != fmt.Sprint(a.status) || problem["request_id"] != a.header.Get("X-Request-Id") {
			t.Errorf("%s %s: %d: the problem says status %v and request_id %v, the header %q", method, path, a.status, problem["status"], problem["request_id"], a.header.Get("X-Request-Id"))
		}
	}
}

func (d *apiDescription) validate(t *testing.T, pointer string, value any, what string) {
	t.Helper()
	schema, err := d.schema(pointer)
	if err != nil {
		t.Errorf("%s: schema at %s: %v", what, pointer, err)
		return
	}
	if err := schema.Validate(value); err != nil {
		encoded, _ := json.Marshal(value)
		t.Errorf("%s is not as described: %v\n%s", what, err, clip(encoded))
	}
}

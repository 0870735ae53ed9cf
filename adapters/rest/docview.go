package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"html/template"
	"strings"

	"go.yaml.in/yaml/v3"
)

// apiDocument reads an OpenAPI document in the order it is written in, for people.
type apiDocument struct{ root *yaml.Node }

func (d apiDocument) view(version string) docView {
	info := d.at(d.root, "info")
	view := docView{
		Title: text(d.at(info, "title")), Summary: text(d.at(info, "summary")), APIVersion: text(d.at(info, "version")), Version: version,
		Description: markup(text(d.at(info, "description"))),
	}
	for _, tag := range d.list(d.at(d.root, "tags")) {
		group := groupView{Name: text(d.at(tag, "name")), Description: inline(text(d.at(tag, "description")))}
		d.each(d.at(d.root, "paths"), func(path string, item *yaml.Node) {
			d.each(item, func(method string, op *yaml.Node) {
				if tags := d.list(d.at(op, "tags")); len(tags) > 0 && text(tags[0]) == group.Name {
					group.Operations = append(group.Operations, d.operation(path, method, item, op))
				}
			})
		})
		view.Groups = append(view.Groups, group)
	}
	for _, code := range allCodes() {
		if what, ok := kindOf(code); ok && what.status != statusClientGone {
			view.Problems = append(view.Problems, problemView{Code: code, Status: what.status, Title: what.title})
		}
	}
	d.each(d.at(d.root, "components", "schemas"), func(name string, schema *yaml.Node) {
		payload := payloadView{Fields: d.fields(schema)}
		if len(payload.Fields) == 0 {
			payload.Type = d.typeOf(schema)
		}
		view.Schemas = append(view.Schemas, schemaView{Name: name, Description: markup(text(d.at(schema, "description"))), Payload: payload})
	})
	return view
}

func (d apiDocument) operation(path, method string, item, op *yaml.Node) operationView {
	view := operationView{
		ID: text(d.at(op, "operationId")), Method: method, Path: path, Summary: text(d.at(op, "summary")),
		Description: markup(text(d.at(op, "description"))), Curl: text(d.at(op, "x-example-curl")),
	}
	for _, p := range append(d.list(d.at(item, "parameters")), d.list(d.at(op, "parameters"))...) {
		p = d.resolve(p)
		field := d.field(text(d.at(p, "name")), d.at(p, "schema"), text(d.at(p, "required")) == "true")
		field.In, field.Description = text(d.at(p, "in")), markup(text(d.at(p, "description")))
		view.Parameters = append(view.Parameters, field)
	}
	if body := d.at(op, "requestBody"); body != nil {
		view.Body = d.payload(d.at(body, "content"))
	}
	d.each(d.at(op, "responses"), func(status string, response *yaml.Node) {
		r := responseView{Status: status, Class: status[:1], Open: status[0] == '2', Text: inline(text(d.at(response, "description")))}
		d.each(d.at(response, "headers"), func(name string, header *yaml.Node) {
			field := d.field(name, d.at(header, "schema"), false)
			field.Description = markup(text(d.at(header, "description")))
			r.Headers = append(r.Headers, field)
		})
		r.Payload = d.payload(d.at(response, "content"))
		view.Responses = append(view.Responses, r)
	})
	return view
}

// payload describes the first content type of a body.
func (d apiDocument) payload(content *yaml.Node) *payloadView {
	var view *payloadView
	d.each(content, func(contentType string, media *yaml.Node) {
		if view != nil {
			return
		}
		raw := d.raw(media, "schema")
		view = &payloadView{ContentType: contentType, Type: d.typeOf(raw)}
		if d.raw(raw, "$ref") == nil {
			view.Fields = d.fields(d.resolve(raw))
		}
		example := d.at(media, "example")
		d.each(d.at(media, "examples"), func(_ string, named *yaml.Node) {
			if example == nil {
				example = d.at(named, "value")
			}
		})
		if example != nil {
			view.Example = d.pretty(example)
		}
	})
	return view
}

// fields lists an object's properties, those of its parts included.
func (d apiDocument) fields(schema *yaml.Node) []fieldView {
	var fields []fieldView
	for _, part := range d.list(d.at(schema, "allOf")) {
		fields = append(fields, d.fields(d.resolve(part))...)
	}
	required := make(map[string]bool)
	for _, name := range d.list(d.at(schema, "required")) {
		required[text(name)] = true
	}
	for name, property := range d.pairs(d.at(schema, "properties")) {
		fields = append(fields, d.field(name, property, required[name]))
	}
	return fields
}

func (d apiDocument) field(name string, schema *yaml.Node, required bool) fieldView {
	field := fieldView{Name: name, Required: required, Type: d.typeOf(schema)}
	if d.raw(schema, "$ref") == nil {
		field.Description = markup(text(d.at(schema, "description")))
	}
	return field
}

// typeOf says in words what a schema accepts; shapes with a name link to where they are described.
func (d apiDocument) typeOf(schema *yaml.Node) template.HTML {
	if schema == nil {
		return ""
	}
	if ref := text(d.raw(schema, "$ref")); ref != "" {
		name := html.EscapeString(ref[strings.LastIndexByte(ref, '/')+1:])
		return template.HTML(fmt.Sprintf(`<a href="#schema-%s">%s</a>`, name, name)) //nolint:gosec // escaped above
	}
	var choices []string
	for _, choice := range d.list(d.at(schema, "anyOf")) {
		choices = append(choices, string(d.typeOf(choice)))
	}
	types := d.at(schema, "type")
	if types != nil && types.Kind == yaml.SequenceNode {
		for _, t := range types.Content {
			choices = append(choices, html.EscapeString(t.Value))
		}
	} else if types != nil {
		choices = append(choices, html.EscapeString(types.Value))
	}
	out := strings.Join(choices, " or ")
	if items := d.raw(schema, "items"); items != nil {
		out = "array of " + string(d.typeOf(items))
	}
	if format := text(d.at(schema, "format")); format != "" {
		out += " (" + html.EscapeString(format) + ")"
	}
	var words []string
	for _, word := range d.list(d.at(schema, "enum")) {
		words = append(words, html.EscapeString(word.Value))
	}
	if word := d.at(schema, "const"); word != nil {
		words = append(words, html.EscapeString(word.Value))
	}
	if len(words) > 0 {
		out = strings.Join(words, " | ")
	}
	if least, most := text(d.at(schema, "minimum")), text(d.at(schema, "maximum")); least != "" && most != "" {
		out += " " + html.EscapeString(least+"–"+most)
	}
	if fallback := text(d.at(schema, "default")); fallback != "" {
		out += ", default " + html.EscapeString(fallback)
	}
	return template.HTML(out) //nolint:gosec // escaped above
}

// raw returns a mapping's value as it is written, nil if it is not there.
func (d apiDocument) raw(node *yaml.Node, key string) *yaml.Node {
	if node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return node.Content[i+1]
		}
	}
	return nil
}

// at follows keys through mappings, references and aliases.
func (d apiDocument) at(node *yaml.Node, keys ...string) *yaml.Node {
	for _, key := range keys {
		node = d.resolve(d.raw(d.resolve(node), key))
	}
	return node
}

func (d apiDocument) resolve(node *yaml.Node) *yaml.Node {
	for range 10 { // our references are not nested deeper, and never run in a circle
		if node != nil && node.Kind == yaml.AliasNode {
			node = node.Alias
			continue
		}
		ref := d.raw(node, "$ref")
		if ref == nil {
			return node
		}
		node = d.root
		for step := range strings.SplitSeq(strings.TrimPrefix(ref.Value, "#/"), "/") {
			node = d.raw(node, step)
		}
	}
	return node
}

func (d apiDocument) list(node *yaml.Node) []*yaml.Node {
	if node == nil || node.Kind != yaml.SequenceNode {
		return nil
	}
	return node.Content
}

// pairs yields a mapping's entries as they are written.
func (d apiDocument) pairs(node *yaml.Node) func(yield func(string, *yaml.Node) bool) {
	return func(yield func(string, *yaml.Node) bool) {
		if node == nil || node.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(node.Content); i += 2 {
			if !yield(node.Content[i].Value, node.Content[i+1]) {
				return
			}
		}
	}
}

// each calls do with a mapping's entries, references followed.
func (d apiDocument) each(node *yaml.Node, do func(key string, value *yaml.Node)) {
	for key, value := range d.pairs(node) {
		do(key, d.resolve(value))
	}
}

// pretty writes an example as JSON, its fields in the order they are written in.
func (d apiDocument) pretty(node *yaml.Node) string {
	var compact, out bytes.Buffer
	d.writeJSON(&compact, node)
	if json.Indent(&out, compact.Bytes(), "", "  ") != nil {
		return compact.String()
	}
	return out.String()
}

func (d apiDocument) writeJSON(out *bytes.Buffer, node *yaml.Node) {
	node = d.resolve(node)
	switch node.Kind {
	case yaml.MappingNode:
		out.WriteByte('{')
		first := true
		for key, value := range d.pairs(node) {
			if !first {
				out.WriteByte(',')
			}
			first = false
			out.WriteString(quoted(key) + ":")
			d.writeJSON(out, value)
		}
		out.WriteByte('}')
	case yaml.SequenceNode:
		out.WriteByte('[')
		for i, item := range node.Content {
			if i > 0 {
				out.WriteByte(',')
			}
			d.writeJSON(out, item)
		}
		out.WriteByte(']')
	default:
		switch node.Tag {
		case "!!int", "!!float", "!!bool", "!!null":
			out.WriteString(node.Value)
		default:
			out.WriteString(quoted(node.Value))
		}
	}
}

func quoted(s string) string {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(s) // a string always encodes
	return strings.TrimSuffix(out.String(), "\n")
}

func text(node *yaml.Node) string {
	if node == nil {
		return ""
	}
	return node.Value
}

// inline renders a single paragraph without its tags.
func inline(s string) template.HTML {
	out := strings.TrimPrefix(string(markup(s)), "<p>")
	return template.HTML(strings.TrimSuffix(out, "</p>")) //nolint:gosec // markup escapes
}

package schema

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ariga.io/atlas/sql/postgres"
	atlas "ariga.io/atlas/sql/schema"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// fileName is what errors call the file the tables come from.
const fileName = "schema.hcl"

// grammar says what a block may hold. Atlas ignores a block or an attribute it does not know, and also several it knows
// from other products (views, triggers, storage parameters): what is not written here would be dropped without a word.
type grammar struct {
	labels     int // how many names stand after the block's type
	attributes []string
	required   []string
	blocks     map[string]grammar
}

// fileGrammar is what schema.hcl may hold: what apply carries out and its tests show.
func fileGrammar() grammar {
	column := grammar{
		labels:     1,
		attributes: []string{"null", "type", "default", "comment"},
		required:   []string{"null", "type"},
		blocks: map[string]grammar{
			"identity": {attributes: []string{"generated", "start", "increment"}, required: []string{"generated"}},
			"as":       {attributes: []string{"expr", "type"}, required: []string{"expr", "type"}},
		},
	}
	part := grammar{attributes: []string{"column", "expr", "ops", "desc", "nulls_first", "nulls_last"}}
	table := grammar{
		labels:     1,
		attributes: []string{"schema", "comment"},
		required:   []string{"schema"},
		blocks: map[string]grammar{
			"column":      column,
			"primary_key": {attributes: []string{"columns"}, required: []string{"columns"}},
			"foreign_key": {
				labels:     1,
				attributes: []string{"columns", "ref_columns", "on_update", "on_delete"},
				required:   []string{"columns", "ref_columns", "on_delete"},
			},
			"unique": {
				labels:     1,
				attributes: []string{"columns", "nulls_distinct", "include", "comment"},
				required:   []string{"columns"},
			},
			"index": {
				labels:     1,
				attributes: []string{"columns", "unique", "type", "where", "nulls_distinct", "include", "comment"},
				blocks:     map[string]grammar{"on": part},
			},
			"check": {labels: 1, attributes: []string{"expr"}, required: []string{"expr"}},
		},
	}
	return grammar{blocks: map[string]grammar{
		"schema": {labels: 1, attributes: []string{"comment"}},
		"table":  table,
	}}
}

// checkHCL reports everything in the file that apply would not carry out, each by line, in one error.
func checkHCL(src []byte) error {
	file, diags := hclsyntax.ParseConfig(src, fileName, hcl.InitialPos)
	if diags.HasErrors() {
		return inLines(diags)
	}
	body := file.Body.(*hclsyntax.Body) // what hclsyntax.ParseConfig documents
	errs := fileGrammar().check(body, "the file")
	schemas := 0
	for _, block := range body.Blocks {
		if len(block.Labels) == 0 {
			continue // reported by the grammar
		}
		switch block.Type {
		case "schema":
			schemas++
			if block.Labels[0] != "public" {
				errs = append(errs, at(&block.TypeRange, "schema %q: every table lives in schema \"public\"", block.Labels[0]))
			}
		case "table":
			errs = append(errs, checkTable(src, block)...)
		}
	}
	if schemas == 0 {
		errs = append(errs, fmt.Errorf("%s: there is no block schema \"public\": without it a plan would drop that schema", fileName))
	}
	return errors.Join(errs...)
}

// inLines reports each error by its line.
func inLines(diags hcl.Diagnostics) error {
	errs := make([]error, 0, len(diags))
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			errs = append(errs, at(d.Subject, "%s: %s", d.Summary, d.Detail))
		}
	}
	return errors.Join(errs...)
}

// checkTable looks at what the grammar cannot say.
func checkTable(src []byte, table *hclsyntax.Block) []error {
	var errs []error
	if a, ok := table.Body.Attributes["schema"]; ok && !bytes.Equal(a.Expr.Range().SliceBytes(src), []byte("schema.public")) {
		errs = append(errs, at(&a.SrcRange, "table %q: schema has to be schema.public", table.Labels[0]))
	}
	for _, b := range table.Body.Blocks {
		_, columns := b.Body.Attributes["columns"]
		if b.Type == "index" && !columns && len(b.Body.Blocks) == 0 {
			errs = append(errs, at(&b.TypeRange, "%s needs columns or an on block", describe(b)))
		}
	}
	return errs
}

func (g grammar) check(body *hclsyntax.Body, inside string) []error {
	var errs []error
	for _, name := range sortedAttributes(body) {
		if !slices.Contains(g.attributes, name) {
			errs = append(errs, at(&body.Attributes[name].NameRange, "unknown attribute %q in %s", name, inside))
		}
	}
	for _, name := range g.required {
		if _, ok := body.Attributes[name]; !ok {
			errs = append(errs, at(&hcl.Range{Start: body.SrcRange.Start}, "attribute %q is missing in %s", name, inside))
		}
	}
	seen := make(map[string]bool)
	for _, b := range body.Blocks {
		inner, known := g.blocks[b.Type]
		if !known {
			errs = append(errs, at(&b.TypeRange, "unknown block %q in %s", b.Type, inside))
			continue
		}
		if len(b.Labels) != inner.labels {
			errs = append(errs, at(&b.TypeRange, "block %q takes %d name(s), it has %d", b.Type, inner.labels, len(b.Labels)))
			continue
		}
		name := describe(b)
		// An index's parts are a list, all other blocks are told apart by their names.
		if seen[name] && b.Type != "on" {
			errs = append(errs, at(&b.TypeRange, "%s is declared twice in %s", name, inside))
		}
		seen[name] = true
		if inside != "the file" {
			name += " of " + inside
		}
		errs = append(errs, inner.check(b.Body, name)...)
	}
	return errs
}

func describe(b *hclsyntax.Block) string {
	if len(b.Labels) == 0 {
		return b.Type
	}
	return fmt.Sprintf("%s %q", b.Type, strings.Join(b.Labels, "."))
}

func sortedAttributes(body *hclsyntax.Body) []string {
	names := make([]string, 0, len(body.Attributes))
	for name := range body.Attributes {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return body.Attributes[a].NameRange.Start.Byte - body.Attributes[b].NameRange.Start.Byte
	})
	return names
}

func at(r *hcl.Range, format string, args ...any) error {
	line := 1
	if r != nil {
		line = r.Start.Line
	}
	return fmt.Errorf("%s:%d: %s", fileName, line, fmt.Sprintf(format, args...))
}

// evaluate reads the file into Atlas's model. It is read anew for each run, since a run changes what it is given.
func evaluate(src []byte) (*atlas.Schema, error) {
	var realm atlas.Realm
	parser := hclparse.NewParser()
	if _, diags := parser.ParseHCL(src, fileName); diags.HasErrors() {
		return nil, inLines(diags)
	}
	if err := postgres.EvalHCL.Eval(parser, &realm, nil); err != nil {
		var diags hcl.Diagnostics
		if errors.As(err, &diags) {
			return nil, inLines(diags)
		}
		return nil, fmt.Errorf("%s: %w", fileName, err)
	}
	public, ok := realm.Schema("public")
	if !ok {
		return nil, fmt.Errorf("%s: there is no schema \"public\"", fileName)
	}
	return public, nil
}

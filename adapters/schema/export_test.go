package schema

import (
	"maps"
	"slices"
)

// AttributesAllowed returns the names of all attributes that schema.hcl may hold, each once, sorted.
func AttributesAllowed() []string {
	names := map[string]bool{}
	var walk func(grammar)
	walk = func(g grammar) {
		for _, name := range g.attributes {
			names[name] = true
		}
		for _, inner := range g.blocks {
			walk(inner)
		}
	}
	walk(fileGrammar())
	return slices.Sorted(maps.Keys(names))
}

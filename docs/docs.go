// Package docs holds the documents that the program itself serves. They live here, beside those that only people read, because
// embedding cannot reach up from the package that uses them.
package docs

import _ "embed"

// OpenAPI is openapi.yaml, the one description of the REST API: adapters/rest serves it as it is and as a page, and its tests
// hold every route and every answer against it.
//
//go:embed openapi.yaml
var OpenAPI []byte

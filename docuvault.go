// Package docuvault is a self-hosted document vault: people upload documents, a background task reads the text and
// files each one under its owner's topics, and a REST API serves a single-page app.
//
// The house is hexagonal, and each folder is a room:
//
//   - domain holds the values and their rules,
//   - ports names what the application needs from outside, with a conformance suite for each need,
//   - app holds the use cases,
//   - adapters fill the ports with PostgreSQL, object storage, Celery's queue and the rest,
//   - cmd/docuvault is the program: configuration and wiring.
//
// A program of your own composes [github.com/docuvault/docuvault/app] with any adapters that pass the suites under ports;
// docs/examples shows a small one.
package docuvault

import _ "embed"

// SchemaHCL is schema.hcl, the one source of every table: adapters/schema applies it and the Atlas command line reads the
// same file. It is embedded here because go:embed cannot reach up from the package that uses it.
//
//go:embed schema.hcl
var SchemaHCL []byte

// Package tracing follows work through the vault's processes with OpenTelemetry: a request, what it asks of storage, database and
// queue, and, by the headers of the task, what a worker makes of it, Go or Python. Spans go to a collector by OTLP over HTTP.
//
// A span holds names of operations, statements without their values, ids, sizes and outcomes. It never holds the name of a
// document, a text, an object's key, an address of a client or the text of an error.
package tracing

// Package memory keeps in maps what the real adapters keep in PostgreSQL, object storage and Redis. Each type passes the
// conformance suite of its port, so a use case that is tested on it is tested on what the port promises. It can be told to
// fail, which the real ones only do on bad days. Nothing survives the process; it is for tests and for trying things out.
package memory

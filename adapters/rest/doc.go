// Package rest serves the vault over HTTP: gin routes to handlers that decode a request, call one use case and encode its
// answer. Every route, shape, status and header is described in docs/openapi.yaml, which is served at /openapi.yaml and
// rendered at /docs; the tests hold the routes and real answers against it.
//
// Collections are bare JSON arrays and an error is a problem by RFC 9457 whose detail is always a string. Everything around the
// handlers (request ids, the access log, recovery, security headers, protection from slow peers) wraps gin from outside, so
// that it also holds for requests no route wants.
package rest

// Package ports names what the application needs from outside, as interfaces whose comments are their contracts. Each has a
// conformance suite below this folder (storagetest, repotest, queuetest, extracttest, classifytest) that every adapter passes,
// the in-memory ones included.
//
// Unless a method says otherwise, implementations are safe for concurrent use, take domain types, return errors with a
// domain.Code, answer a context that ends with a Canceled or Unavailable error, and report whatever they depend on being out
// of reach as Unavailable.
package ports

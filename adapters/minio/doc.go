// Package minio keeps objects in a bucket of MinIO or of any other S3 server, through minio-go.
//
// A body of up to one part goes out as a single PUT, a longer one as a multipart upload with at most two parts in memory, so
// neither a long upload nor many short ones of unknown length cost more memory than bytes are on their way. Every PUT and
// every completion carries If-None-Match: *, which keeps objects immutable, and a random mark in the object's metadata, by
// which Put recognises its own object when an answer was lost. A context that ends stops a body before its last byte is sent,
// and then the server cannot store it; after the last byte Put waits for the answer.
//
// Bytes are signed on their way, chunk by chunk; with TLS they are not, TLS guards them. Config.UnsignedPayloads has short bodies
// checked by their CRC-32C alone.
//
// Retries: calls without a body, parts, and bodies that are in memory (unknown length up to one part, or short) are tried up
// to three times. A body that streams through cannot be sent twice and is not.
//
// Incomplete uploads of a process that died are found by listing. MinIO lists only those begun since it was started; older
// ones it removes by itself after a day (its stale_uploads_expiry).
package minio

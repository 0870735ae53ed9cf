package minio

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// Get opens an object. See ports.StorageBackend.
func (s *Store) Get(ctx context.Context, key domain.ObjectKey, part ports.Range) (io.ReadCloser, ports.Object, error) {
	if err := contextError(ctx); err != nil {
		return nil, ports.Object{}, err
	}
	if key.IsZero() {
		return nil, ports.Object{}, domain.Errorf(domain.NotFound, "no such object")
	}
	var options minio.GetObjectOptions
	ranged := part != (ports.Range{})
	if ranged {
		if part.Offset < 0 || part.Length < 0 {
			return nil, ports.Object{}, domain.Errorf(domain.Invalid, "the range is outside the object").Because("range")
		}
		options.Set("Range", rangeHeader(part))
	}
	request, cancel := context.WithCancel(ctx)
	body, info, header, err := s.s3.GetObject(request, s.bucket, key.String(), options)
	if err != nil {
		cancel()
		return nil, ports.Object{}, s.translate(ctx, "get an object", err)
	}
	reading := &reader{ctx: ctx, body: body, cancel: cancel, store: s}
	if ranged {
		if info.Size, err = wholeSize(header); err != nil {
			_ = reading.Close() // the answer is useless
			return nil, ports.Object{}, err
		}
	}
	reading.dog = newWatchdog(s.timeout, cancel)
	reading.dog.pause()
	return reading, describe(info), nil
}

// rangeHeader writes a range as RFC 9110 wants it: from first to last byte, both included.
func rangeHeader(part ports.Range) string {
	last := part.Offset + part.Length - 1
	if part.Length == 0 || last < part.Offset { // to the end, or beyond what can be counted
		return fmt.Sprintf("bytes=%d-", part.Offset)
	}
	return fmt.Sprintf("bytes=%d-%d", part.Offset, last)
}

// wholeSize reads the length of the whole object from Content-Range: bytes 0-9/1000.
func wholeSize(header http.Header) (int64, error) {
	_, whole, _ := strings.Cut(header.Get("Content-Range"), "/")
	size, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return 0, domain.Wrap(domain.Internal, err, "the object storage did not answer the range")
	}
	return size, nil
}

// reader reads an object's bytes. Each Read has the store's timeout; time between them does not count.
type reader struct {
	ctx    context.Context
	body   io.ReadCloser
	cancel context.CancelFunc
	dog    *watchdog
	store  *Store
}

func (r *reader) Read(p []byte) (int, error) {
	r.dog.wait()
	n, err := r.body.Read(p)
	r.dog.pause()
	if err != nil && !isEOF(err) || isEOF(err) && r.ctx.Err() != nil && n == 0 {
		err = r.store.translate(r.ctx, "read an object", err)
	}
	return n, err
}

// Close ends the request. The connection is kept if everything was read.
func (r *reader) Close() error {
	if r.dog != nil {
		r.dog.pause()
	}
	err := r.body.Close()
	r.cancel()
	return r.store.translate(context.WithoutCancel(r.ctx), "close an object", err)
}

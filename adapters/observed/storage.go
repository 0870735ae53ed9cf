package observed

import (
	"context"
	"io"
	"time"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// NewStorage returns next with every call that reaches the backend observed. With nobody to tell it is next itself. Of Get, what
// is observed ends when the object is open: how fast its bytes are read is the reader's business.
func NewStorage(next ports.StorageBackend, observer Observer) ports.StorageBackend {
	if observer == nil {
		return next
	}
	return &storage{next, observer}
}

type storage struct {
	ports.StorageBackend
	observe Observer
}

// Put implements ports.StorageBackend.
func (s *storage) Put(ctx context.Context, key domain.ObjectKey, r io.Reader, size int64, contentType string) (n int64, err error) {
	ctx, end := s.observe(ctx, Storage, "put")
	defer func() { done(end, err) }()
	return s.StorageBackend.Put(ctx, key, r, size, contentType)
}

// Get implements ports.StorageBackend. The reader lives as long as the context it was opened with, so that one is passed on.
func (s *storage) Get(ctx context.Context, key domain.ObjectKey, part ports.Range) (_ io.ReadCloser, _ ports.Object, err error) {
	ctx, end := s.observe(ctx, Storage, "get")
	defer func() { done(end, err) }()
	return s.StorageBackend.Get(ctx, key, part)
}

// Stat implements ports.StorageBackend.
func (s *storage) Stat(ctx context.Context, key domain.ObjectKey) (_ ports.Object, err error) {
	ctx, end := s.observe(ctx, Storage, "stat")
	defer func() { done(end, err) }()
	return s.StorageBackend.Stat(ctx, key)
}

// Delete implements ports.StorageBackend.
func (s *storage) Delete(ctx context.Context, key domain.ObjectKey) (err error) {
	ctx, end := s.observe(ctx, Storage, "delete")
	defer func() { done(end, err) }()
	return s.StorageBackend.Delete(ctx, key)
}

// List implements ports.StorageBackend.
func (s *storage) List(ctx context.Context, prefix string, each func(ports.Object) error) (err error) {
	ctx, end := s.observe(ctx, Storage, "list")
	defer func() { done(end, err) }()
	return s.StorageBackend.List(ctx, prefix, each)
}

// AbortStale implements ports.StorageBackend.
func (s *storage) AbortStale(ctx context.Context, before time.Time, dryRun bool) (_ int, err error) {
	ctx, end := s.observe(ctx, Storage, "abort_stale")
	defer func() { done(end, err) }()
	return s.StorageBackend.AbortStale(ctx, before, dryRun)
}

// Health implements ports.StorageBackend.
func (s *storage) Health(ctx context.Context) (err error) {
	ctx, end := s.observe(ctx, Storage, "health")
	defer func() { done(end, err) }()
	return s.StorageBackend.Health(ctx)
}

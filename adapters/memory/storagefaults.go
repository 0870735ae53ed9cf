package memory

import (
	"context"

	"github.com/docuvault/docuvault/domain"
)

// StorageOp names a method of Storage, for the faults a test plants.
type StorageOp string

// The methods of Storage that can be made to fail.
const (
	PutOp        StorageOp = "put"
	GetOp        StorageOp = "get"
	StatOp       StorageOp = "stat"
	DeleteOp     StorageOp = "delete"
	ListOp       StorageOp = "list"
	URLOp        StorageOp = "url"
	AbortStaleOp StorageOp = "abort_stale"
	HealthOp     StorageOp = "health"
)

// StorageOps returns every operation, for a test that takes the whole store down.
func StorageOps() []StorageOp {
	return []StorageOp{PutOp, GetOp, StatOp, DeleteOp, ListOp, URLOp, AbortStaleOp, HealthOp}
}

type faults struct {
	byOp   map[StorageOp]error
	put    *streamFault
	get    *streamFault
	before func(ctx context.Context, op StorageOp, key domain.ObjectKey) error
}

// streamFault ends a body with err once so many bytes of it have passed.
type streamFault struct {
	after int64
	err   error
}

// take returns a planned failure and forgets it. The caller holds the lock.
func take(planned **streamFault) *streamFault {
	fault := *planned
	*planned = nil
	return fault
}

// Fail makes every call of op return err, before it does anything, until Fail(op, nil).
func (s *Storage) Fail(op StorageOp, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.faults.byOp == nil {
		s.faults.byOp = map[StorageOp]error{}
	}
	s.faults.byOp[op] = err
}

// Down makes every operation return Unavailable until Up.
func (s *Storage) Down() {
	for _, op := range StorageOps() {
		s.Fail(op, domain.Errorf(domain.Unavailable, "the object storage is down"))
	}
}

// Up ends what Down and Fail began.
func (s *Storage) Up() {
	for _, op := range StorageOps() {
		s.Fail(op, nil)
	}
}

// FailPutAfter makes the next Put return err once it has read that many bytes, or at the end of a shorter body.
func (s *Storage) FailPutAfter(bytes int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.put = &streamFault{after: bytes, err: err}
}

// FailGetAfter makes the reader of the next Get that opens an object return err once that many bytes were read from it, or at
// the end of a shorter object.
func (s *Storage) FailGetAfter(bytes int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.get = &streamFault{after: bytes, err: err}
}

// Before has hook called ahead of every operation, without a lock held: it may block, cancel, use the store, or return the
// error that the operation then returns. The key is zero where the operation has none.
func (s *Storage) Before(hook func(ctx context.Context, op StorageOp, key domain.ObjectKey) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.before = hook
}

// begin runs the hook and the planned failure of an operation and answers a ctx that has ended.
func (s *Storage) begin(ctx context.Context, op StorageOp, key domain.ObjectKey) error {
	if err := contextError(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	hook, planned := s.faults.before, s.faults.byOp[op]
	s.mu.Unlock()
	if hook != nil {
		if err := hook(ctx, op, key); err != nil {
			return err
		}
	}
	return planned
}

// contextError translates the end of ctx, nil if it has not ended.
func contextError(ctx context.Context) error {
	return domain.ContextError(ctx, "the time for this was up")
}

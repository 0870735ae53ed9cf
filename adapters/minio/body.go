package minio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/docuvault/docuvault/domain"
)

// errReturned is what the HTTP transport reads, which may go on after a request has failed, once Put has returned.
var errReturned = errors.New("the upload has ended")

// gate stands between a source of bytes and the transport that sends them. It knows whether the server can have all of them,
// and lets none through once it was shut.
type gate struct {
	mu       sync.Mutex
	shut     error // what a Read gets from now on
	failure  error // what was wrong with the source, for the caller of Put
	complete bool  // the last byte is on its way
	sentOnce bool  // it was, in this or an earlier try
}

// stop shuts the gate. When it returns, no Read of the source is under way and none will be. It reports whether the last
// byte went through before.
func (g *gate) stop(why error) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut == nil {
		g.shut = why
	}
	return g.complete
}

func (g *gate) outcome() (sentOnce bool, failure error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.sentOnce, g.failure
}

// fail shuts the gate because of the source. The caller holds the lock.
func (g *gate) fail(why error) error {
	g.failure, g.shut = why, why
	return why
}

// pass notes that the last byte goes through. The caller holds the lock.
func (g *gate) pass() { g.complete, g.sentOnce = true, true }

// stream sends a reader of announced length as it comes. It holds back the last bytes until the reader has ended where it
// should: without them no server stores anything.
type stream struct {
	gate
	ctx  context.Context
	r    io.Reader
	left int64
}

func newStream(ctx context.Context, r io.Reader, size int64) *stream {
	return &stream{ctx: ctx, r: r, left: size}
}

func (s *stream) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.shut != nil:
		return 0, s.shut
	case s.left == 0:
		return 0, io.EOF
	case s.ctx.Err() != nil:
		return 0, s.fail(contextError(s.ctx))
	}
	n, err := s.r.Read(p[:min(int64(len(p)), s.left)])
	s.left -= int64(n)
	if s.left > 0 {
		if isEOF(err) {
			return 0, s.fail(errTooShort())
		}
		if err != nil {
			return 0, s.fail(sourceError(s.ctx, err))
		}
		return n, nil
	}
	if err == nil {
		err = readEnd(s.ctx, s.r)
	}
	if err == nil {
		return 0, s.fail(errTooLong())
	}
	if !isEOF(err) {
		return 0, s.fail(sourceError(s.ctx, err))
	}
	s.pass()
	return n, nil
}

// held sends what a spool holds, as often as it takes.
type held struct {
	gate
	spool  *spool
	offset int64
}

func newHeld(spool *spool) *held {
	h := &held{spool: spool}
	if spool.size == 0 {
		h.pass() // there is no byte that could be held back
	}
	return h
}

func (h *held) Read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.shut != nil {
		return 0, h.shut
	}
	n, err := h.spool.readAt(p, h.offset)
	h.offset += int64(n)
	if h.offset == h.spool.size {
		h.pass()
	}
	return n, err
}

// Seek starts another try, from the beginning.
func (h *held) Seek(offset int64, whence int) (int64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.shut != nil {
		return 0, h.shut
	}
	if offset != 0 || whence != io.SeekStart {
		return 0, errors.New("a body can only be started again")
	}
	h.offset, h.complete = 0, h.spool.size == 0
	return 0, nil
}

// sourceError is an error of the reader's own, wrapped, unless it comes from the end of ctx.
func sourceError(ctx context.Context, err error) error {
	if ended := contextError(ctx); ended != nil {
		return ended
	}
	return fmt.Errorf("read the upload: %w", err)
}

func errTooShort() error {
	return domain.Errorf(domain.Malformed, "fewer bytes came than were announced")
}

func errTooLong() error {
	return domain.Errorf(domain.Malformed, "more bytes came than were announced")
}

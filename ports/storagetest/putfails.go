package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/docuvault/docuvault/domain"
)

// putFailureTests tries everything that keeps an upload from its end, at every stage of it, and looks for remains.
func putFailureTests() []test {
	return []test{
		{"a body that breaks leaves nothing", putBroken},
		{"a domain error of the body keeps its code", putBrokenWithCode},
		{"too short is Malformed and leaves nothing", putTooShort},
		{"too long is Malformed and leaves nothing", putTooLong},
		{"canceled before it began", func(t *testing.T, s Subject) {
			key := newKey()
			_, err := s.Store.Put(canceled(t), key, streamOf([]byte("x")), 1, plain)
			mustCode(t, "Put with a canceled context", err, domain.Canceled)
			mustLackEverything(t, s, key)
		}},
		{"canceled on the way leaves nothing", putCanceled},
		{"past its deadline leaves nothing", putPastDeadline},
		{"canceled with the last byte", putCanceledAtEnd},
		{"after a failure the key is free", putAgain},
	}
}

// stages returns how far a body of the given length may get before something happens.
func stages(s Subject, length int64) []int64 {
	var all []int64
	for _, at := range []int64{0, 1, 64<<10 + 1, s.PartSize - 1, s.PartSize, s.PartSize + 1, 2*s.PartSize + 5} {
		if at < length {
			all = append(all, at)
		}
	}
	return all
}

func eachStage(t *testing.T, s Subject, try func(name string, at, length, size int64)) {
	t.Helper()
	for _, length := range []int64{100, 200_000, s.PartSize, 3 * s.PartSize} {
		for _, at := range stages(s, length) {
			for _, size := range []int64{length, -1} {
				try(fmt.Sprintf("at %d of %d bytes announced as %d", at, length, size), at, length, size)
			}
		}
	}
}

func putBroken(t *testing.T, s Subject) {
	eachStage(t, s, func(name string, at, _, size int64) {
		key := newKey()
		n, err := s.Store.Put(t.Context(), key, breaking(body(at, 9)), size, plain)
		if !errors.Is(err, errBody) {
			t.Fatalf("Put that breaks %s: %d, %v, want the body's own error", name, n, err)
		}
		mustLackEverything(t, s, key)
	})
}

func putBrokenWithCode(t *testing.T, s Subject) {
	for _, size := range []int64{1000, -1} {
		tooLarge := domain.Errorf(domain.TooLarge, "more than allowed").Because("limit")
		reader := io.MultiReader(bytes.NewReader(body(10, 1)), errorReader{tooLarge})
		_, err := s.Store.Put(t.Context(), newKey(), reader, size, plain)
		mustCode(t, "Put of a body that says it is too large", err, domain.TooLarge)
		if !errors.Is(err, tooLarge) || domain.ErrorReason(err) != "limit" {
			t.Fatalf("%v does not wrap the body's error", err)
		}
	}
}

type errorReader struct{ err error }

func (e errorReader) Read([]byte) (int, error) { return 0, e.err }

func putTooShort(t *testing.T, s Subject) {
	eachStage(t, s, func(name string, at, length, _ int64) {
		key := newKey()
		_, err := s.Store.Put(t.Context(), key, streamOf(body(at, 10)), length, plain)
		mustCode(t, "Put that ends "+name, err, domain.Malformed)
		mustLackEverything(t, s, key)
	})
}

func putTooLong(t *testing.T, s Subject) {
	eachStage(t, s, func(name string, at, length, _ int64) {
		key := newKey()
		_, err := s.Store.Put(t.Context(), key, streamOf(body(length, 11)), at, plain)
		mustCode(t, "Put that goes on "+name, err, domain.Malformed)
		mustLackEverything(t, s, key)
	})
}

func putCanceled(t *testing.T, s Subject) {
	eachStage(t, s, func(name string, at, length, size int64) {
		key := newKey()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		rest := io.LimitReader(zeros{}, length-at)
		_, err := s.Store.Put(ctx, key, &canceling{bytes.NewReader(body(at, 12)), cancel, rest}, size, plain)
		if err == nil && length-at < 64<<10 {
			mustHave(t, s, key, append(body(at, 12), make([]byte, length-at)...)) // the rest came in one piece
			return
		}
		mustCode(t, "Put canceled "+name, err, domain.Canceled)
		mustLackEverything(t, s, key)
	})
}

func putPastDeadline(t *testing.T, s Subject) {
	for _, size := range []int64{4 * s.PartSize, -1} {
		key := newKey()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		defer cancel()
		waiting := errorAfter{ctx}
		_, err := s.Store.Put(ctx, key, io.MultiReader(bytes.NewReader(body(100, 13)), waiting), size, plain)
		mustCode(t, "Put past its deadline", err, domain.Unavailable)
		mustLackEverything(t, s, key)
	}
}

// errorAfter blocks until ctx ends, like the body of a request whose client stopped sending.
type errorAfter struct{ ctx context.Context }

func (e errorAfter) Read([]byte) (int, error) {
	<-e.ctx.Done()
	return 0, io.ErrUnexpectedEOF
}

// putCanceledAtEnd ends the context with the reader's EOF: whatever Put answers must be true.
func putCanceledAtEnd(t *testing.T, s Subject) {
	for _, length := range []int64{0, 100, 1 << 20, s.PartSize, s.PartSize + 1, 2 * s.PartSize} {
		for _, size := range []int64{length, -1} {
			content, key := body(length, 14), newKey()
			ctx, cancel := context.WithCancel(t.Context())
			_, err := s.Store.Put(ctx, key, &canceling{bytes.NewReader(content), cancel, errorReader{io.EOF}}, size, plain)
			cancel()
			if err == nil {
				mustHave(t, s, key, content)
				continue
			}
			mustCode(t, "Put canceled with its last byte", err, domain.Canceled)
			mustLackEverything(t, s, key)
		}
	}
}

func putAgain(t *testing.T, s Subject) {
	for _, length := range []int64{100, 2 * s.PartSize} {
		content, key := body(length, 15), newKey()
		if _, err := s.Store.Put(t.Context(), key, breaking(content), -1, plain); err == nil {
			t.Fatal("Put of a broken body succeeded")
		}
		mustPut(t, s.Store, key, content)
		mustHave(t, s, key, content)
	}
}

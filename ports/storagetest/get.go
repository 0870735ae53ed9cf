package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"testing"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

func getTests() []test {
	return []test{
		{"ranges at all edges", getRanges},
		{"ranges outside are Invalid", getOutside},
		{"an empty object", getEmpty},
		{"an absent key is NotFound at once", func(t *testing.T, s Subject) {
			mustLack(t, s.Store, newKey())
			_, _, err := s.Store.Get(t.Context(), newKey(), ports.Range{Offset: 5, Length: 5})
			mustCode(t, "ranged Get of an absent key", err, domain.NotFound)
			mustPut(t, s.Store, newKey(), []byte("something"))
			mustLack(t, s.Store, newKey())
			mustLack(t, s.Store, domain.ObjectKey{})
		}},
		{"a sibling of the same document is another object", getSibling},
		{"readers that are closed early", getClosedEarly},
		{"the reader is good for as long as its context", getCanceled},
		{"a canceled context", func(t *testing.T, s Subject) {
			key := newKey()
			mustPut(t, s.Store, key, []byte("x"))
			_, _, err := s.Store.Get(canceled(t), key, ports.Range{})
			mustCode(t, "Get", err, domain.Canceled)
			_, err = s.Store.Stat(canceled(t), key)
			mustCode(t, "Stat", err, domain.Canceled)
		}},
		{"deleted while it is read", getDeleted},
	}
}

func getRanges(t *testing.T, s Subject) {
	size := s.PartSize + 1000
	content, key := body(size, 20), newKey()
	mustPut(t, s.Store, key, content)
	for _, part := range []ports.Range{
		{}, {Length: 1}, {Length: 10}, {Length: size}, {Length: size + 1}, {Length: math.MaxInt64},
		{Offset: 1}, {Offset: 1, Length: 1}, {Offset: 100, Length: 5}, {Offset: s.PartSize - 2, Length: 4}, {Offset: s.PartSize},
		{Offset: size - 1}, {Offset: size - 1, Length: 1}, {Offset: size - 1, Length: 2}, {Offset: 1, Length: size - 1},
		{Offset: 1, Length: size}, {Offset: size - 10, Length: math.MaxInt64},
	} {
		end := size
		if part.Length > 0 && part.Length < size-part.Offset {
			end = part.Offset + part.Length
		}
		got, object := mustGet(t, s.Store, key, part)
		if !bytes.Equal(got, content[part.Offset:end]) {
			t.Fatalf("%+v: %d bytes, want %d to %d of the content", part, len(got), part.Offset, end)
		}
		if object.Size != size || object.Key != key {
			t.Fatalf("%+v: described as %+v, want the whole object of %d bytes", part, object, size)
		}
	}
}

func getOutside(t *testing.T, s Subject) {
	key := newKey()
	mustPut(t, s.Store, key, body(1000, 21))
	for _, part := range []ports.Range{
		{Offset: 1000}, {Offset: 1000, Length: 1}, {Offset: 1001}, {Offset: math.MaxInt64}, {Offset: math.MaxInt64, Length: math.MaxInt64},
		{Offset: -1}, {Offset: -1, Length: 5}, {Length: -1}, {Offset: 5, Length: -1}, {Offset: math.MinInt64, Length: math.MinInt64},
	} {
		mustRefuseRange(t, s, key, part)
	}
}

func mustRefuseRange(t *testing.T, s Subject, key domain.ObjectKey, part ports.Range) {
	t.Helper()
	reader, _, err := s.Store.Get(t.Context(), key, part)
	if err == nil {
		_ = reader.Close()
	}
	mustCode(t, fmt.Sprintf("Get of %+v", part), err, domain.Invalid)
	if reason := domain.ErrorReason(err); reason != "range" {
		t.Fatalf("Get of %+v: reason %q, want range", part, reason)
	}
}

func getEmpty(t *testing.T, s Subject) {
	key := newKey()
	mustPut(t, s.Store, key, nil)
	mustHave(t, s, key, nil)
	for _, part := range []ports.Range{{Length: 1}, {Offset: 1}, {Offset: 1, Length: 1}} {
		mustRefuseRange(t, s, key, part)
	}
}

func getSibling(t *testing.T, s Subject) {
	first := newKey()
	second := keyOf(first.Document(), "second")
	mustPut(t, s.Store, first, []byte("first"))
	mustLack(t, s.Store, second)
	mustPut(t, s.Store, second, []byte("second"))
	mustHave(t, s, first, []byte("first"))
	mustHave(t, s, second, []byte("second"))
	if err := s.Store.Delete(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	mustLack(t, s.Store, first)
	mustHave(t, s, second, []byte("second"))
}

// getClosedEarly opens more readers than any pool of connections holds and leaves them half read. What leaks is found by
// goleak in the adapter's tests, or by running out.
func getClosedEarly(t *testing.T, s Subject) {
	content, key := body(s.PartSize+1, 22), newKey()
	mustPut(t, s.Store, key, content)
	for i := range 200 {
		part := ports.Range{}
		if i%2 == 1 {
			part = ports.Range{Offset: 10, Length: 100_000}
		}
		reader, _, err := s.Store.Get(t.Context(), key, part)
		if err != nil {
			t.Fatalf("Get %d: %v", i, err)
		}
		if i%3 > 0 {
			if _, err := io.ReadFull(reader, make([]byte, 1000)); err != nil {
				t.Fatalf("read %d: %v", i, err)
			}
		}
		if err := reader.Close(); err != nil {
			t.Fatalf("close %d: %v", i, err)
		}
	}
	mustHave(t, s, key, content)
}

func getCanceled(t *testing.T, s Subject) {
	key := newKey()
	mustPut(t, s.Store, key, body(4*s.PartSize, 23))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	reader, _, err := s.Store.Get(ctx, key, ports.Range{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	if _, err := io.ReadFull(reader, make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	cancel()
	_, err = io.Copy(io.Discard, reader)
	mustCode(t, "read after the context ended", err, domain.Canceled)
}

// getDeleted deletes under a reader. Some backends let the reader finish first and some cut it off.
func getDeleted(t *testing.T, s Subject) {
	content, key := body(2*s.PartSize, 24), newKey()
	mustPut(t, s.Store, key, content)
	reader, _, err := s.Store.Get(t.Context(), key, ports.Range{})
	if err != nil {
		t.Fatal(err)
	}
	deleted := make(chan error, 1)
	go func() { deleted <- s.Store.Delete(t.Context(), key) }()
	got, err := io.ReadAll(reader)
	if closeErr := reader.Close(); closeErr != nil {
		t.Error(closeErr)
	}
	if deleteErr := <-deleted; deleteErr != nil {
		t.Fatalf("Delete beside a reader: %v", deleteErr)
	}
	var coded *domain.Error
	if err == nil && !bytes.Equal(got, content) || err != nil && !errors.As(err, &coded) {
		t.Fatalf("reading on gave %d other bytes and %v, want all of the content or a coded error", len(got), err)
	}
	mustLack(t, s.Store, key)
}

package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/docuvault/docuvault/domain"
)

func putTests() []test {
	var tests []test
	lengths := []struct {
		name   string
		length func(part int64) int64
	}{
		{"empty", func(int64) int64 { return 0 }},
		{"one byte", func(int64) int64 { return 1 }},
		{"64 KiB", func(int64) int64 { return 64 << 10 }},
		{"1 MiB and a bit", func(int64) int64 { return 1<<20 + 13 }},
		{"one byte below a part", func(part int64) int64 { return part - 1 }},
		{"exactly one part", func(part int64) int64 { return part }},
		{"one byte above a part", func(part int64) int64 { return part + 1 }},
		{"exactly two parts", func(part int64) int64 { return 2 * part }},
		{"several parts", func(part int64) int64 { return 3*part + part/2 }},
	}
	for _, l := range lengths {
		tests = append(tests,
			test{l.name + ", known length", func(t *testing.T, s Subject) {
				content, key := body(l.length(s.PartSize), 1), newKey()
				put(t, s.Store, key, content, int64(len(content)))
				mustHave(t, s, key, content)
			}},
			test{l.name + ", unknown length", func(t *testing.T, s Subject) {
				content, key := body(l.length(s.PartSize), 2), newKey()
				put(t, s.Store, key, content, -1)
				mustHave(t, s, key, content)
			}},
		)
	}
	return append(tests,
		test{"from where the reader stands", putFromWhereItStands},
		test{"a consumed reader stores 0 bytes", putConsumed},
		test{"readers of every manner", putManners},
		test{"an existing key is Conflict and stays", putTwice},
		test{"one of many concurrent puts of a key wins", putRace},
		test{"64 concurrent puts of mixed sizes", putConcurrently},
		test{"no read after it returned", putReadsNoMore},
		test{"the zero key", func(t *testing.T, s Subject) {
			_, err := s.Store.Put(t.Context(), domain.ObjectKey{}, streamOf([]byte("x")), 1, plain)
			mustCode(t, "Put of the zero key", err, domain.Internal)
			mustLack(t, s.Store, domain.ObjectKey{})
			if n := len(list(t, s.Store, "")); n != 0 {
				t.Fatalf("%d objects exist, want none", n)
			}
		}},
	)
}

func putFromWhereItStands(t *testing.T, s Subject) {
	content := body(s.PartSize+100, 3)
	for _, known := range []bool{true, false} {
		for _, rest := range []int64{s.PartSize + 93, 100} { // multipart and single
			reader := &closing{Reader: bytes.NewReader(content)}
			if _, err := reader.Seek(-rest, io.SeekEnd); err != nil {
				t.Fatal(err)
			}
			size, key := int64(-1), newKey()
			if known {
				size = rest
			}
			n, err := s.Store.Put(t.Context(), key, reader, size, plain)
			if err != nil || n != rest {
				t.Fatalf("Put of the last %d bytes: %d, %v", rest, n, err)
			}
			mustHave(t, s, key, content[int64(len(content))-rest:])
			if reader.closed.Load() {
				t.Fatal("Put closed a reader that is not its own")
			}
			if at, _ := reader.Seek(0, io.SeekCurrent); at != int64(len(content)) {
				t.Fatalf("Put left the reader at %d of %d", at, len(content))
			}
		}
	}
}

func putConsumed(t *testing.T, s Subject) {
	reader := bytes.NewReader(body(1000, 4))
	if _, err := io.Copy(io.Discard, reader); err != nil {
		t.Fatal(err)
	}
	key := newKey()
	n, err := s.Store.Put(t.Context(), key, reader, -1, plain)
	if err != nil || n != 0 {
		t.Fatalf("Put of a consumed reader: %d, %v, want 0 bytes stored", n, err)
	}
	mustHave(t, s, key, nil)

	other := newKey()
	_, err = s.Store.Put(t.Context(), other, reader, 1000, plain)
	mustCode(t, "Put of a consumed reader that was announced", err, domain.Malformed)
	mustLackEverything(t, s, other)
}

func putManners(t *testing.T, s Subject) {
	for _, length := range []int64{0, 1, 100_000, s.PartSize, s.PartSize + 1} {
		content := body(length, 5)
		for name, manner := range map[string]func([]byte) io.Reader{"dribble": dribble, "data with EOF": dataErr} {
			for _, size := range []int64{length, -1} {
				key := newKey()
				n, err := s.Store.Put(t.Context(), key, manner(content), size, plain)
				if err != nil || n != length {
					t.Fatalf("%s of %d bytes announced as %d: %d, %v", name, length, size, n, err)
				}
				mustHave(t, s, key, content)
			}
		}
	}
}

func putTwice(t *testing.T, s Subject) {
	for _, length := range []int64{0, 10, s.PartSize + 1} {
		for _, known := range []bool{true, false} {
			first, key := body(length, 6), newKey()
			mustPut(t, s.Store, key, first)
			second, size := body(length+5, 7), int64(-1)
			if known {
				size = int64(len(second))
			}
			_, err := s.Store.Put(t.Context(), key, streamOf(second), size, plain)
			mustCode(t, fmt.Sprintf("second Put of a key, %d bytes", length), err, domain.Conflict)
			mustHave(t, s, key, first)

			// A second Put that fails for its own reasons leaves the first alone as well.
			if _, err := s.Store.Put(t.Context(), key, breaking(second), size, plain); err == nil {
				t.Fatal("Put of a broken body succeeded")
			}
			mustHave(t, s, key, first)
		}
	}
	if n := s.Unfinished(t); n != 0 {
		t.Fatalf("%d unfinished uploads are left", n)
	}
}

func putRace(t *testing.T, s Subject) {
	key := newKey()
	var group sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		group.Go(func() {
			_, errs[i] = s.Store.Put(t.Context(), key, streamOf(body(20_000, uint64(i))), 20_000, plain)
		})
	}
	group.Wait()
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner >= 0:
			t.Fatalf("puts %d and %d of one key both succeeded", winner, i)
		case err == nil:
			winner = i
		default:
			mustCode(t, "Put that lost", err, domain.Conflict)
		}
	}
	if winner < 0 {
		t.Fatalf("no put won: %v", errors.Join(errs...))
	}
	mustHave(t, s, key, body(20_000, uint64(winner)))
}

func putConcurrently(t *testing.T, s Subject) {
	lengths := []int64{0, 1, 100, 4 << 10, 70_000, 1 << 20, s.PartSize, s.PartSize + 1}
	shared := newKey().Document() // half of them in one folder
	type upload struct {
		key     domain.ObjectKey
		content []byte
	}
	uploads := make([]upload, 64)
	var group sync.WaitGroup
	for i := range uploads {
		u := upload{key: newKey(), content: body(lengths[i%len(lengths)], uint64(100+i))}
		if i%2 == 0 {
			u.key = keyOf(shared, "a.bin")
		}
		uploads[i] = u
		group.Go(func() {
			size := int64(len(u.content))
			if i%4 < 2 {
				size = -1
			}
			if n, err := s.Store.Put(t.Context(), u.key, dribble(u.content), size, plain); err != nil || n != int64(len(u.content)) {
				t.Errorf("Put %d of %d bytes: %d, %v", i, len(u.content), n, err)
			}
		})
	}
	group.Wait()
	if t.Failed() {
		return
	}
	for _, u := range uploads {
		mustHave(t, s, u.key, u.content)
	}
	if n := len(list(t, s.Store, "")); n != len(uploads) {
		t.Fatalf("%d objects are listed, want %d", n, len(uploads))
	}
}

func putReadsNoMore(t *testing.T, s Subject) {
	for _, length := range []int64{1000, s.PartSize / 2, 3 * s.PartSize} {
		for _, size := range []int64{4 * s.PartSize, s.PartSize, -1} {
			ctx, cancel := context.WithCancel(t.Context())
			reader := &watched{Reader: &canceling{first: bytes.NewReader(body(length, 8)), cancel: cancel, rest: zeros{}}}
			_, err := s.Store.Put(ctx, newKey(), reader, size, plain)
			reader.returned.Store(true)
			if reader.reading.Load() != 0 {
				t.Fatal("Put returned while a Read was under way")
			}
			if code := domain.ErrorCode(err); size != s.PartSize || code != domain.Malformed { // too long is also true there
				mustCode(t, "Put with a context that ended", err, domain.Canceled)
			}
			if reader.late.Load() || reader.overlap.Load() {
				t.Fatalf("late read %t, overlapping reads %t, want neither", reader.late.Load(), reader.overlap.Load())
			}
			cancel()
		}
	}
}

package storagetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

func listTests() []test {
	return []test{
		{"nothing", func(t *testing.T, s Subject) { mustList(t, s, "") }},
		{"by prefix", listByPrefix},
		{"names that are not ours", listForeign},
		{"each stops it", listStops},
		{"each may delete", listDeletes},
		{"a canceled context", func(t *testing.T, s Subject) {
			mustPut(t, s.Store, newKey(), []byte("x"))
			err := s.Store.List(canceled(t), "", func(ports.Object) error { return nil })
			mustCode(t, "List", err, domain.Canceled)
		}},
		{"more than one page", listMany},
	}
}

// mustList expects exactly the given names below prefix.
func mustList(t *testing.T, s Subject, prefix string, want ...string) {
	t.Helper()
	names := []string{}
	for _, object := range list(t, s.Store, prefix) {
		names = append(names, object.Name)
	}
	slices.Sort(names)
	want = slices.Sorted(slices.Values(want))
	if !slices.Equal(names, want) {
		t.Fatalf("List(%q) = %q, want %q", prefix, names, want)
	}
}

func listByPrefix(t *testing.T, s Subject) {
	doc, other := domain.DocumentID(uuid.New()), domain.DocumentID(uuid.New())
	first, second, third := keyOf(doc, "a.pdf"), keyOf(doc, "b"), keyOf(other, "c.txt")
	for i, key := range []domain.ObjectKey{first, second, third} {
		mustPut(t, s.Store, key, body(int64(10*i), 30))
	}
	owner := first.String()[:36]
	all := []string{first.String(), second.String(), third.String()}
	for _, object := range list(t, s.Store, "") {
		i := slices.Index(all, object.Name)
		if i < 0 || object.Size != int64(10*i) || object.Key.String() != all[i] || object.ModTime.IsZero() {
			t.Fatalf("listed %+v", object)
		}
	}
	mustList(t, s, "", all...)
	mustList(t, s, owner[:1], all...)
	mustList(t, s, owner, all...)
	mustList(t, s, owner+"/", all...)
	mustList(t, s, owner+"/"+doc.String(), all[0], all[1])
	mustList(t, s, owner+"/"+doc.String()+"/", all[0], all[1])
	mustList(t, s, owner+"/"+other.String()[:35], all[2])
	mustList(t, s, all[0][:80], all[0])
	mustList(t, s, all[0], all[0])
	for _, nothing := range []string{
		all[0] + "x", all[0] + "/", "/", "//", "/" + owner, ".", "./", "..", "../", "./" + owner, owner + "//", owner + "/../",
		owner + "/" + doc.String() + "/../", "%", "*", "?", "x", "\\", "A", ".tmp", ".tmp/", "ä", "\x00", "\xff",
	} {
		mustList(t, s, nothing)
	}
}

func listForeign(t *testing.T, s Subject) {
	ours := newKey()
	mustPut(t, s.Store, ours, []byte("ours"))
	foreign := []string{"readme.txt", "backup/2024/dump.sql", ours.String()[:74] + "stray.bin", ours.String() + ".bak.copy"}
	for _, name := range foreign {
		s.Plant(t, name, []byte("not ours"))
	}
	mustList(t, s, "", append(foreign, ours.String())...)
	mustList(t, s, "backup/2", foreign[1])
	for _, object := range list(t, s.Store, "") {
		if isOurs := object.Name == ours.String(); object.Key.IsZero() == isOurs {
			t.Fatalf("listed %+v: the key must be zero for a name that is not ours, and only then", object)
		}
		if object.Name != ours.String() && object.Size != int64(len("not ours")) {
			t.Fatalf("listed %+v, want its size", object)
		}
	}
	if err := s.Store.Delete(t.Context(), ours); err != nil {
		t.Fatal(err)
	}
	mustList(t, s, "", foreign...)
}

func listStops(t *testing.T, s Subject) {
	for range 20 {
		mustPut(t, s.Store, newKey(), []byte("x"))
	}
	enough, calls := errors.New("enough"), 0
	err := s.Store.List(t.Context(), "", func(ports.Object) error {
		if calls++; calls == 3 {
			return fmt.Errorf("stop here: %w", enough)
		}
		return nil
	})
	if !errors.Is(err, enough) || calls != 3 {
		t.Fatalf("List gave %v after %d calls, want the error of the third", err, calls)
	}
}

func listDeletes(t *testing.T, s Subject) {
	for range 50 {
		mustPut(t, s.Store, newKey(), []byte("x"))
	}
	seen := 0
	err := s.Store.List(t.Context(), "", func(object ports.Object) error {
		seen++
		return s.Store.Delete(t.Context(), object.Key)
	})
	if err != nil || seen != 50 {
		t.Fatalf("List that deletes: %d of 50 objects, %v", seen, err)
	}
	mustList(t, s, "")
}

// listMany has more objects than S3 lists at once.
func listMany(t *testing.T, s Subject) {
	const many, workers = 1050, 16
	doc := domain.DocumentID(uuid.New())
	keys, want := make(chan domain.ObjectKey, many), make([]string, many)
	for i := range want {
		key := keyOf(doc, "p.png")
		want[i] = key.String()
		keys <- key
	}
	close(keys)
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for key := range keys {
				if _, err := s.Store.Put(t.Context(), key, streamOf([]byte("x")), 1, plain); err != nil {
					t.Errorf("Put: %v", err)
				}
			}
		})
	}
	group.Wait()
	mustList(t, s, want[0][:73], want...)
}

package storagetest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

func urlTests() []test {
	return []test{
		{"NotSupported, or fetched with plain HTTP", urlFetched},
		{"of an object that does not exist", func(t *testing.T, s Subject) {
			if _, ok := makeURL(t, s, newKey(), ports.Link{TTL: time.Hour}); !ok {
				return
			}
		}},
		{"expires", urlExpires},
		{"lifetimes that cannot be", urlLifetimes},
		{"makes no call", func(t *testing.T, s Subject) {
			s.Break(t)
			makeURL(t, s, newKey(), ports.Link{TTL: time.Hour})
		}},
	}
}

// makeURL makes a link and reports whether this backend makes links.
func makeURL(t *testing.T, s Subject, key domain.ObjectKey, link ports.Link) (string, bool) {
	t.Helper()
	address, err := s.Store.URL(t.Context(), key, link)
	if !s.Presigns {
		mustCode(t, "URL of a backend without links", err, domain.NotSupported)
		return "", false
	}
	if err != nil || address == "" {
		t.Fatalf("URL: %q, %v", address, err)
	}
	return address, true
}

func urlFetched(t *testing.T, s Subject) {
	content, key := body(100_000, 50), newKey()
	mustPut(t, s.Store, key, content)
	const disposition = `attachment; filename="a b.txt"; filename*=UTF-8''%C3%BC%20%E2%82%AC.txt`
	address, ok := makeURL(t, s, key, ports.Link{TTL: time.Minute, Disposition: disposition, ContentType: "application/x-test"})
	if !ok {
		return
	}
	answer, got := fetch(t, address, nil)
	if answer.StatusCode != http.StatusOK || !bytes.Equal(got, content) {
		t.Fatalf("%s answered %s with %d bytes: %.300s", address, answer.Status, len(got), got)
	}
	if d := answer.Header.Get("Content-Disposition"); d != disposition {
		t.Fatalf("Content-Disposition %q, want %q", d, disposition)
	}
	if c := answer.Header.Get("Content-Type"); c != "application/x-test" {
		t.Fatalf("Content-Type %q", c)
	}
	answer, got = fetch(t, address, http.Header{"Range": {"bytes=10-19"}})
	if answer.StatusCode != http.StatusPartialContent || !bytes.Equal(got, content[10:20]) {
		t.Fatalf("a range answered %s with %d bytes", answer.Status, len(got))
	}
	if answer, _ := fetch(t, address+"x", nil); answer.StatusCode < 400 {
		t.Fatalf("a link with another signature answered %s", answer.Status)
	}
	bare, _ := makeURL(t, s, key, ports.Link{TTL: time.Minute})
	if answer, got := fetch(t, bare, nil); answer.StatusCode != http.StatusOK || !bytes.Equal(got, content) {
		t.Fatalf("a link without headers answered %s with %d bytes", answer.Status, len(got))
	}
}

func fetch(t *testing.T, address string, header http.Header) (*http.Response, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		request.Header[name] = values
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return answer, got
}

func urlExpires(t *testing.T, s Subject) {
	key := newKey()
	mustPut(t, s.Store, key, []byte("x"))
	address, ok := makeURL(t, s, key, ports.Link{TTL: time.Second})
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		answer, _ := fetch(t, address, nil)
		if answer.StatusCode == http.StatusForbidden {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("a link of one second still answers %s", answer.Status)
		}
	}
}

func urlLifetimes(t *testing.T, s Subject) {
	for _, ttl := range []time.Duration{-time.Hour, 0, time.Second - 1, 7*24*time.Hour + time.Second} {
		_, err := s.Store.URL(t.Context(), newKey(), ports.Link{TTL: ttl})
		if s.Presigns {
			mustCode(t, "URL for "+ttl.String(), err, domain.Invalid)
		} else {
			mustCode(t, "URL for "+ttl.String(), err, domain.NotSupported)
		}
	}
	for _, ttl := range []time.Duration{time.Second, 90*time.Minute + time.Millisecond, 7 * 24 * time.Hour} {
		makeURL(t, s, newKey(), ports.Link{TTL: ttl})
	}
}

package rest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/memory"
	"github.com/docuvault/docuvault/adapters/rest"
	"github.com/docuvault/docuvault/domain"
)

const alphabet = "abcdefghijklmnopqrstuvwxyz"

func TestContent(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.keep("abc.txt", alphabet)
	path := "/api/documents/" + id + "/content"
	a := h.get(path).is(http.StatusOK)
	if string(a.body) != alphabet {
		t.Errorf("got %q", a.body)
	}
	for name, want := range map[string]string{
		"Content-Length": "26", "Accept-Ranges": "bytes", "Content-Type": "text/plain; charset=utf-8",
		"Content-Disposition": `inline; filename="abc.txt"`, "Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff",
	} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	sum := h.get("/api/documents/" + id).text("sha256")
	if tag := a.header.Get("ETag"); tag != `"`+sum+`"` {
		t.Errorf("ETag is %s", tag)
	}
	if policy := a.header.Get("Content-Security-Policy"); !strings.Contains(policy, "sandbox") || !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("Content-Security-Policy is %q", policy)
	}
}

// HEAD says what GET would and asks nothing of storage.
func TestContentHead(t *testing.T) {
	t.Parallel()
	h := open(t)
	path := "/api/documents/" + h.keep("abc.txt", alphabet) + "/content"
	get := h.get(path).is(http.StatusOK)
	h.storage.Before(func(_ context.Context, op memory.StorageOp, _ domain.ObjectKey) error {
		t.Errorf("storage was asked to %s", op)
		return nil
	})
	head := h.send(http.MethodHead, path, nil).is(http.StatusOK)
	for _, name := range []string{"Content-Length", "Content-Type", "ETag", "Content-Disposition", "Accept-Ranges", "Cache-Control", "Content-Security-Policy"} {
		if head.header.Get(name) != get.header.Get(name) {
			t.Errorf("%s is %q for HEAD, %q for GET", name, head.header.Get(name), get.header.Get(name))
		}
	}
	h.send(http.MethodHead, path, nil, "Range", "bytes=0-1").is(http.StatusOK) // a range is defined for GET alone
	h.send(http.MethodHead, path, nil, "If-None-Match", get.header.Get("ETag")).is(http.StatusNotModified)
	h.get(path, "If-None-Match", get.header.Get("ETag")).is(http.StatusNotModified)
}

func TestContentRanges(t *testing.T) {
	t.Parallel()
	h := open(t)
	path := "/api/documents/" + h.keep("abc.txt", alphabet) + "/content"
	tag := h.get(path).header.Get("ETag")
	for header, c := range map[string]struct {
		status int
		body   string
		span   string
	}{
		"bytes=0-0":                    {206, "a", "bytes 0-0/26"},
		"bytes=0-4":                    {206, "abcde", "bytes 0-4/26"},
		"bytes=5-9":                    {206, "fghij", "bytes 5-9/26"},
		"bytes=20-":                    {206, "uvwxyz", "bytes 20-25/26"},
		"bytes=25-99":                  {206, "z", "bytes 25-25/26"},
		"bytes=-3":                     {206, "xyz", "bytes 23-25/26"},
		"bytes=-99":                    {206, alphabet, "bytes 0-25/26"},
		"bytes=0-":                     {206, alphabet, "bytes 0-25/26"},
		"bytes= 1-2 ":                  {206, "bc", "bytes 1-2/26"},
		"Bytes=1-2":                    {206, "bc", "bytes 1-2/26"},
		"bytes=0-99999999999999999999": {206, alphabet, "bytes 0-25/26"},
		"bytes=26-":                    {416, "", "bytes */26"},
		"bytes=26-30":                  {416, "", "bytes */26"},
		"bytes=-0":                     {416, "", "bytes */26"},
		"bytes=99999999999999999999-":  {416, "", "bytes */26"},
		"bytes=0-1,5-6":                {200, alphabet, ""}, // several may be answered with all
		"bytes=5-4":                    {200, alphabet, ""}, // invalid ones are ignored
		"bytes=-":                      {200, alphabet, ""},
		"bytes=a-b":                    {200, alphabet, ""},
		"bytes=+1-2":                   {200, alphabet, ""},
		"bytes=1--2":                   {200, alphabet, ""},
		"bytes":                        {200, alphabet, ""},
		"lines=1-2":                    {200, alphabet, ""},
		"bytes=" + strings.Repeat("9,", 3000) + "1": {200, alphabet, ""},
	} {
		a := h.get(path, "Range", header)
		if a.status != c.status || a.header.Get("Content-Range") != c.span || c.status != 416 && string(a.body) != c.body {
			t.Errorf("%.60s: %d %q %q, want %d %q %q", header, a.status, a.header.Get("Content-Range"), clip(a.body), c.status, c.span, c.body)
		}
		if c.status == 206 && a.header.Get("ETag") != tag {
			t.Errorf("%s: ETag is %q", header, a.header.Get("ETag"))
		}
	}
	for condition, status := range map[string]int{tag: 206, `"other"`: 200, "W/" + tag: 200, "Wed, 21 Oct 2026 07:28:00 GMT": 200} {
		h.get(path, "Range", "bytes=0-1", "If-Range", condition).is(status)
	}
	for condition, status := range map[string]int{tag: 304, "W/" + tag: 304, "*": 304, `"other", ` + tag: 304, `"other"`: 200, strings.Trim(tag, `"`): 200, "": 200} {
		h.get(path, "If-None-Match", condition).is(status)
		if status == 304 {
			h.get(path, "If-None-Match", condition, "Range", "bytes=0-1").is(status) // the condition comes first
		}
	}
	for condition, status := range map[string]int{tag: 200, "*": 200, `"other",` + tag: 200, `"other"`: 412, "W/" + tag: 412} {
		h.get(path, "If-Match", condition).is(status)
	}
}

// What a browser could run is never shown in place, whatever it is called.
func TestContentIsAttachedUnlessHarmless(t *testing.T) {
	t.Parallel()
	h := open(t)
	for name, content := range map[string]string{
		"a.html": "<!doctype html><html><body><script>alert(1)</script></body></html>",
		"a.txt":  "<html><script>alert(1)</script></html>",
		"a.svg":  `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`,
		"a.xml":  `<?xml version="1.0"?><x/>`,
		"a.zip":  "PK\x03\x04\x14\x00\x00\x00\x00\x00",
		"a.bin":  "\x00\x01\x02\x03",
		"a.json": `{"a": 1}`,
	} {
		a := h.get("/api/documents/" + h.keep(name, content) + "/content").is(http.StatusOK)
		if got := a.header.Get("Content-Disposition"); !strings.HasPrefix(got, "attachment;") {
			t.Errorf("%s as %s is %q", name, a.header.Get("Content-Type"), got)
		}
		if a.header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(a.header.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("%s: headers %v", name, a.header)
		}
	}
	for name, content := range map[string]string{"a.pdf": "%PDF-1.7\n%âãÏÓ\n", "a.png": "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "a.txt": "just text"} {
		a := h.get("/api/documents/" + h.keep(name, content) + "/content").is(http.StatusOK)
		if got := a.header.Get("Content-Disposition"); !strings.HasPrefix(got, "inline;") {
			t.Errorf("%s as %s is %q", name, a.header.Get("Content-Type"), got)
		}
	}
	for _, contentType := range []string{"text/html", "image/svg+xml", "application/xml", "text/xml", "application/xhtml+xml", "text/javascript", "application/javascript", "text/css", "application/x-shockwave-flash", "multipart/related", "message/rfc822", "application/octet-stream", ""} {
		if rest.ShowsInline(contentType) {
			t.Errorf("%s is shown in place", contentType)
		}
	}
}

func TestContentDisposition(t *testing.T) {
	t.Parallel()
	for name, want := range map[domain.FileName]string{
		"a.pdf":          `inline; filename="a.pdf"`,
		"a b;c.pdf":      `inline; filename="a b;c.pdf"`,
		"März.pdf":       `inline; filename="M_rz.pdf"; filename*=UTF-8''M%C3%A4rz.pdf`,
		`a"b\c.pdf`:      `inline; filename="a_b_c.pdf"; filename*=UTF-8''a%22b%5Cc.pdf`,
		"100%.pdf":       `inline; filename="100_.pdf"; filename*=UTF-8''100%25.pdf`,
		"日本.pdf":         `inline; filename="__.pdf"; filename*=UTF-8''%E6%97%A5%E6%9C%AC.pdf`,
		"x\r\nSet-C: y":  `inline; filename="x__Set-C: y"; filename*=UTF-8''x%0D%0ASet-C%3A%20y`,
		"it's (1)*.pdf":  `inline; filename="it's (1)*.pdf"`,
		"é's (1)*.pdf":   `inline; filename="_'s (1)*.pdf"; filename*=UTF-8''%C3%A9%27s%20%281%29%2A.pdf`,
		"":               `inline`,
		"bad\xffutf.pdf": `inline; filename="bad_utf.pdf"; filename*=UTF-8''bad_utf.pdf`,
	} {
		if got := rest.Disposition("application/pdf", name); got != want {
			t.Errorf("%q gives\n%s, want\n%s", name, got, want)
		}
	}
}

// Any name that is a document's comes back out of the header as it was.
func FuzzContentDisposition(f *testing.F) {
	for _, s := range []string{"a.txt", "ä\"\\%.txt", "日本語", "a\r\nb", "'; filename=x", "\xff", "%41"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := domain.NewFileName(s)
		if err != nil {
			return
		}
		header := rest.Disposition("text/html", name)
		disposition, params, err := mime.ParseMediaType(header)
		if err != nil || disposition != "attachment" || params["filename"] != string(name) {
			t.Errorf("%q gives %s, which reads as %q %v", name, header, params, err)
		}
	})
}

func FuzzParseRange(f *testing.F) {
	for _, s := range []string{"bytes=0-1", "bytes=-5", "bytes=5-", "bytes=9223372036854775807-", "bytes=0-9223372036854775808", "bytes=,", "x"} {
		f.Add(s, int64(26))
	}
	f.Fuzz(func(t *testing.T, header string, size int64) {
		if size <= 0 {
			return
		}
		part, outside := rest.ParseRange(header, size)
		switch {
		case part == nil:
		case outside:
			t.Errorf("%q of %d is outside and %+v", header, size, part)
		case part.Offset < 0 || part.Length <= 0 || part.Offset >= size || part.Length > size-part.Offset:
			t.Errorf("%q of %d is %+v", header, size, part)
		}
	})
}

// Rows that Python wrote may lack the digest and the size, and their type may have parameters.
func TestContentOfPythonsRows(t *testing.T) {
	t.Parallel()
	h := open(t)
	add := func(name string, change func(*domain.Document)) (id, tag string) {
		t.Helper()
		docID, err := domain.ParseDocumentID(h.keep(name, alphabet))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := h.repo.DeleteDocument(t.Context(), domain.Nobody, docID)
		if err != nil {
			t.Fatal(err)
		}
		doc.SHA256, doc.Task = domain.Digest{}, ""
		change(&doc)
		if err := h.repo.AddDocument(t.Context(), doc); err != nil {
			t.Fatal(err)
		}
		return doc.ID.String(), h.get("/api/documents/" + doc.ID.String() + "/content").is(http.StatusOK).header.Get("ETag")
	}
	id, tag := add("a.txt", func(doc *domain.Document) { doc.ContentType = "text/plain; charset=latin-1" })
	if doc := h.get("/api/documents/" + id).is(http.StatusOK).object(); doc["sha256"] != nil || doc["content_type"] != "text/plain" || doc["task_id"] != nil {
		t.Errorf("the document is %v", doc)
	}
	h.get("/api/documents/"+id+"/content", "If-None-Match", tag).is(http.StatusNotModified)
	h.get("/api/documents/"+id+"/content", "Range", "bytes=0-1", "If-Range", tag).is(http.StatusPartialContent)

	id, other := add("b.txt", func(doc *domain.Document) { doc.Size, doc.Status = 0, "archived" })
	if other == tag {
		t.Error("two documents have one tag")
	}
	a := h.get("/api/documents/"+id+"/content", "Range", "bytes=0-1").is(http.StatusOK)
	if string(a.body) != alphabet || a.header.Get("Accept-Ranges") != "" {
		t.Errorf("without a size: %q, headers %v", a.body, a.header)
	}
	if doc := h.get("/api/documents/" + id).is(http.StatusOK).object(); doc["status"] != "archived" {
		t.Errorf("status is %v", doc["status"])
	}

	_, _ = add("c.txt", func(doc *domain.Document) { doc.ContentType = "x\r\nSet-Cookie: a=b" })
	id, _ = add("d.html", func(doc *domain.Document) { doc.ContentType = "TEXT/HTML; charset=utf-8" })
	if got := h.get("/api/documents/" + id + "/content").header.Get("Content-Disposition"); !strings.HasPrefix(got, "attachment") {
		t.Errorf("HTML in capitals is %q", got)
	}
	if got := h.get("/api/documents/" + id).text("content_type"); got != "text/html" {
		t.Errorf("HTML in capitals is shown as %q", got)
	}
	// Storage that has less than the row says: the client must notice.
	docID, _ := domain.ParseDocumentID(h.keep("e.txt", alphabet))
	doc, err := h.repo.DeleteDocument(t.Context(), domain.Nobody, docID)
	if err != nil {
		t.Fatal(err)
	}
	doc.Size = 1000
	if err := h.repo.AddDocument(t.Context(), doc); err != nil {
		t.Fatal(err)
	}
	if body, err := download(t, h, "/api/documents/"+docID.String()+"/content"); err == nil {
		t.Errorf("a short object is answered as if whole: %d bytes", len(body))
	}
}

func download(t *testing.T, h *house, path string) ([]byte, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := h.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	return io.ReadAll(response.Body)
}

func TestContentIsMissing(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.keep("a.txt", "x")
	key, err := domain.ParseObjectKey(h.storage.Names()[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := h.storage.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	a := h.get("/api/documents/" + id + "/content").is(http.StatusNotFound).hasReason("content_missing")
	if a.header.Get("Content-Disposition") != "" || a.header.Get("ETag") != "" || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("the problem has the content's headers: %v", a.header)
	}
}

// Storage that fails in the middle of a download cuts the connection: a status that was sent cannot be taken back.
func TestContentCutOffByStorage(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.keep("a.txt", strings.Repeat("x", 1<<20))
	// The object is replaced by a shorter one, which is how a lost part of it looks from here.
	name := h.storage.Names()[0]
	h.storage.Plant(name, bytes.Repeat([]byte("x"), 300<<10))
	if body, err := download(t, h, "/api/documents/"+id+"/content"); !errors.Is(err, io.ErrUnexpectedEOF) || len(body) != 300<<10 {
		t.Errorf("got %d bytes and %v", len(body), err)
	}
	h.get("/api/documents/"+id+"/content", "Range", "bytes=400000-").is(http.StatusInternalServerError) // beyond what is left
	eventually(t, "it is logged", func() bool {
		return len(h.logs.lines(t, "download cut off, storage has fewer bytes than recorded")) > 0
	})
}

// Whoever goes away in the middle of a download leaves no goroutine and no open reader behind (goleak looks at the end).
func TestDownloadClientGoesAway(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.keep("a.txt", strings.Repeat("x", 20<<20))
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url+"/api/documents/"+id+"/content", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := h.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.ReadFull(response.Body, make([]byte, 1000))
		cancel()
		_ = response.Body.Close()
	}
	eventually(t, "all downloads end", func() bool {
		return len(h.logs.lines(t, "download cut off, the client went away or was too slow")) == 3
	})
	if failed := h.logs.lines(t, "request failed"); len(failed) != 0 {
		t.Errorf("logged as failures: %v", failed)
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.keep("a.txt", alphabet)
	link := h.get("/api/documents/" + id + "/url").is(http.StatusOK)
	if got, want := link.text("expires_at"), h.clock.now().Add(time.Hour).Truncate(time.Second).Format("2006-01-02T15:04:05.000000Z"); got != want {
		t.Errorf("expires at %s, want %s", got, want)
	}
	path := strings.TrimPrefix(link.text("url"), h.url)
	if !strings.HasPrefix(path, "/api/links/") {
		t.Fatalf("the link is %s", link.text("url"))
	}
	if a := h.get(path).is(http.StatusOK); string(a.body) != alphabet || a.header.Get("ETag") == "" || a.header.Get("Content-Disposition") == "" {
		t.Errorf("the link gives %q with %v", a.body, a.header)
	}
	h.get(path, "Range", "bytes=0-1").is(http.StatusPartialContent)
	h.get(path, "Range", "bytes=100-").is(http.StatusRequestedRangeNotSatisfiable)
	h.get(path+"/", "If-None-Match", "*").is(http.StatusNotModified)
	h.send(http.MethodHead, path, nil).is(http.StatusOK)
	h.get(path[:len(path)-1] + "x").is(http.StatusForbidden).hasReason("bad_link")
	h.get("/api/links/x").is(http.StatusForbidden)
	h.get("/api/links/" + strings.Repeat("A", 2000)).is(http.StatusForbidden)
	h.clock.advance(59 * time.Minute)
	h.get(path).is(http.StatusOK)
	h.clock.advance(time.Minute)
	h.get(path).is(http.StatusForbidden).hasReason("expired")

	short := h.get("/api/documents/" + id + "/url?expires_in=10").is(http.StatusOK)
	shortPath := strings.TrimPrefix(short.text("url"), h.url)
	h.get(shortPath).is(http.StatusOK)
	h.clock.advance(11 * time.Second)
	h.get(shortPath).is(http.StatusForbidden)
	for _, bad := range []string{"0", "-1", "x", "1.5", "604801", "9223372036854775807", "99999999999999999999"} {
		h.get("/api/documents/" + id + "/url?expires_in=" + bad).is(http.StatusUnprocessableEntity).names("expires_in")
	}
	h.get("/api/documents/" + id + "/url?expires_in=604800").is(http.StatusOK)

	last := strings.TrimPrefix(h.get("/api/documents/"+id+"/url").text("url"), h.url)
	h.send("DELETE", "/api/documents/"+id, nil).is(http.StatusNoContent)
	h.get(last).is(http.StatusNotFound)
	h.get("/api/documents/" + id + "/url").is(http.StatusNotFound)
}

// Where storage makes links of its own, they say how browsers shall treat the document.
func TestLinksOfStorage(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.storage.LinkTo("https://files.example.org/docuvault")
	id := h.keep("März.html", "<!doctype html><html></html>")
	link, err := url.Parse(h.get("/api/documents/" + id + "/url").is(http.StatusOK).text("url"))
	if err != nil || link.Host != "files.example.org" {
		t.Fatalf("the link is %v (%v)", link, err)
	}
	if q := link.Query(); q.Get("disposition") != `attachment; filename="M_rz.html"; filename*=UTF-8''M%C3%A4rz.html` || q.Get("content_type") != "text/html" {
		t.Errorf("the link says %v", q)
	}
}

func TestLinksAreBuiltOnTheRightAddress(t *testing.T) {
	t.Parallel()
	forwarded := []string{"X-Forwarded-Proto", "https", "X-Forwarded-Host", "vault.example.org"}
	for name, c := range map[string]struct {
		cfg     rest.Config
		headers []string
		want    string
	}{
		"host":                  {rest.Config{}, []string{"Host", "here.example.org:8000"}, "http://here.example.org:8000/"},
		"untrusted proxy":       {rest.Config{}, append(forwarded, "Host", "here:1"), "http://here:1/"},
		"trusted proxy":         {rest.Config{TrustedProxies: []string{"127.0.0.0/8"}}, forwarded, "https://vault.example.org/"},
		"trusted chain":         {rest.Config{TrustedProxies: []string{"127.0.0.1"}}, []string{"X-Forwarded-Proto", "https, http", "X-Forwarded-Host", "out.example.org, in"}, "https://out.example.org/"},
		"trusted, bad host":     {rest.Config{TrustedProxies: []string{"127.0.0.1"}}, []string{"Host", "h:1", "X-Forwarded-Host", `x"><script>`}, "http://h:1/"},
		"trusted, bad proto":    {rest.Config{TrustedProxies: []string{"127.0.0.1"}}, []string{"Host", "h:1", "X-Forwarded-Proto", "javascript"}, "http://h:1/"},
		"somebody else trusted": {rest.Config{TrustedProxies: []string{"10.0.0.0/8"}}, append(forwarded, "Host", "h:1"), "http://h:1/"},
		"configured":            {rest.Config{PublicURL: "https://public.example.org/store/"}, append(forwarded, "Host", "h:1"), "https://public.example.org/store/"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t, func(p *plan) { p.rest = c.cfg })
			id := h.keep("a.txt", "a")
			h.keep("b.txt", "b")
			if got := h.get("/api/documents/"+id+"/url", c.headers...).is(http.StatusOK).text("url"); !strings.HasPrefix(got, c.want+"api/links/") {
				t.Errorf("the link is %s, want it on %s", got, c.want)
			}
			if got := h.get("/api/documents?limit=1", c.headers...).header.Get("Link"); !strings.HasPrefix(got, "<"+c.want+"api/documents?") {
				t.Errorf("the next page is %s, want it on %s", got, c.want)
			}
			if page := h.get("/docs", c.headers...).body; !bytes.Contains(page, []byte(c.want+"api/documents/upload")) {
				t.Errorf("the page does not show %s", c.want)
			}
		})
	}
}

package rest_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/rest"
	"github.com/docuvault/docuvault/domain"
)

func TestUpload(t *testing.T) {
	t.Parallel()
	h := open(t)
	const content = "hello, vault"
	got := h.upload(file("Notes.TXT", content)).is(http.StatusCreated)
	doc := got.object()
	sum := sha256.Sum256([]byte(content))
	for key, want := range map[string]any{
		"filename": "Notes.TXT", "content_type": "text/plain", "size_bytes": 12.0, "sha256": hex.EncodeToString(sum[:]),
		"status": "pending", "folder_id": nil, "failure": nil, "page_count": nil, "title": nil, "warning": nil, "authored_at": nil, "thumbnail_url": nil, "text_truncated": false, "storage_backend": "memory",
		"created_at": "2026-05-01T12:00:00.123456Z", "updated_at": "2026-05-01T12:00:00.123456Z",
	} {
		if doc[key] != want {
			t.Errorf("%s is %v, want %v", key, doc[key], want)
		}
	}
	if doc["task_id"] == nil || len(doc["topics"].([]any)) != 0 {
		t.Errorf("task_id %v, topics %v", doc["task_id"], doc["topics"])
	}
	location := got.header.Get("Location")
	if location != "/api/documents/"+doc["id"].(string) {
		t.Errorf("Location is %q", location)
	}
	if back := h.get(location + "/content").is(http.StatusOK); string(back.body) != content {
		t.Errorf("read back %q", back.body)
	}
	if s, _ := h.queue.Snapshot(t.Context()); s.Waiting != 1 {
		t.Errorf("%d tasks wait", s.Waiting)
	}
}

func TestUploadFieldsBeforeAndAfterTheFile(t *testing.T) {
	t.Parallel()
	h := open(t)
	folder := h.json("POST", "/api/folders", `{"name":"F"}`).is(http.StatusCreated).text("id")
	a := h.json("POST", "/api/topics", `{"name":"A","color":"#00ff00"}`).is(http.StatusCreated).text("id")
	b := h.json("POST", "/api/topics", `{"name":"B"}`).is(http.StatusCreated).text("id")
	for name, parts := range map[string][]part{
		"before":    {field("folder_id", folder), field("topic_ids", a), field("topic_ids", b), file("x.txt", "1")},
		"after":     {file("x.txt", "2"), field("topic_ids", b+","+a), field("folder_id", folder)},
		"around":    {field("topic_ids", a), file("x.txt", "3"), field("topic_ids", " "+b+" , "+a), field("folder_id", folder)},
		"with gaps": {field("topic_ids", ""), field("topic_ids", a+",,"+b), file("x.txt", "4"), field("folder_id", " "+folder+" ")},
	} {
		doc := h.upload(parts...).is(http.StatusCreated).object()
		topics := doc["topics"].([]any)
		if doc["folder_id"] != folder || len(topics) != 2 || topics[0].(map[string]any)["name"] != "A" || topics[0].(map[string]any)["color"] != "#00ff00" {
			t.Errorf("%s: folder %v, topics %v", name, doc["folder_id"], topics)
		}
	}
	if doc := h.upload(field("folder_id", ""), file("x.txt", "5"), field("topic_ids", " , ")).is(http.StatusCreated).object(); doc["folder_id"] != nil {
		t.Errorf("an empty folder_id gives %v", doc["folder_id"])
	}
}

func TestUploadRefusals(t *testing.T) {
	t.Parallel()
	const unknown = "0193590d-ac96-774b-bcce-b302099a8057"
	many := make([]string, 101)
	for i := range many {
		many[i] = fmt.Sprintf("0193590d-ac96-774b-bcce-%012d", i)
	}
	manyParts := []part{file("x.txt", "x")}
	for range 130 {
		manyParts = append(manyParts, field("topic_ids", ""))
	}
	for name, c := range map[string]struct {
		query string
		parts []part
		want  int
		field string
	}{
		"no file":             {parts: []part{field("folder_id", "")}, want: 422, field: "file"},
		"nothing at all":      {parts: nil, want: 422, field: "file"},
		"file without name":   {parts: []part{field("file", "text")}, want: 422, field: "file"},
		"no file chosen":      {parts: []part{{field: "file", header: textproto.MIMEHeader{"Content-Disposition": {`form-data; name="file"; filename=""`}}}}, want: 422, field: "file"},
		"empty file":          {parts: []part{file("x.txt", "")}, want: 422, field: "file"},
		"two files":           {parts: []part{file("x.txt", "x"), file("y.txt", "y")}, want: 422, field: "file"},
		"unknown field":       {parts: []part{field("topic_id", unknown), file("x.txt", "x")}, want: 422, field: "topic_id"},
		"unknown field later": {parts: []part{file("x.txt", "x"), field("colour", "red")}, want: 422, field: "colour"},
		"unknown file":        {parts: []part{file("x.txt", "x"), {field: "thumbnail", file: "y.png", value: "y"}}, want: 422, field: "thumbnail"},
		"bad folder":          {parts: []part{field("folder_id", "7"), file("x.txt", "x")}, want: 400, field: "folder_id"},
		"bad folder later":    {parts: []part{file("x.txt", "x"), field("folder_id", "7")}, want: 400, field: "folder_id"},
		"folder twice":        {parts: []part{field("folder_id", ""), field("folder_id", ""), file("x.txt", "x")}, want: 422, field: "folder_id"},
		"unknown folder":      {parts: []part{file("x.txt", "x"), field("folder_id", unknown)}, want: 422, field: "folder_id"},
		"bad topic":           {parts: []part{file("x.txt", "x"), field("topic_ids", "x")}, want: 400, field: "topic_ids"},
		"unknown topic":       {parts: []part{file("x.txt", "x"), field("topic_ids", unknown)}, want: 422, field: "topic_ids"},
		"many topics":         {parts: []part{field("topic_ids", strings.Join(many, ",")), file("x.txt", "x")}, want: 422, field: "topic_ids"},
		"many parts":          {parts: manyParts, want: 413},
		"long field":          {parts: []part{file("x.txt", "x"), field("topic_ids", strings.Repeat(" ", 17<<10))}, want: 413},
		"huge field":          {parts: []part{file("x.txt", "x"), field("topic_ids", strings.Repeat(" ", 500<<10))}, want: 413},
		"huge part header":    {parts: []part{{header: textproto.MIMEHeader{"Content-Disposition": {`form-data; name="file"; filename="x"`}, "X-Big": {strings.Repeat("a", 100<<10)}}, value: "x"}}, want: 413},
		"bad policy":          {query: "?on_duplicate=maybe", parts: []part{file("x.txt", "x")}, want: 422, field: "on_duplicate"},
		"two policies":        {query: "?on_duplicate=keep&on_duplicate=reject", parts: []part{file("x.txt", "x")}, want: 422, field: "on_duplicate"},
		"broken query":        {query: "?on_duplicate=%zz", parts: []part{file("x.txt", "x")}, want: 400},
		"name is a dot":       {parts: []part{file("..", "x")}, want: 422, field: "filename"},
		"name is a folder":    {parts: []part{file("a/b/", "x")}, want: 422, field: "file"},
		"device name":         {parts: []part{file("NUL.txt", "x")}, want: 422, field: "filename"},
		"long name":           {parts: []part{file(strings.Repeat("ä", 200)+".txt", "x")}, want: 422, field: "filename"},
		"bidi name":           {parts: []part{file("x\u202etxt.exe", "x")}, want: 422, field: "filename"},
		"broken UTF-8 name":   {parts: []part{file("x\xff.txt", "x")}, want: 422, field: "filename"},
		"too large":           {parts: []part{file("x.txt", strings.Repeat("x", 5001))}, want: 413},
		"far too large":       {parts: []part{file("x.txt", strings.Repeat("x", 3<<20))}, want: 413},
		"type not allowed":    {parts: []part{file("x.html", "<!doctype html><html><script>alert(1)</script></html>")}, want: 415},
		"type that lies":      {parts: []part{file("x.txt", "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00>\x00")}, want: 415},
		"announced too large": {parts: []part{{header: textproto.MIMEHeader{"Content-Disposition": {`form-data; name="file"; filename="x.txt"`}, "Content-Length": {"99999999"}}, value: "x"}}, want: 413},
		"announced wrongly":   {parts: []part{{header: textproto.MIMEHeader{"Content-Disposition": {`form-data; name="file"; filename="x.txt"`}, "Content-Length": {"3"}}, value: "x"}}, want: 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t, func(p *plan) { p.vault.MaxUpload, p.vault.AllowedTypes = 5000, []string{"text/plain"} })
			a := h.uploadTo("/api/documents/upload"+c.query, c.parts...).is(c.want)
			if c.field != "" {
				a.names(c.field)
			}
			if names := h.storage.Names(); len(names) != 0 {
				t.Errorf("bytes are left behind: %v", names)
			}
			if docs := h.get("/api/documents").list(); len(docs) != 0 {
				t.Errorf("a document is there: %v", docs)
			}
		})
	}
}

func TestUploadContentTypes(t *testing.T) {
	t.Parallel()
	h := open(t)
	_, body := form(t, file("x.txt", "x"))
	for contentType, want := range map[string]int{
		"":                                   415,
		"application/json":                   415,
		"application/x-www-form-urlencoded":  415,
		"multipart/mixed; boundary=x":        415,
		"multipart/form-data":                400,
		"multipart/form-data; boundary=":     400,
		"multipart/form-data; boundary=\"\"": 400,
		"multipart/form-data; boundary=" + strings.Repeat("b", 71): 400,
		"multipart/form-data; boundary=other":                      400,
	} {
		h.send("POST", "/api/documents/upload", bytes.NewReader(body), "Content-Type", contentType).is(want)
	}
}

// A form that is cut off anywhere is refused and leaves nothing behind.
func TestUploadCutOffAnywhere(t *testing.T) {
	t.Parallel()
	h := open(t)
	contentType, body := form(t, field("folder_id", ""), file("x.txt", "some content\r\nof two lines"), field("topic_ids", ""))
	end := bytes.LastIndex(body, []byte("--"))
	for n := range end + 2 {
		a := h.send("POST", "/api/documents/upload", bytes.NewReader(body[:n]), "Content-Type", contentType)
		if a.status != 400 {
			t.Errorf("cut off after %d of %d bytes: %d\n%s", n, len(body), a.status, a.body)
		}
	}
	if names := h.storage.Names(); len(names) != 0 {
		t.Errorf("bytes are left behind: %v", names)
	}
	h.send("POST", "/api/documents/upload", bytes.NewReader(body[:end+2]), "Content-Type", contentType).is(http.StatusCreated)
	h.send("POST", "/api/documents/upload", bytes.NewReader(append(body, "\r\n\r\nepilogue"...)), "Content-Type", contentType).is(http.StatusCreated)
	h.send("POST", "/api/documents/upload", bytes.NewReader(append([]byte("a preamble\r\n"), body...)), "Content-Type", contentType).is(http.StatusCreated)
}

func TestUploadNames(t *testing.T) {
	t.Parallel()
	h := open(t)
	for disposition, want := range map[string]string{
		`filename="a.txt"`:                                        "a.txt",
		`filename=a.txt`:                                          "a.txt",
		`filename="Rechnung März 2026.pdf"`:                       "Rechnung März 2026.pdf",
		`filename="日本語.pdf"`:                                      "日本語.pdf",
		`filename="🗂️.txt"`:                                       "🗂️.txt",
		"filename=\"Ma\u0308rz.txt\"":                             "März.txt",
		`filename*=UTF-8''R%C3%A9sum%C3%A9%20%22x%22.txt`:         `Résumé "x".txt`,
		`filename="fallback.txt"; filename*=UTF-8''%E2%82%AC.txt`: "€.txt",
		`filename="x.txt"; filename*=ISO-8859-9''caf%E9.txt`:      "x.txt",
		`filename="C:\dir\sub\y.pdf"`:                             "y.pdf",
		`filename="C:\\dir\\y.pdf"`:                               "y.pdf",
		`filename="\\server\share\z.pdf"`:                         "z.pdf",
		`filename="/etc/passwd"`:                                  "passwd",
		`filename="../../../../etc/cron.d/x"`:                     "x",
		`filename="..\..\windows\win.ini"`:                        "win.ini",
		`filename*=UTF-8''..%2F..%2Fup.txt`:                       "up.txt",
		`filename="a%22b%22.txt"`:                                 `a"b".txt`,
		`filename="a\"b.txt"`:                                     `a"b.txt`,
		`filename="100%.txt"`:                                     "100%.txt",
		`filename="%2e%2e%2fx.txt"`:                               "%2e%2e%2fx.txt",
		`filename="a;b=c.txt"`:                                    "a;b=c.txt",
		`filename="  spaced  .txt "`:                              "spaced  .txt",
		`filename=".htaccess"`:                                    ".htaccess",
		`filename="no extension"`:                                 "no extension",
	} {
		p := part{header: textproto.MIMEHeader{"Content-Disposition": {`form-data; name="file"; ` + disposition}}, value: "content"}
		a := h.upload(p)
		if a.status != http.StatusCreated {
			t.Errorf("%s: %d %s", disposition, a.status, a.body)
			continue
		}
		if got := a.text("filename"); got != want {
			t.Errorf("%s: filename is %q, want %q", disposition, got, want)
		}
	}
	for _, name := range h.storage.Names() {
		if _, err := domain.ParseObjectKey(name); err != nil {
			t.Errorf("object %q: %v", name, err)
		}
	}
	for _, disposition := range []string{`filename="a%0D%0Ab.txt"`, "filename=\"a\x00b.txt\"", "filename=\"a\x1bb.txt\""} {
		p := part{header: textproto.MIMEHeader{"Content-Disposition": {`form-data; name="file"; ` + disposition}}, value: "content"}
		if a := h.upload(p); a.status != 422 && a.status != 400 {
			t.Errorf("%q: %d %s", disposition, a.status, a.body)
		}
	}
}

func TestUploadDuplicates(t *testing.T) {
	t.Parallel()
	h := open(t)
	first := h.upload(file("a.txt", "the same")).is(http.StatusCreated).text("id")
	if again := h.upload(file("b.txt", "the same")).is(http.StatusCreated).text("id"); again == first {
		t.Error("keep answered the old document")
	}
	if again := h.uploadTo("/api/documents/upload?on_duplicate=keep", file("b.txt", "the same")).is(http.StatusCreated).text("id"); again == first {
		t.Error("keep answered the old document")
	}
	h.uploadTo("/api/documents/upload?on_duplicate=reject", file("c.txt", "the same")).is(http.StatusConflict).hasReason("duplicate_content")
	known := h.uploadTo("/api/documents/upload?on_duplicate=existing", file("d.txt", "the same")).is(http.StatusOK)
	if known.text("id") != first || known.header.Get("Location") != "/api/documents/"+first {
		t.Errorf("existing answered %s at %s, want %s", known.text("id"), known.header.Get("Location"), first)
	}
	h.uploadTo("/api/documents/upload?on_duplicate=existing", file("e.txt", "something else")).is(http.StatusCreated)
	h.uploadTo("/api/documents/upload?on_duplicate=", file("e.txt", "x")).is(http.StatusCreated)
	if n := len(h.storage.Names()); n != 5 {
		t.Errorf("%d objects, want 5", n)
	}
}

// Uploads at once, of mixed sizes, come back byte for byte.
func TestConcurrentUploads(t *testing.T) {
	t.Parallel()
	h := open(t)
	var wait sync.WaitGroup
	for i := range 64 {
		wait.Go(func() {
			random := rand.NewChaCha8([32]byte{byte(i)})
			content := make([]byte, 1+i*i*i*3) // 1 byte to 750 KiB, across every buffer's size
			_, _ = random.Read(content)
			copy(content, fmt.Sprintf("text %d ", i))
			contentType, body := form(t, file(fmt.Sprintf("%d.bin", i), string(content)))
			req, err := http.NewRequestWithContext(t.Context(), "POST", h.url+"/api/documents/upload", struct{ io.Reader }{bytes.NewReader(body)}) // chunked
			if err != nil {
				t.Error(err)
				return
			}
			req.Header.Set("Content-Type", contentType)
			a := h.sendRequest(req)
			if a.status != http.StatusCreated {
				t.Errorf("upload %d: %d %s", i, a.status, a.body)
				return
			}
			sum := sha256.Sum256(content)
			back := h.get("/api/documents/" + a.text("id") + "/content")
			if a.text("sha256") != hex.EncodeToString(sum[:]) || sha256.Sum256(back.body) != sum {
				t.Errorf("upload %d of %d bytes came back as %d other bytes", i, len(content), len(back.body))
			}
		})
	}
	wait.Wait()
}

// The headers alone decide before a client that waits for 100 Continue sends its body.
func TestExpectContinue(t *testing.T) {
	t.Parallel()
	h := open(t, func(p *plan) { p.vault.MaxUpload = 1000 })
	contentType, body := form(t, file("x.txt", "x"))
	for name, c := range map[string]struct {
		path, contentType string
		length            int
		want              string
	}{
		"fine":       {"/api/documents/upload", contentType, len(body), "HTTP/1.1 100"},
		"too large":  {"/api/documents/upload", contentType, 5 << 20, "HTTP/1.1 413"},
		"bad policy": {"/api/documents/upload?on_duplicate=x", contentType, len(body), "HTTP/1.1 422"},
		"no form":    {"/api/documents/upload", "text/plain", len(body), "HTTP/1.1 415"},
		"no route":   {"/api/nothing", contentType, len(body), "HTTP/1.1 404"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
			_, _ = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", c.path, c.contentType, c.length)
			r := bufio.NewReader(conn)
			line, err := r.ReadString('\n')
			if err != nil || !strings.HasPrefix(line, c.want) {
				t.Fatalf("answered %q (%v), want %s", line, err, c.want)
			}
			if c.want == "HTTP/1.1 100" {
				_, _ = r.ReadString('\n')
				_, _ = conn.Write(body)
				if line, err = r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 201") {
					t.Errorf("answered %q (%v)", line, err)
				}
			}
		})
	}
}

// A client that sends all before it looks gets the reason, not a reset connection.
func TestRefusedUploadIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	h := open(t, func(p *plan) { p.vault.AllowedTypes = []string{"application/pdf"} })
	for range 5 {
		h.upload(file("x.txt", strings.Repeat("x", 4<<20))).is(http.StatusUnsupportedMediaType)
	}
}

// One connection serves many uploads: each reads its request to the end.
func TestUploadKeepsTheConnection(t *testing.T) {
	t.Parallel()
	h := open(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	r := bufio.NewReader(conn)
	contentType, body := form(t, file("x.txt", strings.Repeat("x", 100_000)), field("folder_id", ""))
	for i := range 10 {
		_, _ = fmt.Fprintf(conn, "POST /api/documents/upload HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", contentType, len(body))
		_, _ = conn.Write(body)
		response, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatalf("upload %d: %v", i, err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		if response.StatusCode != http.StatusCreated || response.Close {
			t.Fatalf("upload %d: %d, closing %v", i, response.StatusCode, response.Close)
		}
	}
}

// A client that goes away in the middle leaves nothing behind.
func TestUploadClientGoesAway(t *testing.T) {
	t.Parallel()
	h := open(t)
	for _, reset := range []bool{false, true} {
		before := len(h.logs.lines(t, "request"))
		conn, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		contentType, body := form(t, file("x.txt", strings.Repeat("x", 500_000)))
		_, _ = fmt.Fprintf(conn, "POST /api/documents/upload HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", contentType, len(body))
		_, _ = conn.Write(body[:300_000])
		if reset {
			_ = conn.(*net.TCPConn).SetLinger(0)
		}
		_ = conn.Close()
		eventually(t, "the request ends", func() bool { return len(h.logs.lines(t, "request")) > before })
		if names := h.storage.Names(); len(names) != 0 {
			t.Errorf("bytes are left behind: %v", names)
		}
		if line := h.logs.lines(t, "request")[before]; line["status"].(float64) >= 500 {
			t.Errorf("the client's leaving is logged as a fault of ours: %v", line)
		}
	}
	if failed := h.logs.lines(t, "request failed"); len(failed) != 0 {
		t.Errorf("logged as failures: %v", failed)
	}
}

// Storage that fails in the middle fails that upload alone.
func TestUploadStorageFails(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.storage.FailPutAfter(1, domain.Wrap(domain.Unavailable, errors.New("broken pipe"), "storage is down"))
	h.upload(file("x.txt", strings.Repeat("x", 200_000))).is(http.StatusServiceUnavailable)
	h.upload(file("x.txt", strings.Repeat("x", 200_000))).is(http.StatusCreated)
}

func FuzzClientFileName(f *testing.F) {
	for _, s := range []string{`form-data; name="file"; filename="a.txt"`, `form-data; filename*=UTF-8''%e2%82%ac`, `form-data; filename="C:\x\y.pdf"`, `;filename=`, `form-data; filename="..`, "form-data; filename=\"\xff/../x\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, disposition string) {
		name, _ := rest.ClientFileName(disposition)
		if strings.ContainsAny(name, `/\`) {
			t.Errorf("%q gives %q", disposition, name)
		}
		clean, err := domain.NewFileName(name)
		if err != nil {
			return
		}
		header := rest.Disposition("application/pdf", clean)
		for _, b := range []byte(header) {
			if b < 0x20 || b > 0x7e {
				t.Errorf("%q gives the header %q", disposition, header)
			}
		}
	})
}

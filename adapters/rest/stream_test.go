package rest_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/filetype"
	"github.com/docuvault/docuvault/adapters/memory"
	"github.com/docuvault/docuvault/adapters/rest"
	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// void is storage that keeps nothing and reads back zeros.
type void struct{ *memory.Storage }

func (void) Put(_ context.Context, _ domain.ObjectKey, r io.Reader, _ int64, _ string) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{io.Discard}, r, make([]byte, 64<<10))
}

func (void) Get(_ context.Context, _ domain.ObjectKey, part ports.Range) (io.ReadCloser, ports.Object, error) {
	return io.NopCloser(endless{}), ports.Object{}, nil
}

// endless yields zeros for ever.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func openOn(tb testing.TB, storage ports.StorageBackend) *httptest.Server {
	tb.Helper()
	links, err := app.NewLinkSigner("x")
	if err != nil {
		tb.Fatal(err)
	}
	vault := app.NewVault(app.VaultConfig{MaxUpload: 1 << 40}, app.VaultDeps{
		Storage: storage, Repo: memory.NewRepository(), Queue: &memory.Queue{}, Types: filetype.New(), Links: links,
	})
	api, err := rest.New(rest.Config{}, vault, slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	server := httptest.NewUnstartedServer(nil)
	server.Config = api.Server()
	server.Start()
	tb.Cleanup(server.Close)
	return server
}

func post(tb testing.TB, server *httptest.Server, contentType string, body io.Reader) string {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, server.URL+"/api/documents/upload", body)
	if err != nil {
		tb.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	response, err := server.Client().Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusCreated {
		tb.Fatalf("%d %v", response.StatusCode, err)
	}
	return response.Header.Get("Location")
}

// A document passes through in pieces: what is allocated, in all, does not grow with its length. (Not parallel: it measures
// the process.)
func TestMemoryDoesNotGrowWithTheDocument(t *testing.T) {
	const size = 256 << 20
	server := openOn(t, void{memory.NewStorage(time.Now)})
	const head = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x.bin\"\r\n\r\n"
	body := func() io.Reader {
		return io.MultiReader(strings.NewReader(head), io.LimitReader(endless{}, size), strings.NewReader("\r\n--b--\r\n"))
	}
	post(t, server, "multipart/form-data; boundary=b", io.MultiReader(strings.NewReader(head+"warm up\r\n--b--\r\n")))
	var before, between, after runtime.MemStats
	runtime.ReadMemStats(&before)
	location := post(t, server, "multipart/form-data; boundary=b", body())
	runtime.ReadMemStats(&between)
	if grown := between.TotalAlloc - before.TotalAlloc; grown > 16<<20 {
		t.Errorf("an upload of %d MiB allocates %d MiB", size>>20, grown>>20)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+location+"/content", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if n, err := io.Copy(io.Discard, response.Body); n != size || err != nil {
		t.Errorf("read back %d bytes: %v", n, err)
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - between.TotalAlloc; grown > 16<<20 {
		t.Errorf("a download of %d MiB allocates %d MiB", size>>20, grown>>20)
	}
}

// What the API itself costs: storage keeps nothing, the repository is in memory.
func BenchmarkUpload(b *testing.B) {
	for _, size := range []int{4 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			server := openOn(b, void{memory.NewStorage(time.Now)})
			body := []byte("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x.txt\"\r\n\r\n" + strings.Repeat("some text\n", size/10) + "\r\n--b--\r\n")
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				post(b, server, "multipart/form-data; boundary=b", bytes.NewReader(body))
			}
		})
	}
}

// blaming is storage that takes every failure of its reader for its own.
type blaming struct{ *memory.Storage }

func (blaming) Put(_ context.Context, _ domain.ObjectKey, r io.Reader, _ int64, _ string) (int64, error) {
	n, err := io.Copy(io.Discard, r)
	return n, domain.Wrap(domain.Unavailable, err, "storage is down")
}

// What is wrong with the request is the client's to mend, whatever storage makes of it.
func TestErrorsOfTheBodyWin(t *testing.T) {
	t.Parallel()
	server := openOn(t, blaming{memory.NewStorage(time.Now)})
	const body = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x.txt\"\r\n\r\n"
	for name, content := range map[string]io.Reader{
		"cut off":    strings.NewReader(body + strings.Repeat("x", 100_000)),
		"no storage": strings.NewReader(body + strings.Repeat("x", 100_000) + "\r\n--b\r\n" + strings.Repeat("x", 10)),
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/api/documents/upload", content)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "multipart/form-data; boundary=b")
		response, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", name, response.StatusCode)
		}
	}
}

package rest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/filetype"
	"github.com/docuvault/docuvault/adapters/memory"
	"github.com/docuvault/docuvault/adapters/rest"
	"github.com/docuvault/docuvault/app"
)

// bare is an API on adapters in memory, without a server.
func bare(f *testing.F) (*rest.API, *memory.Storage) {
	f.Helper()
	links, err := app.NewLinkSigner("a secret for tests")
	if err != nil {
		f.Fatal(err)
	}
	storage := memory.NewStorage(time.Now)
	vault := app.NewVault(app.VaultConfig{MaxUpload: 1 << 20}, app.VaultDeps{
		Storage: storage, Repo: memory.NewRepository(), Queue: &memory.Queue{}, Types: filetype.New(), Links: links,
	})
	api, err := rest.New(rest.Config{}, vault, nil)
	if err != nil {
		f.Fatal(err)
	}
	return api, storage
}

// FuzzUploadForm sends any bytes as a form: the answer is a document or the client's fault, and never ours.
func FuzzUploadForm(f *testing.F) {
	api, storage := bare(f)
	const part = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\ntext\r\n"
	for _, body := range []string{part + "--b--\r\n", part, part + part + "--b--", "--b\r\nContent-Disposition: form-data; name=\"folder_id\"\r\n\r\nx\r\n" + part + "--b--\r\n", "", "--b--", "\r\n--b\r\n\r\n"} {
		f.Add("multipart/form-data; boundary=b", body)
	}
	f.Fuzz(func(t *testing.T, contentType, body string) {
		request := httptest.NewRequest(http.MethodPost, "/api/documents/upload", strings.NewReader(body))
		request.Header["Content-Type"] = []string{contentType}
		before, answer := len(storage.Names()), httptest.NewRecorder()
		api.ServeHTTP(answer, request)
		if answer.Code >= http.StatusInternalServerError {
			t.Errorf("status %d: %s", answer.Code, answer.Body)
		}
		if kept := len(storage.Names()) - before; (kept == 1) != (answer.Code == http.StatusCreated) {
			t.Errorf("status %d and %d objects more", answer.Code, kept)
		}
	})
}

// FuzzQuery sends any query and any path below a document: nothing of it is our fault.
func FuzzQuery(f *testing.F) {
	api, _ := bare(f)
	for _, s := range []string{"limit=1", "cursor=x&sort=filename", "status=ready&status=failed", "%zz", "q=%00", "folder_id=", strings.Repeat("a=b&", 100)} {
		f.Add(s, "Range: bytes=0-1")
	}
	f.Fuzz(func(t *testing.T, query, value string) {
		request := httptest.NewRequest(http.MethodGet, "/api/documents", nil)
		request.URL.RawQuery = query
		for _, name := range []string{"X-Request-Id", "X-Forwarded-For", "X-Forwarded-Host", "If-None-Match", "Origin", "Traceparent"} {
			request.Header[name] = []string{value}
		}
		answer := httptest.NewRecorder()
		api.ServeHTTP(answer, request)
		if answer.Code >= http.StatusInternalServerError {
			t.Errorf("status %d: %s", answer.Code, answer.Body)
		}
	})
}

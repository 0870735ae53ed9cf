package docuvaulttest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/docuvault/docuvault/adapters/docuvaulttest"
	"github.com/docuvault/docuvault/adapters/extract/formats/formatstest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	http.DefaultClient.CloseIdleConnections()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			os.Stderr.WriteString("goroutines outlive the tests: " + err.Error() + "\n")
			code = 1
		}
	}
	os.Exit(code)
}

func call(t *testing.T, method, url, contentType string, body io.Reader, want int, into any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != want {
		t.Fatalf("%s %s: %d, want %d\n%s", method, url, answer.StatusCode, want, text)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

type document struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	Topics []struct {
		Name string `json:"name"`
	} `json:"topics"`
}

func upload(t *testing.T, vault *docuvaulttest.Vault, name string, content []byte) document {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	var d document
	call(t, http.MethodPost, vault.URL+"/api/documents/upload", form.FormDataContentType(), &body, http.StatusCreated, &d)
	return d
}

// What is uploaded is read, in a child as always, and filed.
func TestStart(t *testing.T) {
	t.Parallel()
	vault := docuvaulttest.Start(t)
	var topic struct {
		ID string `json:"id"`
	}
	call(t, http.MethodPost, vault.URL+"/api/topics", "application/json", strings.NewReader(`{"name": "Invoices"}`), http.StatusCreated, &topic)
	text := upload(t, vault, "invoice.txt", []byte("Invoice 42\nAmount payable: 12 EUR\n"))
	pdf := upload(t, vault, "letter.pdf", formatstest.PDF("an invoice"))
	vault.Settle(t, 5*time.Minute)
	for _, one := range []document{text, pdf} {
		var now document
		call(t, http.MethodGet, vault.URL+"/api/documents/"+one.ID, "", nil, http.StatusOK, &now)
		if now.Status != "ready" || len(now.Topics) != 1 || now.Topics[0].Name != "Invoices" {
			t.Errorf("%+v", now)
		}
	}
	var health struct {
		Status string `json:"status"`
	}
	call(t, http.MethodGet, vault.URL+"/health", "", nil, http.StatusOK, &health)
	if health.Status != "ok" {
		t.Errorf("health is %q", health.Status)
	}
}

// Two vaults share nothing.
func TestVaultsAreApart(t *testing.T) {
	t.Parallel()
	one, other := docuvaulttest.Start(t), docuvaulttest.Start(t)
	d := upload(t, one, "a.txt", []byte("only here"))
	one.Settle(t, time.Minute)
	var found document
	call(t, http.MethodGet, one.URL+"/api/documents/"+d.ID, "", nil, http.StatusOK, &found)
	var problem map[string]any
	call(t, http.MethodGet, other.URL+"/api/documents/"+d.ID, "", nil, http.StatusNotFound, &problem)
}

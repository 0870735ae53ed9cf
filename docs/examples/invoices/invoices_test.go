// Package invoices shows a test of a program that speaks to a vault, with a vault of its own.
package invoices_test

import (
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/docuvaulttest"
)

func TestInvoiceIsRead(t *testing.T) {
	vault := docuvaulttest.Start(t)

	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "invoice.txt")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write([]byte("Invoice 42\nAmount payable: 12 EUR\n")); err != nil {
		t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	uploaded, err := http.Post(vault.URL+"/api/documents/upload", form.FormDataContentType(), &body)
	if err != nil {
		t.Fatal(err)
	}
	defer uploaded.Body.Close()
	if uploaded.StatusCode != http.StatusCreated {
		t.Fatal(uploaded.Status)
	}
	vault.Settle(t, time.Minute)

	listed, err := http.Get(vault.URL + "/api/documents?q=invoice")
	if err != nil {
		t.Fatal(err)
	}
	defer listed.Body.Close()
	var found []struct {
		Status string `json:"status"`
	}
	if err := json.NewDecoder(listed.Body).Decode(&found); err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || found[0].Status != "ready" {
		t.Fatalf("found %+v", found)
	}
}

package main

import (
	"bytes"
	"testing"

	"github.com/docuvault/docuvault/adapters/extract"
	"github.com/docuvault/docuvault/adapters/extract/formats/formatstest"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// TestEnginesAreCompiled runs before all others (`make test`), without the race detector, under which compiling takes minutes: what
// other tests wait for is then a document's reading, and not a compiler. Programs' code is kept apart from that of packages' tests.
func TestEnginesAreCompiled(t *testing.T) {
	x, err := extract.New(extract.Config{Children: 1}, testLog())
	if err != nil {
		t.Fatal(err)
	}
	x.Warm(t.Context())
	page := formatstest.PDF("a page")
	got, err := x.Extract(t.Context(), ports.Source{Owner: domain.Nobody, ContentType: "application/pdf", Size: int64(len(page)), Content: bytes.NewReader(page)})
	if err != nil || got.Text != "a page" {
		t.Errorf("%q, %v", got.Text, err)
	}
	if err := x.Close(); err != nil {
		t.Error(err)
	}
}

package main

import (
	"errors"
	"io"
	"mime/multipart"
	"testing"

	"github.com/spf13/cobra"

	"github.com/docuvault/docuvault/adapters/schema"
)

// command finds a command by its path.
func command(t *testing.T, path ...string) *cobra.Command {
	t.Helper()
	root := newRoot(nil)
	cmd, rest, err := root.Find(path)
	if err != nil || cmd == root || len(rest) > 0 {
		t.Fatalf("there is no command %v: %v", path, err)
	}
	return cmd
}

// execute runs SQL.
func execute(t *testing.T, dsn, sql string) {
	t.Helper()
	db, err := schema.Open(dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() // nothing depends on it
	if _, err := db.ExecContext(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

// progress returns how far a document is, as its row says.
func progress(t *testing.T, dsn, id string) (status string, attempts, requeues int) {
	t.Helper()
	db, err := schema.Open(dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() // nothing depends on it
	if err := db.QueryRowContext(t.Context(), "SELECT status, attempts, requeues FROM documents WHERE id = $1", id).Scan(&status, &attempts, &requeues); err != nil {
		t.Fatal(err)
	}
	return status, attempts, requeues
}

// slowForm is an upload whose end the test decides about.
type slowForm struct {
	*io.PipeReader
	w           *io.PipeWriter
	form        *multipart.Writer
	part        io.Writer
	contentType string
	begun       chan struct{} // closed once the server has read the beginning
}

func newSlowForm(name, beginning string) *slowForm {
	s := &slowForm{begun: make(chan struct{})}
	s.PipeReader, s.w = io.Pipe()
	s.form = multipart.NewWriter(s.w)
	s.contentType = s.form.FormDataContentType()
	go func() {
		defer close(s.begun)
		part, err := s.form.CreateFormFile("file", name)
		if err == nil {
			s.part = part
			_, err = io.WriteString(part, beginning)
		}
		if err != nil {
			_ = s.w.CloseWithError(err)
		}
	}()
	return s
}

// finish sends the rest. A server that is gone is no failure here.
func (s *slowForm) finish(rest string) {
	_, err := io.WriteString(s.part, rest)
	_ = s.w.CloseWithError(errors.Join(err, s.form.Close()))
}

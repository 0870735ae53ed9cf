package main

import (
	"errors"
	"io"
	"mime/multipart"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
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

// tries returns how far a document is and how often it was tried, as its row says.
func tries(t *testing.T, dsn, id string) (status string, attempts, requeues int) {
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

// lateServer stands before a PostgreSQL as one that is just starting: it hangs up on the first who come.
type lateServer struct{ dsn string }

func newLateServer(t *testing.T, dsn string, hangUps int32) lateServer {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	network, addr := "tcp", u.Host
	if dir := u.Query().Get("host"); dir != "" {
		network, addr = "unix", dir+"/.s.PGSQL."+u.Query().Get("port")
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var left atomic.Int32
	left.Store(hangUps)
	var running sync.WaitGroup
	serve := func(conn net.Conn) {
		defer conn.Close() // it may be closed already
		if left.Add(-1) >= 0 {
			return
		}
		server, err := net.Dial(network, addr)
		if err != nil {
			return
		}
		defer server.Close() // it may be closed already
		running.Go(func() {
			_, _ = io.Copy(server, conn)
			_ = server.Close()
		})
		_, _ = io.Copy(conn, server)
	}
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		running.Wait()
		if left.Load() > 0 {
			t.Error("nobody was turned away often enough to show anything")
		}
	})
	u.Host, u.RawQuery = listener.Addr().String(), "sslmode=disable"
	return lateServer{u.String()}
}

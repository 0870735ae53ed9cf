package rest

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/docuvault/docuvault/domain"
)

// pace notices a peer that is too slow: every bytes of a body must move within window. Only the time spent waiting for the peer
// counts, so that slow storage on our side is not held against it.
type pace struct {
	window time.Duration
	bytes  int64
	now    func() time.Time

	moved int64         // in this window
	spent time.Duration // waiting in this window
}

// deadline is when patience with the peer ends, if the wait begins now.
func (p *pace) deadline() time.Time { return p.now().Add(p.window - p.spent) }

// note records that n bytes moved in a wait that began then.
func (p *pace) note(n int, began time.Time) {
	p.moved += int64(n)
	p.spent += p.now().Sub(began)
	if p.moved >= p.bytes {
		p.moved, p.spent = 0, 0
	}
}

// pacedBody is a request's body whose reads fail once the client is too slow. Its errors carry domain codes; the first one is
// kept, because storage adapters may wrap what they get from a reader.
type pacedBody struct {
	body  io.ReadCloser
	conn  *http.ResponseController
	pace  pace
	begun bool
	err   error // the first error, io.EOF included
}

// Read reads from the client. At the end of the body the server lifts the deadline itself and watches the connection for a
// client that goes away.
func (b *pacedBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	b.begun = true
	began := b.pace.now()
	_ = b.conn.SetReadDeadline(b.pace.deadline()) // not every ResponseWriter can; a real connection can
	n, err := b.body.Read(p)
	b.pace.note(n, began)
	switch {
	case err == nil:
	case errors.Is(err, io.EOF):
		b.err = io.EOF
	default:
		b.err = bodyError(err)
	}
	return n, b.err
}

// Close closes the body.
func (b *pacedBody) Close() error { return b.body.Close() }

// discard reads and drops up to limit bytes for no longer than within. A client that is still sending would otherwise often
// see its connection reset instead of our answer. A client that waits for "100 Continue" has sent nothing and is left alone.
func (b *pacedBody) discard(limit int64, within time.Duration, expectContinue bool) {
	if b.err != nil || expectContinue && !b.begun {
		return
	}
	_ = b.conn.SetReadDeadline(b.pace.now().Add(within))
	if n, err := io.CopyN(io.Discard, b.body, limit); errors.Is(err, io.EOF) && n < limit {
		b.err = io.EOF
	}
}

// bodyError says what a failed read of a request's body means.
func bodyError(err error) error {
	var network net.Error
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &domain.Error{Code: codeTimeout, Message: "the request's body came too slowly", Err: err}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &domain.Error{Code: domain.Malformed, Message: "the request's body ended early", Err: err}
	case errors.As(err, &network):
		return &domain.Error{Code: domain.Canceled, Message: "the client went away", Err: err}
	default:
		return &domain.Error{Code: domain.Malformed, Message: "the request's body cannot be read", Err: err}
	}
}

// pacedWriter is a response whose writes fail once the client is too slow in taking it. It remembers what was answered.
type pacedWriter struct {
	http.ResponseWriter
	conn   *http.ResponseController
	pace   pace
	status int // 0 until the header is written
	bytes  int64
}

// Unwrap lets an http.ResponseController reach the connection.
func (w *pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader sends the header.
func (w *pacedWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write sends part of the body.
func (w *pacedWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	began := w.pace.now()
	_ = w.conn.SetWriteDeadline(w.pace.deadline())
	n, err := w.ResponseWriter.Write(p)
	w.pace.note(n, began)
	w.bytes += int64(n)
	return n, err
}

// Flush sends what is buffered.
func (w *pacedWriter) Flush() { _ = w.conn.Flush() }

package storagetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing/iotest"
)

// streamOf yields content and nothing more: it cannot seek, and an attempt to close it is an error of the backend's.
func streamOf(content []byte) io.Reader { return struct{ io.Reader }{bytes.NewReader(content)} }

// dribble yields content in pieces that fit no buffer.
func dribble(content []byte) io.Reader { return &oddPieces{rest: content} }

type oddPieces struct {
	rest []byte
	turn int
}

func (o *oddPieces) Read(p []byte) (int, error) {
	if len(o.rest) == 0 {
		return 0, io.EOF
	}
	sizes := [...]int{1, 0, 4097, 13, 65_537, 300_001}
	n := min(sizes[o.turn%len(sizes)], len(p), len(o.rest))
	o.turn++
	copy(p, o.rest[:n])
	o.rest = o.rest[n:]
	return n, nil
}

// dataErr yields its last bytes together with io.EOF, as a reader may.
func dataErr(content []byte) io.Reader { return iotest.DataErrReader(bytes.NewReader(content)) }

var errBody = errors.New("the body broke")

// breaking yields content and then fails.
func breaking(content []byte) io.Reader {
	return io.MultiReader(bytes.NewReader(content), iotest.ErrReader(errBody))
}

// canceling yields content, ends the context, and then either yields more for ever or goes on to its end.
type canceling struct {
	first  io.Reader
	cancel context.CancelFunc
	rest   io.Reader
}

func (c *canceling) Read(p []byte) (int, error) {
	n, err := c.first.Read(p)
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	c.cancel()
	return c.rest.Read(p)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// watched notices when a Read begins after Put returned, and when two Reads overlap.
type watched struct {
	io.Reader
	reading  atomic.Int32
	returned atomic.Bool
	late     atomic.Bool
	overlap  atomic.Bool
}

func (w *watched) Read(p []byte) (int, error) {
	if w.reading.Add(1) > 1 {
		w.overlap.Store(true)
	}
	defer w.reading.Add(-1)
	if w.returned.Load() {
		w.late.Store(true)
	}
	return w.Reader.Read(p)
}

// closing fails the test's expectation if the backend closes or rewinds a reader that is not its own.
type closing struct {
	*bytes.Reader
	closed atomic.Bool
}

func (c *closing) Close() error {
	c.closed.Store(true)
	return nil
}

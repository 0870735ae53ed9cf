package app

import (
	"bytes"
	"errors"
	"io"
)

// shortContent is in bytes: what is no longer is read before an extractor is asked, so that none of the few there are waits for
// storage.
const shortContent = 256 << 10

// content is the bytes of a stored object. A long one is opened by the first Read: while an extractor is waited for, storage
// keeps no answer open.
type content struct {
	open  func() (io.ReadCloser, error)
	body  io.ReadCloser
	ahead bytes.Buffer // what load read
	rest  io.Reader
	err   error // of open
}

// load reads up to limit bytes ahead and closes what it opened if that was all.
func (c *content) load(limit int64) error {
	if err := c.start(); err != nil {
		return err
	}
	n, err := io.CopyN(&c.ahead, c.body, limit+1)
	switch {
	case errors.Is(err, io.EOF):
		c.close()
		c.rest = &c.ahead
	case err != nil:
		return err
	case n > limit: // it is longer than the row says
		c.rest = io.MultiReader(&c.ahead, c.body)
	}
	return nil
}

// Read implements io.Reader.
func (c *content) Read(p []byte) (int, error) {
	if err := c.start(); err != nil {
		return 0, err
	}
	return c.rest.Read(p)
}

func (c *content) start() error {
	if c.rest == nil && c.err == nil {
		if c.body, c.err = c.open(); c.err == nil {
			c.rest = c.body
		}
	}
	return c.err
}

// close ends the reading. All that could go wrong has shown in a Read.
func (c *content) close() {
	if c.body != nil {
		_ = c.body.Close()
		c.body = nil
	}
}

package app

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// body is an opened object that knows whether it was closed.
type body struct {
	io.Reader
	closed bool
}

func (b *body) Close() error { b.closed = true; return nil }

// TestContent: what is short is read and closed ahead, what is longer than it was said to be loses no byte, and nothing is opened
// before the first Read.
func TestContent(t *testing.T) {
	t.Parallel()
	bytesOf := func(n int) []byte { return bytes.Repeat([]byte("x"), n) }
	for _, size := range []int{0, 1, 9, 10, 11, 5000} {
		opened := &body{Reader: bytes.NewReader(bytesOf(size))}
		c := &content{open: func() (io.ReadCloser, error) { return opened, nil }}
		if err := c.load(10); err != nil {
			t.Fatal(err)
		}
		if short := size <= 10; opened.closed != short {
			t.Errorf("%d bytes: closed after reading ahead: %t", size, opened.closed)
		}
		got, err := io.ReadAll(c)
		if err != nil || len(got) != size {
			t.Errorf("%d bytes: read %d, %v", size, len(got), err)
		}
		c.close()
		if !opened.closed {
			t.Errorf("%d bytes: not closed", size)
		}
	}

	opens, broken := 0, errors.New("broken")
	c := &content{open: func() (io.ReadCloser, error) { opens++; return nil, broken }}
	if opens != 0 {
		t.Error("opened before the first Read")
	}
	for range 2 {
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, broken) {
			t.Errorf("error %v, want that of opening", err)
		}
	}
	if opens != 1 {
		t.Errorf("opened %d times", opens)
	}
	c.close()
}

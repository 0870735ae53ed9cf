package childproc

import (
	"bytes"
	"sync"
)

// Tail is a writer that keeps the last bytes written to it. It is safe for concurrent use.
type Tail struct {
	mu    sync.Mutex
	buf   []byte
	limit int
	cut   bool
}

// NewTail returns a Tail that keeps at least the last limit bytes while it is written, and shows at most limit.
func NewTail(limit int) *Tail { return &Tail{limit: limit} }

// Write never fails.
func (t *Tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b...)
	if len(t.buf) > 2*t.limit {
		t.buf = append(t.buf[:0], t.buf[len(t.buf)-t.limit:]...)
		t.cut = true
	}
	return len(b), nil
}

// String returns the last bytes, starting at the start of a line where there is one.
func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	b, cut := t.buf, t.cut
	if len(b) > t.limit {
		b, cut = b[len(b)-t.limit:], true
	}
	if i := bytes.IndexByte(b, '\n'); cut && i >= 0 {
		b = b[i+1:]
	}
	return string(b)
}

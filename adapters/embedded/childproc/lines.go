package childproc

import (
	"bytes"
	"sync"
)

// maxLine is how much of a line that does not end is kept, in bytes.
const maxLine = 8 << 10

// LineWriter cuts what a process writes into lines. It is safe for concurrent use.
type LineWriter struct {
	line    func(string)
	mu      sync.Mutex
	partial []byte
}

// NewLineWriter has line called with each line, without its end, one after the other. What is longer than 8 KiB comes in pieces.
func NewLineWriter(line func(string)) *LineWriter { return &LineWriter{line: line} }

// Write never fails.
func (w *LineWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.partial = append(w.partial, b...)
	for {
		line, rest, ended := bytes.Cut(w.partial, []byte("\n"))
		if !ended {
			break
		}
		w.line(string(bytes.TrimSuffix(line, []byte("\r"))))
		w.partial = rest
	}
	if len(w.partial) > maxLine {
		w.line(string(w.partial))
		w.partial = nil
	}
	return len(b), nil
}

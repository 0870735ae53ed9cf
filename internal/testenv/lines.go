//go:build unix

package testenv

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/docuvault/docuvault/adapters/embedded/childproc"
)

// lineLimit is how long a test waits for a process to say something.
const lineLimit = time.Minute

// lineLog collects lines for one who waits for some of them, in order. A line that was passed over is gone.
type lineLog struct {
	*childproc.LineWriter
	mu    sync.Mutex
	lines []string
	more  chan struct{} // closed and replaced when a line comes
}

func newLineLog() *lineLog {
	l := &lineLog{more: make(chan struct{})}
	l.LineWriter = childproc.NewLineWriter(l.add)
	return l
}

func (l *lineLog) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
	close(l.more)
	l.more = make(chan struct{})
}

// take removes lines up to the first that is wanted and returns that.
func (l *lineLog) take(wanted func(string) bool) (string, <-chan struct{}, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, line := range l.lines {
		if wanted(line) {
			l.lines = l.lines[i+1:]
			return line, nil, true
		}
	}
	l.lines = nil // nobody wants them any more: callers wait one after the other
	return "", l.more, false
}

// match waits for a line that is wanted. what names it in the error, which comes when the process ends without saying it
// or when ctx ends.
func (l *lineLog) match(ctx context.Context, p *childproc.Process, what string, wanted func(string) bool) (string, error) {
	for {
		line, more, ok := l.take(wanted)
		if ok {
			return line, nil
		}
		select {
		case <-more:
		case <-p.Done():
			if line, _, ok := l.take(wanted); ok {
				return line, nil
			}
			return "", fmt.Errorf("the process ended without saying %q; it said last:\n%s", what, p.Tail())
		case <-ctx.Done():
			return "", fmt.Errorf("the process does not say %q: %w; it said last:\n%s", what, ctx.Err(), p.Tail())
		}
	}
}

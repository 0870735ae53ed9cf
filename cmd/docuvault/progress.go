package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/schollz/progressbar/v3"
)

// bytesBar shows how much of something is done, how fast it goes and how long it will take; where w is no terminal, nothing. It
// is safe for concurrent use.
type bytesBar struct {
	mu    sync.Mutex
	bar   *progressbar.ProgressBar // nil: not shown
	total int64
	done  int64
}

func (p *program) newBytesBar(w io.Writer, what string) *bytesBar {
	file, ok := w.(*os.File)
	if !ok || p.getenv("TERM") == "dumb" || !isatty.IsTerminal(file.Fd()) {
		return &bytesBar{}
	}
	return &bytesBar{bar: progressbar.NewOptions64(-1, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what),
		progressbar.OptionShowBytes(true), progressbar.OptionShowTotalBytes(true), progressbar.OptionUseIECUnits(true), progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetWidth(24), progressbar.OptionClearOnFinish())}
}

// shown reports whether there is anything to see.
func (b *bytesBar) shown() bool { return b.bar != nil }

// more adds to the total.
func (b *bytesBar) more(bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.total += bytes; b.bar != nil && b.total > 0 {
		b.bar.ChangeMax64(b.total + 1) // one that reaches its end cannot go on
	}
}

// add notes what is done, or with a negative number undone.
func (b *bytesBar) add(bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done += bytes
	if b.bar != nil {
		_ = b.bar.Set64(min(max(b.done, 0), b.total)) // a bar nobody can see is no reason to stop
	}
}

// aside has something written while the bar is not in its way.
func (b *bytesBar) aside(write func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bar != nil {
		_ = b.bar.Clear() // as above
	}
	write()
}

// finish takes the bar away.
func (b *bytesBar) finish() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bar != nil {
		_ = b.bar.Finish() // as above
	}
}

// bytesText is a number of bytes as people read it.
func bytesText(n int64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB"}
	value, unit := float64(n), 0
	for value >= 1024 && unit < len(units)-1 {
		value, unit = value/1024, unit+1
	}
	if unit == 0 {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%.1f %s", value, units[unit])
}

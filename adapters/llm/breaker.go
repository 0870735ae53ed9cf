package llm

import (
	"sync"
	"time"
)

// breaker leaves a server alone that failed too often in a row. After its rest one text at a time tries it again.
type breaker struct {
	most int
	rest time.Duration
	now  func() time.Time

	mu    sync.Mutex
	fails int
	until time.Time
	probe bool
}

func (b *breaker) open() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fails < b.most {
		return true
	}
	if b.probe || b.now().Before(b.until) {
		return false
	}
	b.probe = true
	return true
}

func (b *breaker) succeeded() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fails, b.probe = 0, false
}

func (b *breaker) failed() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fails, b.probe = b.fails+1, false
	b.until = b.now().Add(b.rest)
}

// undecided takes back a try that the caller broke off.
func (b *breaker) undecided() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probe = false
}

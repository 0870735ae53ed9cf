package celery

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// limits bound what one message may cost.
type limits struct {
	body int64 // bytes of a body, after inflation
}

// parseRate reads Celery's rate limits: "10/s", "10/m", "10/h", a bare number for seconds; empty is none. It returns
// the time between two tasks.
func parseRate(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	number, unit, _ := strings.Cut(s, "/")
	per := map[string]time.Duration{"": time.Second, "s": time.Second, "m": time.Minute, "h": time.Hour}[unit]
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || per == 0 || !(n >= 0) || n > 1e9 {
		return 0, fmt.Errorf("celery: rate limit %.40q", s)
	}
	if n == 0 {
		return 0, nil
	}
	return time.Duration(float64(per) / n), nil
}

// rateLimits spaces the starts of tasks of a name on this worker.
type rateLimits struct {
	mu    sync.Mutex
	every map[string]time.Duration
	next  map[string]time.Time
}

func newRateLimits() *rateLimits {
	return &rateLimits{every: map[string]time.Duration{}, next: map[string]time.Time{}}
}

func (r *rateLimits) set(name, limit string) {
	d, err := parseRate(limit)
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.next, name)
	if err != nil || d == 0 {
		delete(r.every, name)
		return
	}
	r.every[name] = d
}

// reserve is when the next task of the name may start; each call takes a turn.
func (r *rateLimits) reserve(name string, now time.Time) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	every := r.every[name]
	if every == 0 {
		return now
	}
	at := now
	if next := r.next[name]; next.After(now) {
		at = next
	}
	r.next[name] = at.Add(every)
	return at
}

const (
	revokesMax = 50_000 // celery/worker/state.py
	revokesFor = 3 * time.Hour
)

// revokedIDs are tasks, or stamps of tasks, that must not start.
type revokedIDs struct {
	mu    sync.Mutex
	at    map[string]time.Time
	order []string
}

func (r *revokedIDs) add(id string, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at == nil {
		r.at = map[string]time.Time{}
	}
	if _, known := r.at[id]; !known {
		r.order = append(r.order, id)
	}
	r.at[id] = now
	for len(r.order) > 0 && (len(r.order) > revokesMax || now.Sub(r.at[r.order[0]]) > revokesFor) {
		delete(r.at, r.order[0])
		r.order = r.order[1:]
	}
}

func (r *revokedIDs) has(id string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, ok := r.at[id]
	return ok && now.Sub(at) <= revokesFor
}

// any reports whether one of the keys is revoked. They are asked for only when there is something to compare with.
func (r *revokedIDs) any(keys func() []string, now time.Time) bool {
	r.mu.Lock()
	empty := len(r.order) == 0
	r.mu.Unlock()
	if empty {
		return false
	}
	return slices.ContainsFunc(keys(), func(key string) bool { return r.has(key, now) })
}

func (r *revokedIDs) ids(now time.Time) []any {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := []any{}
	for _, id := range r.order {
		if now.Sub(r.at[id]) <= revokesFor {
			out = append(out, id)
		}
	}
	return out
}

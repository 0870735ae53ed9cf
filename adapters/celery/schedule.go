package celery

import (
	"container/heap"
	"context"
	"slices"
	"sync"
	"time"
)

// schedule keeps messages until their time. How long that is from now is decided when they come; a clock that is set meanwhile does
// not change it, as in Celery.
type schedule struct {
	mu    sync.Mutex
	items dueHeap
	came  int
	wake  chan struct{}
}

type due struct {
	at time.Time // as the clocks of messages say it
	by time.Time // the same by this machine, whose monotonic clock goes on
	n  int       // they came in this order
	h  *held
	do func()
}

type dueHeap []due

func (d dueHeap) Len() int           { return len(d) }
func (d dueHeap) Less(i, j int) bool { return d[i].by.Before(d[j].by) }
func (d dueHeap) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }
func (d *dueHeap) Push(x any)        { *d = append(*d, x.(due)) }
func (d *dueHeap) Pop() any {
	old := *d
	last := old[len(old)-1]
	old[len(old)-1] = due{}
	*d = old[:len(old)-1]
	return last
}

func newSchedule() *schedule { return &schedule{wake: make(chan struct{}, 1)} }

// add keeps a message until a time, when it is now by the clock that says so.
func (s *schedule) add(at, now time.Time, h *held, do func()) {
	s.mu.Lock()
	s.came++
	heap.Push(&s.items, due{at, time.Now().Add(at.Sub(now)), s.came, h, do})
	s.mu.Unlock()
	signal(s.wake)
}

func (s *schedule) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.items)
}

// next removes what is due and reports how long until the next one; negative means none.
func (s *schedule) next() ([]due, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	var out []due
	for len(s.items) > 0 && !s.items[0].by.After(now) {
		out = append(out, heap.Pop(&s.items).(due))
	}
	if len(s.items) == 0 {
		return out, -1
	}
	return out, s.items[0].by.Sub(now)
}

// drain removes all, and returns it in the order in which it came.
func (s *schedule) drain() []*held {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.SortFunc(s.items, func(a, b due) int { return a.n - b.n })
	var out []*held
	for _, d := range s.items {
		out = append(out, d.h)
	}
	s.items = nil
	return out
}

// snapshot lists what waits, for remote control.
func (s *schedule) snapshot() []due {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]due(nil), s.items...)
}

// schedule starts what is due until ctx ends.
func (w *Worker) schedule(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		ready, wait := w.state.later.next()
		for _, d := range ready {
			d.do()
		}
		if wait < 0 || wait > time.Minute {
			wait = time.Minute
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return
		case <-w.state.later.wake:
		case <-timer.C:
		}
	}
}

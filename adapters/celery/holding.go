package celery

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// held is a message this worker has taken.
type held struct {
	tag     string
	queue   string
	raw     []byte
	d       *Delivery
	reg     registration
	slot    bool // counted against the worker's room
	started atomic.Int64
	cancel  atomic.Pointer[context.CancelCauseFunc]
	settled bool // guarded by workerState.mu: somebody has decided how it ends
}

// workerState is what a running worker holds.
type workerState struct {
	handlerCtx context.Context // parent of all handlers' contexts; set once by Run

	mu    sync.Mutex
	held  map[string]*held // by delivery tag, everything in unacked that is ours
	slots int              // held that wait for or are in a handler, or are being settled
	pace  time.Duration    // running mean of a handler's time

	ready    *readyQueue
	later    *schedule
	freed    chan struct{} // a slot was freed
	detached sync.WaitGroup
	settling settleQueue
}

func (s *workerState) init() {
	s.held = map[string]*held{}
	s.ready = newReadyQueue()
	s.later = newSchedule()
	s.freed = make(chan struct{}, 1)
	s.settling.wake = make(chan struct{}, 1)
}

func (s *workerState) add(h *held) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[h.tag] = h
	if h.slot {
		s.slots++
	}
}

// takeSlot counts a message that waited for its time against the room from now on; false when it was settled
// while it waited.
func (s *workerState) takeSlot(h *held) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h.settled {
		return false
	}
	if !h.slot {
		h.slot = true
		s.slots++
	}
	return true
}

func (s *workerState) isSettled(h *held) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return h.settled
}

// dropSlot stops counting a message that will wait for its time.
func (s *workerState) dropSlot(h *held) {
	s.mu.Lock()
	if h.slot {
		h.slot = false
		s.slots--
	}
	s.mu.Unlock()
	signal(s.freed)
}

// start marks a message as being run; false when somebody has settled it meanwhile.
func (s *workerState) start(h *held, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h.settled {
		return false
	}
	h.started.Store(now.UnixNano())
	return true
}

// active is how many handlers run.
func (s *workerState) active() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, h := range s.held {
		if !h.settled && h.started.Load() != 0 {
			n++
		}
	}
	return n
}

// claim lets the first caller decide how a message ends.
func (s *workerState) claim(h *held) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h.settled {
		return false
	}
	h.settled = true
	return true
}

func (s *workerState) remove(list []*held) {
	s.mu.Lock()
	for _, h := range list {
		if s.held[h.tag] == h {
			delete(s.held, h.tag)
			if h.slot {
				s.slots--
			}
		}
	}
	s.mu.Unlock()
	signal(s.freed)
}

// ours are the tags to renew.
func (s *workerState) tags() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]string, 0, len(s.held))
	for tag := range s.held {
		out = append(out, tag)
	}
	return out
}

func (s *workerState) all() []*held {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]*held, 0, len(s.held))
	for _, h := range s.held {
		out = append(out, h)
	}
	return out
}

// horizon is how far ahead of its handlers a worker takes messages.
const horizon = 25 * time.Millisecond

// room is how many messages to take now: what handlers can begin at once, and as many more as are expected to
// begin within the horizon. While handlers are busy it waits until a good half of that is free: fewer, larger takes.
func (s *workerState) room(concurrency, prefetch int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	ahead := 0
	if s.pace > 0 {
		ahead = int(min(int64(prefetch), int64(concurrency)*int64(horizon)/int64(s.pace)))
	}
	free := concurrency + ahead - s.slots
	if free <= 0 || s.slots >= concurrency && free < ahead/2 {
		return 0
	}
	return free
}

// ran updates the mean by which prefetching is judged; it rises at once and falls slowly.
func (s *workerState) ran(took time.Duration) {
	took = max(took, time.Microsecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pace == 0 || took > s.pace {
		s.pace = took
		return
	}
	s.pace += (took - s.pace) / 8
}

func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// readyQueue hands messages to handlers in order.
type readyQueue struct {
	mu     sync.Mutex
	cond   *sync.Cond
	items  []*held
	closed bool
}

func newReadyQueue() *readyQueue {
	q := &readyQueue{}
	q.cond = sync.NewCond(&q.mu)
	return q
}

func (q *readyQueue) push(h *held) {
	q.mu.Lock()
	q.items = append(q.items, h)
	q.mu.Unlock()
	q.cond.Signal()
}

// pop waits for a message; nil means that there will be none.
func (q *readyQueue) pop() *held {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 && !q.closed {
		q.cond.Wait()
	}
	if len(q.items) == 0 {
		return nil
	}
	h := q.items[0]
	q.items[0] = nil
	q.items = q.items[1:]
	return h
}

func (q *readyQueue) drain() []*held {
	q.mu.Lock()
	defer q.mu.Unlock()
	out := q.items
	q.items = nil
	return out
}

func (q *readyQueue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.cond.Broadcast()
}

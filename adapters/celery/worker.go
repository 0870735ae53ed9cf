package celery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// WorkerConfig says what a worker takes and how it behaves. Its zero value works; where a setting has a counterpart in
// Celery its name is given, and Celery's default where it is another.
type WorkerConfig struct {
	Queues      []string // worker option -Q; served in turn within a priority; nil is "celery" (task_default_queue)
	Concurrency int      // worker_concurrency: handlers at a time; zero is the number of processors
	Hostname    string   // worker option -n: node name, unique among workers; empty is go<pid>@<host>

	// Prefetch is what worker_prefetch_multiplier is for, which is 4 for each process: the most messages taken beyond Concurrency; zero is 256, negative is none. The worker takes ahead
	// only what it expects to start within some 25 ms, going by how long its tasks took lately.
	Prefetch int
	// ScheduleLimit is worker_eta_task_limit, which is none: the most messages held for a later time (ETA, retry countdown); zero is 10,000. Beyond it they
	// wait in the queue.
	ScheduleLimit int
	// MaxBody is the most bytes of a message's body after inflation; zero is 16 MiB. Larger ones are quarantined.
	MaxBody int64

	TrackStarted            bool // task_track_started: store STARTED when a task begins
	ExtendedResults         bool // result_extended: results also say name, args, worker, …
	StoreErrorsEvenIfIgnore bool // task_store_errors_even_if_ignored: store failures of tasks whose results are ignored

	DrainTimeout    time.Duration // worker_soft_shutdown_timeout, which is none: how long running tasks may finish after Stop; zero is 30 s
	AbortGrace      time.Duration // how long handlers may take to notice that their context ended; zero is 5 s
	JanitorInterval time.Duration // between looks for messages of dead holders; zero is 3 s, negative never looks

	// UnknownRounds is how many times a task nobody here knows is put back for others before it is quarantined;
	// zero is 20. Between rounds it waits longer and longer, up to UnknownPause (zero: 5 s).
	UnknownRounds int
	UnknownPause  time.Duration

	// Route says which queue a task goes to that a workflow starts here and that names none: Python's task_routes.
	// Nil, or an empty answer, is "celery".
	Route func(task string) string // task_routes

	Heartbeat       time.Duration // between worker-heartbeat events; zero is 2 s, negative sends no worker events
	TaskEvents      bool          // worker_send_task_events: send task events from the start, as Celery's -E; remote control switches them too
	NoRemoteControl bool          // the opposite of worker_enable_remote_control: do not listen to celery inspect and celery control

	Logger *slog.Logger // nil is the client's
}

// Handler runs one task. Its result is stored as JSON. ctx ends at the soft time limit, when the task is revoked,
// and when the worker gives up waiting at shutdown: context.Cause says which. A *Retry error runs the task again,
// an *Error fails it with that exception, another error as RuntimeError; a panic fails it too.
type Handler func(ctx context.Context, d *Delivery) (any, error)

// HandlerOptions are one task's defaults; what a message says comes first.
type HandlerOptions struct {
	MaxRetries   int           // max_retries, after the first try; zero is 3, negative is none
	RetryDelay   time.Duration // before a retry; zero is 180 s, as Celery's default_retry_delay
	RetryBackoff bool          // retry_backoff: double the delay with every retry
	RetryMax     time.Duration // retry_backoff_max: ceiling of a doubled delay; zero is 10 min
	RetryJitter  bool          // retry_jitter, which is on in Celery: wait a random part of the delay, at least half

	TimeLimit, SoftTimeLimit time.Duration // task_time_limit, task_soft_time_limit; zero is none
	RateLimit                string        // rate_limit: "10/s", "10/m", "10/h"; empty is none
	IgnoreResult             bool          // task_ignore_result
}

type registration struct {
	handler Handler
	opts    HandlerOptions
}

// Worker takes tasks off queues and runs their handlers.
type Worker struct {
	c     *Client
	cfg   WorkerConfig
	log   *slog.Logger
	now   func() time.Time
	lim   limits
	order []string // priority lists, step by step
	names []any    // queue names as JSON, for the script

	origin  string
	replyTo string

	mu       sync.RWMutex
	handlers map[string]registration
	executed map[string]*atomic.Int64

	clock   lamport
	born    time.Time
	events  *events
	rates   *rateLimits
	revoked revokedIDs

	revokedStamps revokedIDs

	state    workerState
	stopOnce sync.Once
	stop     chan struct{} // closed by Stop
	running  atomic.Bool
	counters counters
}

// NewWorker prepares a worker on the client. Register handlers, then Run.
func NewWorker(c *Client, cfg WorkerConfig) (*Worker, error) {
	if len(cfg.Queues) == 0 {
		cfg.Queues = []string{DefaultQueue}
	}
	cfg.Queues = slices.Clone(cfg.Queues)
	seen := map[string]bool{}
	for _, q := range cfg.Queues {
		if q == "" || seen[q] {
			return nil, fmt.Errorf("celery: queue %q is empty or named twice", q)
		}
		seen[q] = true
	}
	if cfg.Concurrency <= 0 {
		cfg.Concurrency = runtime.GOMAXPROCS(0)
	}
	if cfg.Hostname == "" {
		host, err := os.Hostname()
		if err != nil {
			host = "localhost"
		}
		cfg.Hostname = fmt.Sprintf("go%d@%s", os.Getpid(), host)
	}
	switch {
	case cfg.Prefetch == 0:
		cfg.Prefetch = 256
	case cfg.Prefetch < 0:
		cfg.Prefetch = 0
	}
	if cfg.ScheduleLimit <= 0 {
		cfg.ScheduleLimit = 10_000
	}
	if cfg.MaxBody <= 0 {
		cfg.MaxBody = 16 << 20
	}
	if cfg.UnknownRounds <= 0 {
		cfg.UnknownRounds = 20
	}
	setDefault(&cfg.UnknownPause, 5*time.Second)
	if cfg.Heartbeat == 0 {
		cfg.Heartbeat = 2 * time.Second
	}
	setDefault(&cfg.DrainTimeout, 30*time.Second)
	setDefault(&cfg.AbortGrace, 5*time.Second)
	if cfg.JanitorInterval == 0 {
		cfg.JanitorInterval = 3 * time.Second
	}
	w := &Worker{c: c, cfg: cfg, log: cfg.Logger, now: c.now, lim: limits{body: cfg.MaxBody},
		origin: fmt.Sprintf("gen%d@%s", os.Getpid(), cfg.Hostname), replyTo: uuid.NewString(), handlers: map[string]registration{}, stop: make(chan struct{})}
	w.executed, w.born, w.rates = map[string]*atomic.Int64{}, time.Now(), newRateLimits()
	w.events = &events{w: w, wake: make(chan struct{}, 1)}
	w.events.enabled.Store(cfg.TaskEvents)
	if w.log == nil {
		w.log = c.log
	}
	for _, step := range c.keys.steps {
		for _, q := range cfg.Queues {
			w.order = append(w.order, c.keys.list(q, step))
		}
	}
	for _, q := range cfg.Queues {
		w.names = append(w.names, quoted(q))
	}
	w.state.init()
	return w, nil
}

// Handle registers the handler of a task name. A second one for a name replaces the first. A rate limit that
// cannot be read is none.
func (w *Worker) Handle(name string, h Handler, opts HandlerOptions) {
	switch {
	case opts.MaxRetries == 0:
		opts.MaxRetries = 3
	case opts.MaxRetries < 0:
		opts.MaxRetries = 0
	}
	setDefault(&opts.RetryDelay, 180*time.Second)
	setDefault(&opts.RetryMax, 10*time.Minute)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.handlers[name] = registration{h, opts}
	w.rates.set(name, opts.RateLimit)
	if w.executed[name] == nil {
		w.executed[name] = &atomic.Int64{}
	}
}

func (w *Worker) handler(name string) (registration, bool) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	r, ok := w.handlers[name]
	return r, ok
}

// countRun counts a start, for remote control's stats.
func (w *Worker) countRun(name string) {
	w.mu.RLock()
	n := w.executed[name]
	w.mu.RUnlock()
	if n != nil {
		n.Add(1)
	}
}

// Registered are the names of the tasks this worker runs, sorted.
func (w *Worker) Registered() []string {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return slices.Sorted(maps.Keys(w.handlers))
}

// Hostname is the worker's node name.
func (w *Worker) Hostname() string { return w.cfg.Hostname }

// Stop begins the shutdown Run describes and returns at once. It may be called any number of times, before Run too.
func (w *Worker) Stop() { w.stopOnce.Do(func() { close(w.stop) }) }

// ErrAbandoned is returned by Run when handlers did not return in time. Their messages were put back.
var ErrAbandoned = errors.New("celery: handlers abandoned")

// Run takes and runs tasks until ctx ends or Stop is called, then drains: it takes nothing more, puts back what
// it holds and has not begun, lets running handlers finish for DrainTimeout, then ends their contexts, and after
// AbortGrace puts their messages back too. It returns nil when everything it held is finished or back in its
// queue. While Redis is away it keeps trying, less and less often. Run may be called once.
func (w *Worker) Run(ctx context.Context) error {
	if !w.running.CompareAndSwap(false, true) {
		return errors.New("celery: worker was run before")
	}
	base, abort := context.WithCancelCause(context.WithoutCancel(ctx)) // handlers outlive ctx while they drain
	defer abort(ErrShutdown)
	taking, stopTaking := context.WithCancel(base)
	defer stopTaking()
	upkeep, stopUpkeep := context.WithCancel(context.WithoutCancel(ctx)) // leases and watchers outlive the abort of handlers
	defer stopUpkeep()
	w.state.handlerCtx = base

	var intake, service, handlers, commits sync.WaitGroup
	run := func(wg *sync.WaitGroup, f func()) { wg.Go(f) }
	wake := newWaker(w)
	defer wake.close()
	run(&intake, func() { w.fetch(taking, wake) })
	run(&intake, func() { wake.run(taking) })
	run(&intake, func() { w.schedule(taking) })
	run(&service, func() { w.renew(upkeep) })
	run(&service, func() { w.sweep(upkeep) })
	run(&service, func() { w.events.run(upkeep) })
	run(&service, func() { w.events.heartbeat(upkeep) })
	run(&service, func() { w.control(upkeep) })
	commitDone := make(chan struct{})
	run(&commits, func() { w.commitLoop(commitDone) })
	for range w.cfg.Concurrency {
		run(&handlers, w.executeLoop)
	}
	w.log.InfoContext(ctx, "celery worker started", "hostname", w.cfg.Hostname, "queues", w.cfg.Queues, "concurrency", w.cfg.Concurrency)

	select {
	case <-ctx.Done():
	case <-w.stop:
	}
	stopTaking()
	wake.close()
	intake.Wait()
	w.returnUnstarted(base)

	finished := make(chan struct{})
	go func() { handlers.Wait(); w.state.detached.Wait(); close(finished) }() // ends with the last handler
	err := w.awaitHandlers(finished, abort)
	close(commitDone)
	commits.Wait()
	w.returnHeld(base)
	stopUpkeep()
	service.Wait()
	w.log.InfoContext(ctx, "celery worker stopped", "hostname", w.cfg.Hostname)
	return err
}

// awaitHandlers gives running handlers their time, then ends their contexts.
func (w *Worker) awaitHandlers(finished <-chan struct{}, abort context.CancelCauseFunc) error {
	w.state.ready.close()
	timer := time.NewTimer(w.cfg.DrainTimeout)
	defer timer.Stop()
	select {
	case <-finished:
		return nil
	case <-timer.C:
	}
	abort(ErrShutdown)
	grace := time.NewTimer(w.cfg.AbortGrace)
	defer grace.Stop()
	select {
	case <-finished:
		return nil
	case <-grace.C:
		return ErrAbandoned
	}
}

// Stats are counts since the worker was made.
type Stats struct {
	Received, Succeeded, Failed, Retried, Revoked int64
	Restored                                      int64 // messages of dead holders taken back by this worker
	LeasesLost                                    int64 // messages that were gone when this worker was done with them
	Quarantined                                   int64
	Bounced                                       int64 // unknown tasks put back for others
	Returned                                      int64 // messages put back at shutdown
}

type counters struct {
	received, succeeded, failed, retried, revoked, restored, leasesLost, quarantined, bounced, returned atomic.Int64
}

// Stats reports what the worker has done.
func (w *Worker) Stats() Stats {
	n := &w.counters
	return Stats{n.received.Load(), n.succeeded.Load(), n.failed.Load(), n.retried.Load(), n.revoked.Load(), n.restored.Load(),
		n.leasesLost.Load(), n.quarantined.Load(), n.bounced.Load(), n.returned.Load()}
}

func freshTag() string { return uuid.NewString() + ":" }

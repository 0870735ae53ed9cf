package extract

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/docuvault/docuvault/adapters/extract/formats"
	"github.com/docuvault/docuvault/domain"
)

// errClosed is what work on a closed extractor ends with.
var errClosed = errors.New("the extractor is closed")

// pool owns the children. A turn is the right to use one; there are as many turns as children, so that whoever has a turn
// finds an idle child or may start one.
type pool struct {
	cfg   Config
	hello hello
	log   *slog.Logger
	turns chan struct{}
	life  context.Context // ends when the pool is closed
	stop  context.CancelFunc

	mu       sync.Mutex
	idle     []*child // oldest first
	running  map[*child]struct{}
	closed   bool
	children sync.WaitGroup // processes not yet gone
	users    sync.WaitGroup // turns taken
}

func newPool(cfg Config, log *slog.Logger) *pool {
	life, stop := context.WithCancel(context.Background())
	return &pool{
		cfg: cfg, log: log, turns: make(chan struct{}, cfg.Children), life: life, stop: stop, running: map[*child]struct{}{},
		hello: hello{Magic: magic, Limits: cfg.Limits, MaxInput: cfg.MaxInput, Memory: cfg.Memory, Setup: cfg.setup()},
	}
}

// take waits for a turn and returns a child that has served nobody but owner, with the engines that are asked for.
// The caller gives it back.
func (p *pool) take(ctx context.Context, owner domain.Owner, engines formats.Engines) (*child, error) {
	if err := p.enter(ctx); err != nil {
		return nil, err
	}
	c, err := p.find(ctx, owner, engines)
	if err != nil {
		p.leave()
		return nil, err
	}
	return c, nil
}

func (p *pool) enter(ctx context.Context) error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return errClosed
	}
	p.users.Add(1)
	p.mu.Unlock()
	select {
	case p.turns <- struct{}{}:
		return nil
	case <-ctx.Done():
		p.users.Done()
		return ctx.Err()
	case <-p.life.Done():
		p.users.Done()
		return errClosed
	}
}

func (p *pool) leave() {
	<-p.turns
	p.users.Done()
}

func (p *pool) find(ctx context.Context, owner domain.Owner, engines formats.Engines) (*child, error) {
	for {
		c, victim := p.pick(owner, engines)
		switch {
		case victim != nil:
			victim.end(byRecycling)
		case c == nil:
			return p.start(ctx, owner, engines)
		case c.gone(): // it died while nobody looked
			p.log.Warn("an idle extraction child was gone", "pid", c.cmd.Process.Pid, "state", c.cmd.ProcessState.String())
			p.discard(c, byRecycling)
		default:
			return c, nil
		}
	}
}

// pick returns an idle child of the owner's that can do it, else one that has to make room, else neither.
func (p *pool) pick(owner domain.Owner, engines formats.Engines) (mine, victim *child) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, c := range slices.Backward(p.idle) {
		if c.owner == owner && c.engines.Has(engines) {
			p.idle = slices.Delete(p.idle, i, i+1)
			c.idle.Stop()
			return c, nil
		}
	}
	if len(p.running) < p.cfg.Children || len(p.idle) == 0 {
		return nil, nil
	}
	victim = p.idle[0]
	p.idle = slices.Delete(p.idle, 0, 1)
	victim.idle.Stop()
	delete(p.running, victim)
	return nil, victim
}

func (p *pool) start(ctx context.Context, owner domain.Owner, engines formats.Engines) (*child, error) {
	h := p.hello
	h.Engines = engines
	c, err := p.launch(ctx, h)
	if err != nil {
		return nil, err
	}
	c.owner = owner
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		c.kill(byClose) // its user finds out and gives it back
	}
	p.running[c] = struct{}{}
	p.log.Debug("an extraction child started", "pid", c.cmd.Process.Pid, "layers", c.layers)
	return c, nil
}

// launch starts a child that neither the end of ctx nor the closing of the pool lets get ready.
func (p *pool) launch(ctx context.Context, h hello) (*child, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.life, cancel)()
	p.children.Add(1)
	c, err := startChild(ctx, p.cfg, h, p.children.Done)
	if err != nil {
		return nil, err
	}
	if lack := missing(c.layers); p.cfg.RequireSandbox && len(lack) > 0 {
		c.end(byRecycling)
		return nil, fmt.Errorf("this system does not confine children by %s", strings.Join(lack, ", "))
	}
	return c, nil
}

// give returns a child after use, for the next document of the same owner if it is fit for one.
func (p *pool) give(c *child, fit bool) {
	defer p.leave()
	p.mu.Lock()
	if !fit || p.closed || c.documents >= p.cfg.Documents {
		p.mu.Unlock()
		p.discard(c, byRecycling)
		return
	}
	p.idle = append(p.idle, c)
	if c.idle == nil {
		c.idle = newIdleTimer(p, c)
	} else {
		c.idle.Reset(p.cfg.Idle)
	}
	p.mu.Unlock()
}

// discard ends a child that nobody uses.
func (p *pool) discard(c *child, why ending) {
	c.end(why)
	p.mu.Lock()
	delete(p.running, c)
	p.mu.Unlock()
}

// retire ends a child that was idle for too long, if it still is.
func (p *pool) retire(c *child) {
	p.mu.Lock()
	i := slices.Index(p.idle, c)
	if i >= 0 {
		p.idle = slices.Delete(p.idle, i, i+1)
	}
	p.mu.Unlock()
	if i >= 0 {
		p.discard(c, byRecycling)
	}
}

// close ends every child, busy ones too, and waits until all are gone.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.stop()
	for c := range p.running {
		c.kill(byClose)
	}
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, c := range idle {
		c.idle.Stop()
		p.discard(c, byClose)
	}
	p.users.Wait()
	p.children.Wait()
}

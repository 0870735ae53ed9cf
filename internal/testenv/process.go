//go:build unix

package testenv

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"time"

	"github.com/docuvault/docuvault/adapters/embedded/childproc"
)

// process is the engine of a local program.
type process struct {
	cfg   childproc.Config
	ready func(context.Context) error // nil once it serves clients

	mu      sync.Mutex
	proc    *childproc.Process // the last one started
	running bool
}

const stopPatience = 30 * time.Second

// onFreePort starts a server that configure prepares for a port, and tries other ports when it ends at once: somebody may
// take the port between the choice and the bind.
func onFreePort(name string, configure func(port int) *process) (*server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), stepLimit)
	defer cancel()
	var errs []error
	for range 5 {
		port, err := childproc.LoopbackPort()
		if err != nil {
			return nil, err
		}
		p := configure(port)
		if err = p.start(ctx); err == nil {
			return &server{name: name, engine: p}, nil
		}
		errs = append(errs, err)
		if !errors.Is(err, errEnded) {
			break
		}
	}
	return nil, errors.Join(errs...)
}

func (p *process) start(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running {
		return nil
	}
	proc, err := childproc.Start(p.cfg)
	if err != nil {
		return err
	}
	if err := until(ctx, proc.Done(), proc.Tail, p.ready); err != nil {
		proc.Kill()
		return err
	}
	p.proc, p.running = proc, true
	return nil
}

func (p *process) stop(ctx context.Context) error {
	return p.end(func() error { return p.proc.Stop(ctx, stopPatience, syscall.SIGTERM) })
}

func (p *process) kill(context.Context) error {
	return p.end(func() error { p.proc.Kill(); return nil })
}

func (p *process) end(how func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.running {
		return nil
	}
	p.running = false
	return how()
}

func (p *process) pause(ctx context.Context) error {
	return p.whileRunning(func() error { return freeze(ctx, p.proc.PID()) })
}

func (p *process) resume(context.Context) error {
	return p.whileRunning(func() error { return p.proc.Signal(syscall.SIGCONT) })
}

func (p *process) whileRunning(do func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.running {
		return errors.New("it does not run")
	}
	return do()
}

func (p *process) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.proc == nil {
		return ""
	}
	return p.proc.Tail()
}

//go:build unix

package testenv

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/docuvault/docuvault/adapters/embedded"
	"github.com/docuvault/docuvault/adapters/embedded/childproc"
)

// postgresProcess is the engine of a local PostgreSQL: the launcher of docuvault up.
type postgresProcess struct {
	mu       sync.Mutex
	cfg      embedded.PostgresConfig
	server   *embedded.Postgres // nil while stopped
	superDSN string
	lastLog  string
}

func (p *postgresProcess) start(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server != nil {
		return nil
	}
	server, err := embedded.StartPostgres(ctx, p.cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	if p.superDSN != "" && p.superDSN != server.SuperDSN() {
		return errors.Join(fmt.Errorf("port %d was taken meanwhile", p.cfg.Port), server.Stop(ctx))
	}
	p.server, p.superDSN, p.cfg.Port = server, server.SuperDSN(), server.Port()
	return nil
}

func (p *postgresProcess) stop(ctx context.Context) error {
	return p.end(func() error { return p.server.Stop(ctx) })
}

// kill ends the first process and all its children, as the loss of the machine would, disk cache apart.
func (p *postgresProcess) kill(ctx context.Context) error {
	return p.end(func() error {
		family := p.family()
		for _, pid := range family {
			childproc.SignalPID(pid, syscall.SIGKILL)
		}
		<-p.server.Done()
		if err := allGone(ctx, family); err != nil {
			return err
		}
		return p.server.Stop(ctx) // gives up the folder's lock
	})
}

// allGone waits for processes that are nobody's children any more.
func allGone(ctx context.Context, pids []int) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for slices.ContainsFunc(pids, childproc.Running) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}

func (p *postgresProcess) end(how func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server == nil {
		return nil
	}
	err := how()
	p.server, p.lastLog = nil, p.server.LogTail()
	return err
}

// family lists the first process before its children: frozen or dead, it makes no more of them.
func (p *postgresProcess) family() []int {
	pid := p.server.PID()
	return append([]int{pid}, childproc.Children(pid)...)
}

// pause stops the first process before it asks for the children: it makes no more of them then.
func (p *postgresProcess) pause(ctx context.Context) error {
	return p.whileRunning(func() error {
		if err := freeze(ctx, p.server.PID()); err != nil {
			return err
		}
		return freeze(ctx, p.family()...)
	})
}

func (p *postgresProcess) resume(context.Context) error {
	return p.whileRunning(func() error {
		for _, pid := range p.family() {
			childproc.SignalPID(pid, syscall.SIGCONT)
		}
		return nil
	})
}

func (p *postgresProcess) whileRunning(do func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server == nil {
		return errors.New("it does not run")
	}
	return do()
}

func (p *postgresProcess) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server == nil {
		return p.lastLog
	}
	return p.server.LogTail()
}

// Package shell opens the parts a running program is made of, in order, and runs what works behind the queue. The API is
// package serve's: nothing here knows it, so that a worker carries no web framework with it.
//
// Tests run these shells in child processes and put adapters of their own between through Hooks.
package shell

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/docuvault/docuvault"
	"github.com/docuvault/docuvault/adapters/celery"
	"github.com/docuvault/docuvault/adapters/observed"
	"github.com/docuvault/docuvault/adapters/postgres"
	"github.com/docuvault/docuvault/adapters/schema"
	"github.com/docuvault/docuvault/adapters/tasks"
	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/cmd/docuvault/config"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// Hooks put something between the application and an adapter. Nil hooks change nothing.
type Hooks struct {
	Storage   func(ports.StorageBackend) ports.StorageBackend
	Repo      func(ports.Repository) ports.Repository
	Queue     func(ports.TaskQueue) ports.TaskQueue
	Extractor func(ports.Extractor) ports.Extractor

	Telemetry *Telemetry // watches all of it; nil: nobody does
}

// Parts are the adapters a program works with.
type Parts struct {
	Repo    ports.Repository
	Storage ports.StorageBackend
	Queue   ports.TaskQueue     // nil after OpenStores
	Trains  ports.TrainingQueue // nil after OpenStores
	Now     app.Clock           // the database's, which all programs share

	cfg     *config.Config
	log     *slog.Logger
	hooks   Hooks
	broker  *celery.Client
	ensure  func(context.Context) error // what is left to be done once storage answers; nil: nothing
	closers []func() error
}

// openPatience is how long a database or storage that is just starting is waited for. Who needs more restarts us.
const openPatience, openPause = 5 * time.Second, 250 * time.Millisecond

// Open opens PostgreSQL, storage and the queue, in this order. A database that is out of reach, that has an older schema or
// that was entered as a role with more rights than rows need is an error that says what to do. A queue that is down is none: it is waited for.
func Open(ctx context.Context, cfg *config.Config, log *slog.Logger, hooks Hooks) (*Parts, error) {
	p, err := OpenStores(ctx, cfg, log, hooks)
	if err != nil {
		return nil, err
	}
	if err := p.openQueue(); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// OpenStores opens PostgreSQL and storage alone.
func OpenStores(ctx context.Context, cfg *config.Config, log *slog.Logger, hooks Hooks) (*Parts, error) {
	p := &Parts{cfg: cfg, log: log, hooks: hooks}
	if err := p.openPostgres(ctx); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	if err := p.openStorage(ctx); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// Close closes what was opened, the last first.
func (p *Parts) Close() error {
	var errs []error
	for _, close := range slices.Backward(p.closers) {
		errs = append(errs, close())
	}
	p.closers = nil
	return errors.Join(errs...)
}

func (p *Parts) openPostgres(ctx context.Context) error {
	var store *postgres.Store
	err := p.patiently(ctx, "postgres is not there yet", func() (err error) {
		store, err = postgres.Open(ctx, postgres.Config{
			DSN: p.cfg.DatabaseURL, MaxConns: p.cfg.MaxConns, StatementTimeout: p.cfg.StatementTimeout, Observe: p.hooks.Telemetry.Observer(),
		}, p.log)
		return err
	})
	if domain.ErrorCode(err) == domain.Invalid {
		return config.Problems{{Variable: "DATABASE_URL", Wrong: "cannot be read", Do: "set it to postgresql://docuvault_app:PASSWORD@host:5432/docuvault"}}
	}
	if err != nil {
		return fmt.Errorf("PostgreSQL cannot be reached; see that it runs and that DATABASE_URL is right: %w", err)
	}
	p.closers = append(p.closers, store.Close)
	p.Repo, p.Now = store, store.Now
	if t := p.hooks.Telemetry; t != nil && t.metrics != nil {
		t.metrics.Database(store.DB())
	}
	if p.hooks.Repo != nil {
		p.Repo = p.hooks.Repo(store)
	}
	if err := refuseMightyRole(ctx, store.DB()); err != nil {
		return err
	}
	wanted, err := schema.New(docuvault.SchemaHCL, schema.Config{}, p.log)
	if err != nil {
		return err
	}
	return wanted.Check(ctx, store.DB())
}

func (p *Parts) openQueue() error {
	// When a task is to run again and who holds it is told by the database's clock: all programs here share that one.
	broker, err := celery.Open(celery.Config{BrokerURL: p.cfg.RedisURL, Logger: p.log, Now: p.Now})
	if err != nil {
		return redisProblem()
	}
	p.broker = broker
	p.closers = append(p.closers, broker.Close)
	queue := tasks.NewQueue(broker)
	if t := p.hooks.Telemetry; t != nil && t.traces != nil {
		queue.Carry(t.traces.Inject)
	}
	p.watchQueues(queue)
	p.Queue = observed.NewQueue(queue, p.hooks.Telemetry.Observer())
	p.Trains = queue
	if p.hooks.Queue != nil {
		p.Queue = p.hooks.Queue(p.Queue)
	}
	return nil
}

func redisProblem() error {
	return config.Problems{{Variable: "REDIS_URL", Wrong: "cannot be read", Do: "set it to redis://:PASSWORD@host:6379/0"}}
}

// patiently tries again for a while what is Unavailable.
func (p *Parts) patiently(ctx context.Context, message string, open func() error) error {
	deadline := time.Now().Add(openPatience)
	for tries := 0; ; tries++ {
		err := open()
		if domain.ErrorCode(err) != domain.Unavailable || time.Now().After(deadline) {
			return err
		}
		if tries == 0 {
			p.log.WarnContext(ctx, message, "error", err)
		}
		pause := time.NewTimer(openPause)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return errors.Join(ctx.Err(), err)
		}
	}
}

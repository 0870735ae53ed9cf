package shell

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/docuvault/docuvault/adapters/celery"
	"github.com/docuvault/docuvault/adapters/postgres"
	"github.com/docuvault/docuvault/adapters/tasks"
	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/cmd/docuvault/config"
	"github.com/docuvault/docuvault/domain"
)

const probeTimeout = 4 * time.Second

// Probe reaches for PostgreSQL, storage and Redis, all at once and each only so long, and closes what it opened.
func Probe(ctx context.Context, cfg *config.Config) app.Health {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	health := app.Health{Status: app.HealthOK}
	var checks sync.WaitGroup
	for check, ask := range map[*app.Check]func(context.Context, *config.Config) error{
		&health.Postgres: probePostgres, &health.Storage: probeStorage, &health.Redis: probeRedis,
	} {
		checks.Go(func() {
			began := time.Now()
			err := ask(ctx, cfg)
			*check = app.Check{OK: err == nil, Latency: time.Since(began)}
			if err != nil {
				check.Error = domain.ErrorMessage(err)
			}
		})
	}
	checks.Wait()
	switch {
	case !health.Postgres.OK || !health.Storage.OK:
		health.Status = app.HealthUnavailable
	case !health.Redis.OK:
		health.Status = app.HealthDegraded
	}
	return health
}

func probePostgres(ctx context.Context, cfg *config.Config) (err error) {
	store, err := postgres.Open(ctx, postgres.Config{DSN: cfg.DatabaseURL, MaxConns: 1}, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return store.Health(ctx)
}

func probeStorage(ctx context.Context, cfg *config.Config) (err error) {
	p := &Parts{cfg: cfg, log: slog.New(slog.DiscardHandler)}
	defer func() { err = errors.Join(err, p.Close()) }()
	if _, err := p.newStorage(); err != nil {
		return err
	}
	return p.Storage.Health(ctx)
}

func probeRedis(ctx context.Context, cfg *config.Config) (err error) {
	broker, err := celery.Open(celery.Config{BrokerURL: cfg.RedisURL, PoolSize: 1})
	if err != nil {
		return domain.Wrap(domain.Invalid, err, "REDIS_URL cannot be read")
	}
	defer func() { err = errors.Join(err, broker.Close()) }()
	return tasks.NewQueue(broker).Health(ctx)
}

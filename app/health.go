package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/docuvault/docuvault/domain"
)

// HealthStatus sums up whether the vault can work.
type HealthStatus string

// The statuses (D-07). Degraded still takes uploads: they are processed once the queue is back.
const (
	HealthOK          HealthStatus = "ok"
	HealthDegraded    HealthStatus = "degraded"
	HealthUnavailable HealthStatus = "unavailable"
)

// Health is how everything the vault depends on is doing.
type Health struct {
	Status   HealthStatus
	Postgres Check
	Storage  Check
	Redis    Check
}

// Check is how one dependency is doing.
type Check struct {
	OK      bool
	Latency time.Duration
	Error   string // safe to show; "" when OK
}

const healthTimeout = 2 * time.Second

// Health asks all three dependencies for real, at once, each within two seconds.
func (v *Vault) Health(ctx context.Context) Health {
	var health Health
	var checks sync.WaitGroup
	for check, ask := range map[*Check]func(context.Context) error{
		&health.Postgres: v.repo.Health, &health.Storage: v.storage.Health, &health.Redis: v.queue.Health,
	} {
		checks.Go(func() { *check = v.check(ctx, ask) })
	}
	checks.Wait()
	switch {
	case !health.Postgres.OK || !health.Storage.OK:
		health.Status = HealthUnavailable
	case !health.Redis.OK:
		health.Status = HealthDegraded
	default:
		health.Status = HealthOK
	}
	return health
}

func (v *Vault) check(ctx context.Context, ask func(context.Context) error) Check {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	began := v.now()
	err := ask(ctx)
	check := Check{OK: err == nil, Latency: v.now().Sub(began)}
	switch {
	case err == nil:
	case errors.Is(err, context.DeadlineExceeded):
		check.Error = "no answer within " + healthTimeout.String()
	default:
		check.Error = domain.ErrorMessage(err)
	}
	if err != nil {
		v.log.WarnContext(ctx, "health check failed", "error", err)
	}
	return check
}

//go:build unix

package embedded_test

import (
	"context"
	"log/slog"

	"github.com/docuvault/docuvault/adapters/embedded"
)

func ExampleStartPostgres() {
	ctx := context.Background()
	pg, err := embedded.StartPostgres(ctx, embedded.PostgresConfig{DataDir: "/var/lib/docuvault/postgres"}, slog.Default())
	if err != nil {
		slog.Error("start postgres", "error", err) // says what to do
		return
	}
	defer func() {
		if err := pg.Stop(ctx); err != nil {
			slog.Error("stop postgres", "error", err)
		}
	}()
	// DATABASE_SUPERUSER_URL is pg.SuperDSN(); the server ends by itself when pg.Done() is closed.
}

func ExampleStartRedis() {
	r, err := embedded.StartRedis(context.Background(), embedded.RedisConfig{}, nil, slog.Default())
	if err != nil {
		slog.Error("start redis", "error", err)
		return
	}
	defer r.Stop()
	// REDIS_URL is r.URL().
}

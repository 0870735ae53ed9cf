package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/docuvault/docuvault/adapters/embedded"
	"github.com/docuvault/docuvault/cmd/docuvault/config"
	"github.com/docuvault/docuvault/cmd/docuvault/shell"
)

// Folders of a data folder. The secrets are in a file beside them.
const (
	postgresFolder = "postgres"
	objectsFolder  = "objects"
)

// patience is how long a document waits before the queue is asked after it, lease how long a worker that is gone keeps one. Queue
// and worker are in this process and end with it: short times cost little, and what a kill cut off goes on soon after the next
// start.
const patience, lease = 5 * time.Second, 15 * time.Second

// Up runs everything from one folder until ctx ends: an embedded PostgreSQL with the schema applied, a Redis inside this
// process, storage on the disk, the API, a worker and a reconciler. The folder is made on the first start; a later one finds
// everything again, and what the Redis forgot in between the reconciler enqueues anew.
func Up(ctx context.Context, cfg *config.Config, log *slog.Logger, options Options) (err error) {
	listener, err := listen(ctx, cfg.ListenAddr)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }() // closed by the server already, unless something else failed before

	dir, err := dataFolder(cfg.DataDir)
	if err != nil {
		return err
	}
	postgres, err := embedded.StartPostgres(ctx, embedded.PostgresConfig{DataDir: filepath.Join(dir, postgresFolder)}, log)
	if err != nil {
		return err
	}
	defer func() {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		err = errors.Join(err, postgres.Stop(stopping))
	}()
	secrets, err := openSecrets(filepath.Join(dir, secretsFile)) // after the server has locked the folder
	if err != nil {
		return err
	}
	appURL, err := prepareDatabase(ctx, postgres.SuperDSN(), secrets, log)
	if err != nil {
		return fmt.Errorf("prepare the database: %w", err)
	}
	redis, err := embedded.StartRedis(ctx, embedded.RedisConfig{}, nil, log)
	if err != nil {
		return err
	}
	defer redis.Stop()

	own := *cfg
	own.DatabaseURL, own.RedisURL, own.SecretKey = appURL, redis.URL(), secrets.SecretKey
	own.Recovery.Patience, own.Recovery.Lease = patience, lease
	own.Storage = config.Storage{Backend: config.BackendFilesystem, Dir: filepath.Join(dir, objectsFolder)}
	log, telemetry, err := watch(ctx, &own, log, "docuvault-up", options.Version)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, telemetry.Close()) }()
	options.Hooks.Telemetry = telemetry
	parts, err := shell.Open(ctx, &own, log, options.Hooks)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, parts.Close()) }()
	api, err := newAPI(&own, parts, log, options)
	if err != nil {
		return err
	}
	worker, err := parts.Worker()
	if err != nil {
		return err
	}
	return shell.Drain(ctx, cfg.ShutdownTimeout, api.serve(listener, options.Ready), worker.Run, parts.Reconcile, telemetry.Serve, alive(postgres))
}

// alive is a Service that fails when the server ends by itself.
func alive(postgres *embedded.Postgres) shell.Service {
	return func(soft, _ context.Context) error {
		select {
		case <-soft.Done():
			return nil
		case <-postgres.Done():
			return fmt.Errorf("PostgreSQL ended, its last words:\n%s", postgres.LogTail())
		}
	}
}

// DefaultDataDir is where Up keeps everything unless it is told otherwise: the user's data folder by the XDG rules, or
// /var/lib/docuvault for root, whose home the server's user could not enter.
func DefaultDataDir(env func(string) string) (string, error) {
	if os.Geteuid() == 0 {
		return "/var/lib/docuvault", nil
	}
	if base := env("XDG_DATA_HOME"); filepath.IsAbs(base) {
		return filepath.Join(base, "docuvault"), nil
	}
	home := env("HOME")
	if !filepath.IsAbs(home) {
		return "", errors.New("there is no home folder to keep data in: name a folder with --data")
	}
	return filepath.Join(home, ".local", "share", "docuvault"), nil
}

// dataFolder makes the folder. Nobody else may look into it; as root, PostgreSQL's user has to pass through.
func dataFolder(path string) (string, error) {
	dir, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("find the data folder: %w", err)
	}
	mode := os.FileMode(0o700)
	if os.Geteuid() == 0 {
		mode = 0o711
	}
	if err := os.MkdirAll(dir, mode); err != nil {
		return "", fmt.Errorf("make the data folder; name another with --data: %w", err)
	}
	return dir, nil
}

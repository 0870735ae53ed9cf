package main

import (
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/docuvault/docuvault/cmd/docuvault/config"
	"github.com/docuvault/docuvault/cmd/docuvault/serve"
	"github.com/docuvault/docuvault/cmd/docuvault/shell"
)

func (p *program) upCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "up", Short: "Run everything from one folder, with nothing to set up", Args: noArgs,
		Long: `Run the whole vault in one process: a PostgreSQL of its own (the machine has to
have the binaries, version 15 or later), a Redis inside, documents on the disk,
the API and a worker. Everything is kept in one folder, secrets included; start
it again and all of it is there again.

Ctrl-C stops it cleanly; a second one ends it at once.

As root, PostgreSQL runs as user postgres, who must be able to enter the folder.`,
		Example: "  docuvault up\n  docuvault up --data /srv/docuvault\n  docuvault up --listen 127.0.0.1:9000 --max-upload-bytes 1GiB",
	}
	config.AddFlags(cmd.Flags(), config.Up)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := p.load(cmd, config.Up)
		if err != nil {
			return err
		}
		if cfg.DataDir == "" {
			if cfg.DataDir, err = serve.DefaultDataDir(p.getenv); err != nil {
				return err
			}
		}
		if cfg.Source("LOG_LEVEL") == config.FromDefault {
			cfg.LogLevel = slog.LevelWarn // a terminal, and somebody who wants to see the address
		}
		if _, err := fmt.Fprintf(cmd.OutOrStdout(), "Starting in %s (the first start takes a moment longer) …\n", cfg.DataDir); err != nil {
			return err
		}
		return serve.Up(cmd.Context(), cfg, logger(cmd, cfg), serve.Options{Version: thisBuild().Version, Ready: func(url string) {
			banner(cmd.OutOrStdout(), p.colours(cmd.OutOrStdout()), url, cfg)
		}})
	}
	return cmd
}

// banner tells somebody who sees this for the first time what there is and what to try.
func banner(w io.Writer, colours bool, url string, cfg *config.Config) {
	bold, dim, plain := "", "", ""
	if colours {
		bold, dim, plain = "\x1b[1m", "\x1b[2m", "\x1b[0m"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n  %sDocuVault is up.%s\n\n", bold, plain)
	fmt.Fprintf(&b, "  API    %s%s%s\n", bold, url, plain)
	fmt.Fprintf(&b, "  Docs   %s/docs\n", url)
	fmt.Fprintf(&b, "  Data   %s\n\n", cfg.DataDir)
	fmt.Fprintf(&b, "  Try it:\n")
	fmt.Fprintf(&b, "    curl -F file=@document.pdf %s/api/documents/upload\n", url)
	fmt.Fprintf(&b, "    curl %s/api/documents\n\n", url)
	fmt.Fprintf(&b, "  %sThere is no authentication yet: whoever reaches this address can read everything.%s\n", dim, plain)
	fmt.Fprintf(&b, "  %sCtrl-C stops.%s\n\n", dim, plain)
	_, _ = io.WriteString(w, b.String()) // a banner nobody can see is no reason to stop
}

func (p *program) apiCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "api", Short: "Run the REST API against a PostgreSQL, an S3 server and a Redis", Args: noArgs,
		Long: `Run the API. It keeps no state: run as many as you like on one database. It
reads DATABASE_URL, REDIS_URL, SECRET_KEY and MINIO_* from the environment.

It does not start on a database that is out of reach or has an older schema. An
S3 server or a Redis that is down is no reason not to start: /health says so.`,
		Example: "  docuvault api\n  docuvault api --listen :8000 --env-file /etc/docuvault/env",
	}
	config.AddFlags(cmd.Flags(), config.API)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := p.load(cmd, config.API)
		if err != nil {
			return err
		}
		return serve.RunAPI(cmd.Context(), cfg, logger(cmd, cfg), serve.Options{Version: thisBuild().Version, Ready: func(url string) {
			_, _ = fmt.Fprintf(cmd.OutOrStdout(), "listening on %s\n", url) // the log says it too
		}})
	}
	return cmd
}

func (p *program) workerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "worker", Short: "Read documents and file them, as Celery's queue asks for it", Args: noArgs,
		Long: `Run a worker. It shares its queue with Python's Celery workers and with any
number of its own kind. It reads DATABASE_URL, REDIS_URL and MINIO_* from the
environment; it has no use for SECRET_KEY, and must not be given
DATABASE_MIGRATE_URL.

After the first signal it takes no further task, finishes what it holds for
SHUTDOWN_TIMEOUT, and puts back the rest.`,
		Example: "  docuvault worker\n  docuvault worker --concurrency 4\n  docuvault worker --queues documents --hostname celery@reader-1",
	}
	config.AddFlags(cmd.Flags(), config.Worker)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := p.load(cmd, config.Worker)
		if err != nil {
			return err
		}
		return shell.RunWorker(cmd.Context(), cfg, logger(cmd, cfg), thisBuild().Version, shell.Hooks{}, func(name string) {
			_, _ = fmt.Fprintf(cmd.OutOrStdout(), "worker %s takes tasks from %s\n", name, strings.Join(cfg.Queues, ", ")) // the log says it too
		})
	}
	return cmd
}

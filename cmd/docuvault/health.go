package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/cmd/docuvault/config"
	"github.com/docuvault/docuvault/cmd/docuvault/shell"
)

const probeTimeout = 5 * time.Second

func (p *program) healthCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "health", Short: "Ask whether the API, or what a worker needs, is well (for container probes)", Args: noArgs,
		Long: `Ask a running API for GET /health: exit code 0 when it is ok or degraded (only
Redis is down: uploads are still taken), 1 otherwise. Without --url it asks where
LISTEN_ADDR says.

With --worker nothing has to listen: the probe itself reaches for PostgreSQL,
storage and Redis with the worker's settings, and every one of them has to answer.`,
		Example: "  docuvault health\n  docuvault health --url http://api:8000\n  docuvault health --worker",
	}
	address := cmd.Flags().String("url", "", "the API's address")
	worker := cmd.Flags().Bool("worker", false, "ask what a worker depends on, in place of an API")
	config.AddFlags(cmd.Flags(), config.Health|config.Probe)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx, cancel := context.WithTimeout(cmd.Context(), 2*probeTimeout)
		defer cancel()
		if *worker {
			cfg, err := p.load(cmd, config.Probe)
			if err != nil {
				return err
			}
			return tell(cmd.OutOrStdout(), shell.Probe(ctx, cfg))
		}
		cfg, err := p.load(cmd, config.Health)
		if err != nil {
			return err
		}
		if *address == "" {
			*address = "http://" + dialable(cfg.ListenAddr)
		}
		return ask(ctx, cmd.OutOrStdout(), *address)
	}
	return cmd
}

// ask prints what the API says of itself.
func ask(ctx context.Context, out io.Writer, address string) (err error) {
	base, err := url.Parse(address)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return &usageError{"docuvault health", fmt.Errorf("--url %q is no address such as http://127.0.0.1:8000", address)}
	}
	if base.Path == "" || base.Path == "/" {
		base.Path = "/health"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base.String(), nil)
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: probeTimeout, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("nobody answers: %w", err)
	}
	defer func() { err = errors.Join(err, answer.Body.Close()) }()
	var health struct {
		Status string `json:"status"`
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if json.Unmarshal(body, &health) != nil || health.Status == "" {
		return fmt.Errorf("%s answers %s, which is no health report", base, answer.Status)
	}
	if _, err := fmt.Fprintln(out, health.Status); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		_, err := fmt.Fprintf(out, "%s\n", body)
		return errors.Join(errSaid, err)
	}
	return nil
}

// tell prints what a probe found. A worker needs all three.
func tell(out io.Writer, health app.Health) error {
	for _, check := range []struct {
		name string
		app.Check
	}{{"postgres", health.Postgres}, {"storage", health.Storage}, {"redis", health.Redis}} {
		state := "ok"
		if !check.OK {
			state = check.Error
		}
		if _, err := fmt.Fprintf(out, "%-9s %s\n", check.name, state); err != nil {
			return err
		}
	}
	if health.Status != app.HealthOK {
		return errSaid
	}
	return nil
}

// dialable is where to reach what listens on addr: on every interface means here, too.
func dialable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

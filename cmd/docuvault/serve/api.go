// Package serve runs the API, by itself (RunAPI) and together with everything it needs (Up). It is shell's counterpart with
// the web framework.
package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/docuvault/docuvault/adapters/classify"
	"github.com/docuvault/docuvault/adapters/filetype"
	"github.com/docuvault/docuvault/adapters/rest"
	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/cmd/docuvault/config"
	"github.com/docuvault/docuvault/cmd/docuvault/shell"
)

// Options are what a caller of RunAPI and Up may want beyond the configuration.
type Options struct {
	Version string // of the program
	Hooks   shell.Hooks

	// Ready is told the API's address, such as http://127.0.0.1:8000, once it answers. May be nil.
	Ready func(url string)
}

// RunAPI runs the API, and a reconciler beside it, until ctx ends.
func RunAPI(ctx context.Context, cfg *config.Config, log *slog.Logger, options Options) (err error) {
	listener, err := listen(ctx, cfg.ListenAddr)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }() // closed by the server already, unless something else failed before
	log, telemetry, err := watch(ctx, cfg, log, "docuvault-api", options.Version)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, telemetry.Close()) }()
	options.Hooks.Telemetry = telemetry
	parts, err := shell.Open(ctx, cfg, log, options.Hooks)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, parts.Close()) }()
	api, err := newAPI(cfg, parts, log, options)
	if err != nil {
		return err
	}
	return shell.Drain(ctx, cfg.ShutdownTimeout, api.serve(listener, options.Ready), parts.Reconcile, parts.AwaitStorage, telemetry.Serve)
}

// watch opens what watches a program with an API, and has the log name the request, task and trace that a line belongs to.
func watch(ctx context.Context, cfg *config.Config, log *slog.Logger, service, version string) (*slog.Logger, *shell.Telemetry, error) {
	log = slog.New(rest.RequestIDHandler(shell.Logger(log).Handler()))
	telemetry, err := shell.OpenTelemetry(ctx, cfg, log, service, version)
	return log, telemetry, err
}

type api struct {
	*rest.API
	log *slog.Logger
}

func newAPI(cfg *config.Config, parts *shell.Parts, log *slog.Logger, options Options) (*api, error) {
	links, err := app.NewLinkSigner(cfg.SecretKey)
	if err != nil {
		return nil, err
	}
	vault := app.NewVault(app.VaultConfig{MaxUpload: cfg.MaxUpload, AllowedTypes: cfg.AllowedTypes, Recovery: cfg.Recovery}, app.VaultDeps{
		Storage: parts.Storage, Repo: parts.Repo, Queue: parts.Queue, Types: filetype.New(), Links: links,
		Grouper: classify.NewLearner(classify.Config{}), Trains: parts.Trains, Now: parts.Now, Log: log,
	})
	uploadLimit, err := parts.UploadLimit()
	if err != nil {
		return nil, err
	}
	provider, host := shell.AI(cfg)
	classifier := classify.Name
	if provider != config.AIOff {
		classifier = provider
	}
	handler, err := rest.New(rest.Config{
		Version: options.Version, Classifier: classifier, AIProvider: provider, AIHost: host, PublicURL: cfg.PublicURL,
		TrustedProxies: cfg.TrustedProxies, Observe: options.Hooks.Telemetry.Request,
		Origins: cfg.Origins, UploadLimit: uploadLimit,
	}, vault, log)
	if err != nil {
		return nil, fmt.Errorf("set up the API: %w", err)
	}
	return &api{API: handler, log: log}, nil
}

// listen takes the address before anything else is started, so that a port that is taken is known at once.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	var config net.ListenConfig
	config.SetMultipathTCP(false) // lastCalls cannot filter it
	listener, err := config.Listen(ctx, "tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("something listens on %s already: stop it, or choose another address with --listen", addr)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("this user may not listen on %s: choose a port above 1023 with --listen", addr)
	case err != nil:
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	return listener, nil
}

// notReadyFor is how long a stopping API still answers before it stops accepting: /health says 503, so that who sends requests
// here can learn to stop first. Without a load balancer there is nobody to learn it, so it is short.
const notReadyFor = 250 * time.Millisecond

// serve is a Service: not ready, stop accepting, finish requests under way, cancel them.
func (a *api) serve(listener net.Listener, ready func(string)) shell.Service {
	return func(soft, hard context.Context) error {
		server := a.Server()
		var requests sync.WaitGroup
		inner := server.Handler
		server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			defer requests.Done()
			inner.ServeHTTP(w, r)
		})
		server.BaseContext = func(net.Listener) context.Context { return hard }
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		a.log.InfoContext(soft, "api started", "addr", listener.Addr().String())
		if ready != nil {
			ready("http://" + reachable(listener.Addr()))
		}
		select {
		case err := <-served:
			return fmt.Errorf("serve: %w", err)
		case <-soft.Done():
		}
		a.Drain()
		pause := time.NewTimer(notReadyFor)
		select {
		case <-pause.C:
		case <-hard.Done():
			pause.Stop()
		}
		if err := lastCalls(hard, listener); err != nil {
			a.log.WarnContext(hard, "requests may be lost", "error", err)
		}
		err := server.Shutdown(hard)
		if err != nil {
			a.log.WarnContext(hard, "requests were cut off", "error", err)
			err = server.Close()
		}
		requests.Wait() // those that were cut off return soon: their contexts ended and their connections are closed
		if closed := <-served; !errors.Is(closed, http.ErrServerClosed) {
			err = errors.Join(err, closed)
		}
		a.log.InfoContext(context.WithoutCancel(soft), "api stopped")
		return err
	}
}

// reachable is an address to connect to: a listener on every interface is reached at this machine's own.
func reachable(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

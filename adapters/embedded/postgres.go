package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/docuvault/docuvault/adapters/embedded/childproc"
)

// PostgresConfig says where and how the server runs. DataDir is required; everything else has a default.
type PostgresConfig struct {
	// DataDir holds the cluster, the superuser's password and the lock. It is made when absent. When the program runs as
	// root the server runs as user postgres (or nobody), which must be able to enter every folder above DataDir.
	DataDir string

	// BinDir is the folder of initdb and postgres. Empty looks in PATH, pg_config --bindir, Debian's and Homebrew's
	// folders, in this order, and takes the first of version 15 or later that fits the cluster.
	BinDir string

	// TCP listens on a free port of 127.0.0.1 as well. Off, only a unix socket in a folder that other users cannot enter
	// is open. Both ask for the password.
	TCP bool

	// Port is the TCP port to prefer; 0 draws one. With TCP off it is ignored.
	Port int

	// Settings are added to the server's command line (max_connections, shared_buffers, …). Those that decide about
	// durability, addresses and file places are refused.
	Settings map[string]string

	// UnsafeNoSync turns fsync, full page writes and synchronous commits off: faster, and a power cut corrupts the
	// cluster. For throw-away data in tests only.
	UnsafeNoSync bool

	// StartTimeout bounds the wait for a started server to accept connections, crash recovery included. 0 is 2 minutes.
	StartTimeout time.Duration
}

// Superuser and Database of a cluster made here.
const (
	Superuser     = "postgres"
	adminDatabase = "postgres"
)

// Postgres is a running server.
type Postgres struct {
	proc   *childproc.Process
	dir    *dataDir
	log    *slog.Logger
	dsn    string
	local  string // dsn by the unix socket
	port   int
	socket socketDir

	stop    sync.Once
	stopErr error
}

// StartPostgres makes the cluster on first use, starts the server and returns once it accepts connections. ctx bounds the
// start alone. A folder that another program uses, binaries that are missing or too old, and a data folder that the
// server's user cannot enter are errors that say what to do. A nil log discards.
//
// What a killed predecessor left (a server still shutting down, its pid and socket locks) is waited for and cleared, but
// never the lock of a server that lives.
func StartPostgres(ctx context.Context, cfg PostgresConfig, log *slog.Logger) (*Postgres, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if cfg.DataDir == "" {
		return nil, errors.New("embedded postgres: DataDir is required")
	}
	if err := checkSettings(cfg); err != nil {
		return nil, fmt.Errorf("embedded postgres: %w", err)
	}
	p, err := startPostgres(ctx, cfg, log)
	if err != nil {
		return nil, fmt.Errorf("embedded postgres: %w", err)
	}
	return p, nil
}

func startPostgres(ctx context.Context, cfg PostgresConfig, log *slog.Logger) (_ *Postgres, err error) {
	dir, err := openDataDir(cfg.DataDir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, dir.close())
		}
	}()
	bins, err := findBinaries(ctx, cfg.BinDir, dir.version())
	if err != nil {
		return nil, err
	}
	if err := dir.checkAccess(ctx, bins); err != nil {
		return nil, err
	}
	if err := dir.waitForOrphans(ctx, log); err != nil {
		return nil, err
	}
	if err := dir.initialise(ctx, bins, cfg.UnsafeNoSync, log); err != nil {
		return nil, err
	}
	password, err := dir.password()
	if err != nil {
		return nil, err
	}
	sock, err := dir.openSocketDir()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, sock.close())
		}
	}()

	const tries = 5 // for a port that somebody takes between the choice and the bind
	for try := 1; ; try++ {
		p, err := launch(ctx, cfg, bins, dir, sock, password, log)
		if err == nil {
			log.InfoContext(ctx, "postgres started", "version", bins.version, "data_dir", dir.root)
			return p, nil
		}
		var taken *portTakenError
		if !errors.As(err, &taken) || try == tries {
			return nil, err
		}
		cfg.Port = 0
	}
}

// portTakenError is a server that ended at once although its socket was free: its TCP port was taken.
type portTakenError struct{ err error }

func (e *portTakenError) Error() string { return e.err.Error() }
func (e *portTakenError) Unwrap() error { return e.err }

func launch(ctx context.Context, cfg PostgresConfig, bins binaries, dir *dataDir, sock socketDir, password string, log *slog.Logger) (*Postgres, error) {
	port, host := defaultPort, sock.path
	if cfg.TCP {
		host = "127.0.0.1"
		if port = cfg.Port; port == 0 {
			var err error
			if port, err = childproc.LoopbackPort(); err != nil {
				return nil, err
			}
		}
	}
	if err := dir.clearStaleLocks(sock.path, port); err != nil {
		return nil, err
	}
	lines := newLogLines(log)
	proc, err := childproc.Start(childproc.Config{
		Path: bins.postgres, Args: serverArgs(cfg, dir, sock.path, port), Env: serverEnv(), Dir: dir.cluster,
		Credential: dir.runAs, Stderr: lines, DeathSignal: fastShutdown,
	})
	if err != nil {
		return nil, err
	}
	p := &Postgres{proc: proc, dir: dir, log: log, port: port, socket: sock,
		dsn: superDSN(host, port, password), local: superDSN(sock.path, port, password)}
	if err := dir.recordServer(proc.PID()); err != nil {
		proc.Kill()
		return nil, err
	}
	if err := p.await(ctx, cfg); err != nil {
		proc.Kill()
		if lines.portTaken() && cfg.TCP {
			return nil, &portTakenError{err}
		}
		return nil, err
	}
	return p, nil
}

// await returns once the server answers a query.
func (p *Postgres) await(ctx context.Context, cfg PostgresConfig) error {
	limit := cfg.StartTimeout
	if limit == 0 {
		limit = 2 * time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := p.ping(ctx)
		if err == nil {
			return nil
		}
		var refused *pgconn.PgError
		if errors.As(err, &refused) && refused.Code[:2] == "28" { // the cluster's password is not ours: waiting will not help
			return fmt.Errorf("the server refuses the password kept in the data folder: %w", err)
		}
		select {
		case <-p.proc.Done():
			return fmt.Errorf("the server ended while starting (%w), its last words:\n%s", p.proc.Err(), p.proc.Tail())
		case <-ctx.Done():
			return fmt.Errorf("the server did not become ready: %w, last answer %w, its last words:\n%s", ctx.Err(), err, p.proc.Tail())
		case <-tick.C:
		}
	}
}

// ping asks by the socket, which is the server's alone: on its TCP port somebody else might answer. The server listens on
// both before it answers on one.
func (p *Postgres) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgconn.Connect(ctx, p.local)
	if err != nil {
		return err
	}
	return errors.Join(conn.Exec(ctx, "SELECT 1").Close(), conn.Close(ctx))
}

// SuperDSN is the superuser's connection URL, for the database "postgres". It holds the password: do not log it.
func (p *Postgres) SuperDSN() string { return p.dsn }

// PID is the process id of the server's first process.
func (p *Postgres) PID() int { return p.proc.PID() }

// Port is the TCP port, and the number in the socket's name.
func (p *Postgres) Port() int { return p.port }

// Done is closed when the server has ended, for whatever reason.
func (p *Postgres) Done() <-chan struct{} { return p.proc.Done() }

// LogTail is the server's last output.
func (p *Postgres) LogTail() string { return p.proc.Tail() }

// stopPatience is how long each step of a shutdown may take. A fast shutdown writes a checkpoint first.
const stopPatience = 30 * time.Second

// Stop shuts the server down in PostgreSQL's fast mode: running transactions are rolled back, a checkpoint is written. If
// that takes too long, or ctx ends, the server is ended hard, which the error says; its next start recovers every
// committed row. When Stop returns the server is gone. Further calls wait for the first and return what it returned.
func (p *Postgres) Stop(ctx context.Context) error {
	p.stop.Do(func() {
		if err := errors.Join(p.halt(ctx), p.socket.close(), p.dir.close()); err != nil {
			p.stopErr = fmt.Errorf("embedded postgres: stop: %w", err)
			return
		}
		p.log.InfoContext(ctx, "postgres stopped", "data_dir", p.dir.root)
	})
	return p.stopErr
}

func (p *Postgres) halt(ctx context.Context) error {
	return p.proc.Stop(ctx, stopPatience, fastShutdown, immediateShutdown)
}

func superDSN(host string, port int, password string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(Superuser, password), Path: "/" + adminDatabase}
	if filepath.IsAbs(host) {
		u.RawQuery = url.Values{"host": {host}, "port": {strconv.Itoa(port)}}.Encode()
	} else {
		u.Host = host + ":" + strconv.Itoa(port)
		u.RawQuery = url.Values{"sslmode": {"disable"}}.Encode()
	}
	return u.String()
}

// serverEnv keeps what the server needs and nothing that would change its mind, such as PGDATA, PGPORT or PGOPTIONS.
func serverEnv() []string {
	env := []string{"LC_ALL=" + locale, "TZ=UTC"}
	for _, name := range []string{"PATH", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

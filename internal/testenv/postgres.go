package testenv

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/embedded"
	"github.com/docuvault/docuvault/internal/childproc"
)

// Database is one fresh database, empty or with the schema, by three connection URLs.
type Database struct {
	Name       string
	SuperDSN   string // the cluster's superuser
	MigrateDSN string // role docuvault_migrate, the database's owner
	AppDSN     string // role docuvault_app
}

// The roles of D-13.
const (
	appRole     = "docuvault_app"
	migrateRole = "docuvault_migrate"
)

// Postgres returns a fresh, empty database on this test binary's shared server. Both roles exist; nobody else may connect
// to it. It is dropped when the test ends, whoever is still connected.
func Postgres(t testing.TB) Database {
	t.Helper()
	return sharedPostgres(t).Database(t)
}

// Schema returns a fresh database with the vault's schema and grants applied.
func Schema(t testing.TB) Database {
	t.Helper()
	return sharedPostgres(t).Schema(t)
}

// sharedPostgres is the quick server for tests, a durable one for benchmarks.
func sharedPostgres(t testing.TB) *DatabaseServer {
	t.Helper()
	_, bench := t.(*testing.B)
	if Containers() {
		return containerPostgres(t)
	}
	s, err := once(fmt.Sprintf("postgres durable=%t", bench), func() (*DatabaseServer, func(context.Context) error, error) {
		dir, err := tempDir("postgres")
		if err != nil {
			return nil, nil, err
		}
		s, err := newPostgres(dir, PostgresOptions{Durable: bench})
		if err != nil {
			return nil, nil, err
		}
		return s, s.halt, nil
	})
	if err != nil {
		t.Fatal("testenv:", err)
	}
	return s
}

// PostgresOptions are for a server of a test's own.
type PostgresOptions struct {
	Durable  bool              // fsync, synchronous commits and full page writes on
	Settings map[string]string // added to the server's command line
}

// DatabaseServer is a PostgreSQL server. Its address and its data stay the same over Stop, Kill and Start.
type DatabaseServer struct {
	mu       sync.Mutex
	cfg      embedded.PostgresConfig
	server   *embedded.Postgres // nil while stopped, and for a container
	superDSN string
	password string // of both roles

	empty, schema template
}

// PostgresServer starts a server of the test's own. It stops when the test ends.
func PostgresServer(t testing.TB, opts PostgresOptions) *DatabaseServer {
	t.Helper()
	s, err := newPostgres(testDir(t, "postgres"), opts)
	if err != nil {
		t.Fatal("testenv:", err)
	}
	t.Cleanup(func() { s.Stop(t) })
	return s
}

// OwnPostgres starts a durable server of the test's own, to be stopped, killed and started again.
func OwnPostgres(t testing.TB) *DatabaseServer {
	t.Helper()
	return PostgresServer(t, PostgresOptions{Durable: true})
}

func newPostgres(dir string, opts PostgresOptions) (*DatabaseServer, error) {
	s := &DatabaseServer{password: rand.Text(), cfg: embedded.PostgresConfig{
		DataDir: dir, TCP: true, UnsafeNoSync: !opts.Durable,
		Settings: map[string]string{
			"max_connections": "300", "shared_buffers": "64MB", "autovacuum_naptime": "5s",
			"log_min_error_statement": "error", "log_error_verbosity": "default",
		},
	}}
	maps.Copy(s.cfg.Settings, opts.Settings)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	return s, s.start(ctx)
}

func (s *DatabaseServer) start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server != nil {
		return nil
	}
	server, err := embedded.StartPostgres(ctx, s.cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	if s.superDSN != "" && s.superDSN != server.SuperDSN() {
		return fmt.Errorf("restart: port %d was taken meanwhile", s.cfg.Port)
	}
	s.server, s.superDSN, s.cfg.Port = server, server.SuperDSN(), server.Port()
	return nil
}

func (s *DatabaseServer) halt(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil {
		return nil
	}
	err := s.server.Stop(ctx)
	s.server = nil
	return err
}

// Start starts the server again after Stop or Kill, on the same address and data. On a running server it does nothing.
func (s *DatabaseServer) Start(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := s.start(ctx); err != nil {
		t.Fatal("testenv: start postgres:", err)
	}
}

// Stop shuts the server down: connections are cut, transactions rolled back. A second Stop does nothing.
func (s *DatabaseServer) Stop(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.halt(ctx); err != nil {
		t.Error("testenv: stop postgres:", err)
	}
}

// Kill ends the server and all its backends by SIGKILL, as the loss of the machine would, disk cache apart.
func (s *DatabaseServer) Kill(t testing.TB) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil {
		return
	}
	pid := s.server.PID()
	for _, child := range append(childproc.Children(pid), pid) {
		childproc.KillPID(child)
	}
	<-s.server.Done()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.server.Stop(ctx); err != nil { // gives up the folder's lock
		t.Error("testenv: kill postgres:", err)
	}
	s.server = nil
}

// SuperDSN is the superuser's connection URL, for the database "postgres".
func (s *DatabaseServer) SuperDSN() string { return s.superDSN }

// Log is the server's last output.
func (s *DatabaseServer) Log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil {
		return ""
	}
	return s.server.LogTail()
}

func (s *DatabaseServer) newDatabase(t testing.TB, template string) Database {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	name := "t_" + strings.ToLower(rand.Text())
	if err := s.create(ctx, name, template); err != nil {
		t.Fatal("testenv: create a database:", err)
	}
	t.Cleanup(func() { s.drop(t, name) })
	return s.database(name)
}

// drop removes the database if the server still runs; a server that was stopped takes its data with it.
func (s *DatabaseServer) drop(t testing.TB, name string) {
	s.mu.Lock()
	running := s.server != nil || s.cfg.DataDir == ""
	s.mu.Unlock()
	if !running {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.admin(ctx, fmt.Sprintf("DROP DATABASE IF EXISTS %s WITH (FORCE)", name)); err != nil {
		t.Error("testenv: drop a database:", err)
	}
}

func (s *DatabaseServer) database(name string) Database {
	as := func(user, password string) string {
		u, err := url.Parse(s.superDSN)
		if err != nil {
			return ""
		}
		u.Path = "/" + name
		if user != "" {
			u.User = url.UserPassword(user, password)
		}
		return u.String()
	}
	return Database{Name: name, SuperDSN: as("", ""), MigrateDSN: as(migrateRole, s.password), AppDSN: as(appRole, s.password)}
}

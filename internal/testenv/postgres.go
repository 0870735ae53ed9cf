//go:build unix

package testenv

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/docuvault/docuvault/adapters/embedded"
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
	if Containers() {
		return sharedPostgresContainer(t)
	}
	_, bench := t.(*testing.B)
	s, err := once(fmt.Sprintf("postgres durable=%t", bench), func() (*DatabaseServer, func(context.Context) error, error) {
		dir, err := tempDir("postgres")
		if err != nil {
			return nil, nil, err
		}
		s, err := newPostgres(dir, PostgresOptions{Durable: bench})
		if err != nil {
			return nil, nil, err
		}
		return s, s.engine.stop, nil
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

// DatabaseServer is a PostgreSQL server. Kill takes all its processes at once, as the loss of the machine would, disk cache
// apart.
type DatabaseServer struct {
	*server
	superDSN      string
	password      string // of both roles
	empty, schema template
}

// PostgresServer starts a server of the test's own. It ends with the test.
func PostgresServer(t testing.TB, opts PostgresOptions) *DatabaseServer {
	t.Helper()
	if Containers() {
		return ownPostgresContainer(t, opts)
	}
	s, err := newPostgres(testDir(t, "postgres"), opts)
	if err != nil {
		t.Fatal("testenv:", err)
	}
	s.own(t)
	return s
}

// OwnPostgres starts a durable server of the test's own, to be stopped, paused, killed and started again.
func OwnPostgres(t testing.TB) *DatabaseServer {
	t.Helper()
	return PostgresServer(t, PostgresOptions{Durable: true})
}

// testSettings suit many tests at once, and show in a failed test's log what its statements were.
func testSettings(more map[string]string) map[string]string {
	settings := map[string]string{
		"max_connections": "300", "shared_buffers": "64MB", "log_min_error_statement": "error", "log_error_verbosity": "default",
	}
	maps.Copy(settings, more)
	return settings
}

func newPostgres(dir string, opts PostgresOptions) (*DatabaseServer, error) {
	p := &postgresProcess{cfg: embedded.PostgresConfig{
		DataDir: dir, TCP: true, UnsafeNoSync: !opts.Durable, Settings: testSettings(opts.Settings),
	}}
	ctx, cancel := context.WithTimeout(context.Background(), stepLimit)
	defer cancel()
	if err := p.start(ctx); err != nil {
		return nil, err
	}
	return &DatabaseServer{server: &server{name: "postgres", engine: p}, superDSN: p.superDSN, password: rand.Text()}, nil
}

// SuperDSN is the superuser's connection URL, for the database "postgres".
func (s *DatabaseServer) SuperDSN() string { return s.superDSN }

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

// drop removes the database. A server that the test stopped takes its data with it.
func (s *DatabaseServer) drop(t testing.TB, name string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err := s.admin(ctx, fmt.Sprintf("DROP DATABASE IF EXISTS %s WITH (FORCE)", name))
	var down *pgconn.ConnectError
	if err != nil && !errors.As(err, &down) {
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

//go:build unix

package embedded_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/docuvault/docuvault/adapters/embedded"
	"github.com/docuvault/docuvault/adapters/embedded/childproc"
	"github.com/docuvault/docuvault/internal/testenv"
)

func TestPostgresKeepsRowsAndIsDurable(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	pg := start(t, embedded.PostgresConfig{DataDir: dir})
	for setting, want := range map[string]string{
		"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "data_checksums": "on",
		"server_encoding": "UTF8", "lc_ctype": "C.UTF-8", "lc_collate": "C.UTF-8", "password_encryption": "scram-sha-256", "listen_addresses": "",
	} {
		if got := query(t, pg.SuperDSN(), "SELECT current_setting('"+setting+"')"); got != want {
			t.Errorf("%s is %q, want %q", setting, got, want)
		}
	}
	execute(t, pg.SuperDSN(), "CREATE TABLE x AS SELECT 1 AS id")
	stop(t, pg)
	stop(t, pg)
	if _, err := os.Stat(filepath.Join(dir, "cluster", "postmaster.pid")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the server was not shut down in order: %v", err)
	}
	pg = start(t, embedded.PostgresConfig{DataDir: dir})
	if got := query(t, pg.SuperDSN(), "SELECT count(*)::text FROM x"); got != "1" {
		t.Errorf("%s rows after a restart", got)
	}
}

func TestPostgresAsksForThePassword(t *testing.T) {
	t.Parallel()
	pg := start(t, embedded.PostgresConfig{DataDir: dataDir(t), TCP: true})
	for name, dsn := range map[string]string{
		"none": withPassword(t, pg.SuperDSN(), ""), "wrong": withPassword(t, pg.SuperDSN(), "wrong"),
	} {
		_, err := pgx.Connect(context.Background(), dsn)
		var refused *pgconn.PgError
		if !errors.As(err, &refused) || refused.Code != pgerrcode.InvalidPassword && refused.Code != pgerrcode.InvalidAuthorizationSpecification {
			t.Errorf("password %s: %v, want a refusal", name, err)
		}
	}
	if got := query(t, pg.SuperDSN(), "SELECT inet_server_addr()::text"); got != "127.0.0.1/32" {
		t.Errorf("server address %s", got)
	}
}

func withPassword(t *testing.T, dsn, password string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(embedded.Superuser, password)
	return u.String()
}

func TestPostgresFolderIsLocked(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	pg := start(t, embedded.PostgresConfig{DataDir: dir})
	_, err := embedded.StartPostgres(context.Background(), embedded.PostgresConfig{DataDir: dir}, nil)
	if err == nil || !strings.Contains(err.Error(), "another docuvault up uses") {
		t.Fatalf("a second start answers %v", err)
	}
	if got := query(t, pg.SuperDSN(), "SELECT 'alive'"); got != "alive" {
		t.Fatal("the first server suffered")
	}
}

// The whole program is killed while it commits: every row it reported is there afterwards, and nothing runs meanwhile.
func TestPostgresSurvivesKill(t *testing.T) {
	t.Parallel()
	for name, everything := range map[string]bool{"program": false, "program and server": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := dataDir(t)
			last := 0
			for round := range 3 {
				c := testenv.Child(t, "up", "DATA_DIR="+dir)
				server := number(t, c.WaitLine(t, "server "))
				for range 20 {
					last = number(t, c.WaitLine(t, "committed "))
				}
				if everything {
					kill(t, server)
				}
				c.Kill()
				pg := start(t, embedded.PostgresConfig{DataDir: dir})
				if got := query(t, pg.SuperDSN(), fmt.Sprintf("SELECT count(*)::text FROM rows WHERE id = %d", last)); got != "1" {
					t.Fatalf("round %d: row %d was committed and is lost", round, last)
				}
				stop(t, pg)
				if childproc.Running(server) {
					t.Fatalf("round %d: the killed program's server still runs", round)
				}
			}
		})
	}
}

func number(t *testing.T, line string) int {
	t.Helper()
	n, err := strconv.Atoi(line[strings.LastIndexByte(line, ' ')+1:])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func kill(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// Only the server is killed: the program notices, and starts it anew.
func TestPostgresDeathIsNoticed(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	pg := start(t, embedded.PostgresConfig{DataDir: dir})
	kill(t, pg.PID())
	select {
	case <-pg.Done():
	case <-time.After(time.Minute):
		t.Fatal("the death of the server goes unnoticed")
	}
	stop(t, pg)
	start(t, embedded.PostgresConfig{DataDir: dir})
}

// A crash leaves lock files; by the next start their process ids belong to other programs, or they are cut short.
func TestPostgresRemovesStaleLocks(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{"a stranger's process id": strconv.Itoa(os.Getpid()) + "\n", "empty": "", "a dead process": "999999999\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := dataDir(t)
			stop(t, start(t, embedded.PostgresConfig{DataDir: dir}))
			socket := filepath.Join(dir, "run", ".s.PGSQL.5432.lock")
			for _, path := range []string{filepath.Join(dir, "cluster", "postmaster.pid"), socket} {
				if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
				if os.Geteuid() == 0 {
					info, err := os.Stat(filepath.Join(dir, "cluster"))
					if err != nil {
						t.Fatal(err)
					}
					st := info.Sys().(*syscall.Stat_t)
					if err := os.Chown(path, int(st.Uid), int(st.Gid)); err != nil {
						t.Fatal(err)
					}
				}
			}
			start(t, embedded.PostgresConfig{DataDir: dir})
		})
	}
}

// A server that somebody started by hand on our folder is left alone.
func TestPostgresRefusesAStrangersServer(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	pg := start(t, embedded.PostgresConfig{DataDir: dir})
	// The lock is free, the server lives and is not on record: a stranger's, for all we can see.
	lock := filepath.Join(dir, "lock")
	if err := os.Rename(lock, lock+".held"); err != nil {
		t.Fatal(err)
	}
	_, err := embedded.StartPostgres(context.Background(), embedded.PostgresConfig{DataDir: dir}, nil)
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("a PostgreSQL server (process %d)", pg.PID())) {
		t.Fatalf("a start on a running server answers %v", err)
	}
	if got := query(t, pg.SuperDSN(), "SELECT 'alive'"); got != "alive" {
		t.Fatal("the server suffered")
	}
}

// Where the kernel does not end it, a server outlives its killed program. The next program, which finds it on record,
// stops it and starts its own.
func TestPostgresStopsAnOrphan(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	orphan := start(t, embedded.PostgresConfig{DataDir: dir})
	execute(t, orphan.SuperDSN(), "CREATE TABLE x AS SELECT 1 AS id")
	lock := filepath.Join(dir, "lock")
	record, err := os.ReadFile(lock)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Rename(lock, lock+".held"), os.WriteFile(lock, record, 0o600)); err != nil {
		t.Fatal(err)
	}
	pg := start(t, embedded.PostgresConfig{DataDir: dir})
	if got := query(t, pg.SuperDSN(), "SELECT count(*)::text FROM x"); got != "1" {
		t.Errorf("%s rows", got)
	}
	if childproc.Running(orphan.PID()) {
		t.Error("the orphan runs on")
	}
}

func TestPostgresUnderALongPath(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(dataDir(t), strings.Repeat("long/", 30)+"data")
	pg := start(t, embedded.PostgresConfig{DataDir: dir})
	if got := query(t, pg.SuperDSN(), "SELECT 'alive'"); got != "alive" {
		t.Fatal(got)
	}
	u, err := url.Parse(pg.SuperDSN())
	if err != nil {
		t.Fatal(err)
	}
	socket := u.Query().Get("host")
	if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("socket folder %s: %v %v, want mode 0700", socket, info.Mode(), err)
	}
	stop(t, pg)
	if _, err := os.Stat(socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the temporary socket folder stays: %v", err)
	}
}

func TestPostgresCrashDuringInitdbLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	if err := os.MkdirAll(filepath.Join(dir, "cluster.new", "base"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cluster.new", "PG_VERSION"), []byte("15\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, embedded.PostgresConfig{DataDir: dir})
	for _, name := range []string{"cluster.new", "initdb-password"} {
		if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s stays: %v", name, err)
		}
	}
}

func TestPostgresRefusals(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	closed := filepath.Join(dataDir(t), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	newer := dataDir(t)
	if err := os.MkdirAll(filepath.Join(newer, "cluster"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(newer, "cluster", "PG_VERSION"), []byte("99\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		cfg  embedded.PostgresConfig
		want string
	}{
		"no folder":       {embedded.PostgresConfig{}, "DataDir is required"},
		"durability":      {embedded.PostgresConfig{DataDir: dataDir(t), Settings: map[string]string{"Fsync": "off"}}, "cannot be changed"},
		"no binaries":     {embedded.PostgresConfig{DataDir: dataDir(t), BinDir: "/nonexistent"}, "apt-get install postgresql"},
		"other version":   {embedded.PostgresConfig{DataDir: newer}, "the data folder was made by version 99"},
		"unknown setting": {embedded.PostgresConfig{DataDir: dataDir(t), Settings: map[string]string{"no_such_setting": "1"}}, `unrecognized configuration parameter "no_such_setting"`},
	}
	if os.Geteuid() == 0 {
		cases["a folder that the server's user cannot reach"] = struct {
			cfg  embedded.PostgresConfig
			want string
		}{embedded.PostgresConfig{DataDir: filepath.Join(closed, "data")}, "cannot enter " + closed}
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.cfg.BinDir == "" && name != "other version" {
				c.cfg.TCP = true
			}
			pg, err := embedded.StartPostgres(ctx, c.cfg, nil)
			if err == nil {
				stop(t, pg)
				t.Fatal("it starts")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%v\nwant %q", err, c.want)
			}
		})
	}
}

func TestPostgresStartIsCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	dir := dataDir(t)
	if _, err := embedded.StartPostgres(ctx, embedded.PostgresConfig{DataDir: dir}, nil); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v, want %v", err, context.Canceled)
	}
	start(t, embedded.PostgresConfig{DataDir: dir}) // the folder is free again
}

// Two starts at once prefer one port, which another PostgreSQL holds: both come up on others, and neither takes the
// other's answer for its own.
func TestPostgresPortIsTaken(t *testing.T) {
	t.Parallel()
	port := start(t, embedded.PostgresConfig{DataDir: dataDir(t), TCP: true}).Port()
	var wg sync.WaitGroup
	for range 2 {
		dir := dataDir(t)
		wg.Go(func() {
			pg, err := embedded.StartPostgres(context.Background(), embedded.PostgresConfig{DataDir: dir, TCP: true, Port: port}, nil)
			if err != nil {
				t.Error(err)
				return
			}
			if pg.Port() == port {
				t.Error("it claims a taken port")
			}
			stop(t, pg)
		})
	}
	wg.Wait()
}

func TestPostgresLogHoldsNoRowsAndNoSecret(t *testing.T) {
	t.Parallel()
	var buf syncBuffer
	log := slog.New(slog.NewTextHandler(&buf, &slog.HandlerOptions{Level: slog.LevelDebug}))
	pg, err := embedded.StartPostgres(context.Background(), embedded.PostgresConfig{DataDir: dataDir(t)}, log)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(context.Background(), pg.SuperDSN())
	if err != nil {
		t.Fatal(err)
	}
	execute(t, pg.SuperDSN(), "CREATE TABLE x (text text PRIMARY KEY); INSERT INTO x VALUES ('my diary')")
	for _, q := range []string{"INSERT INTO x VALUES ('my diary')", "SELECT 'my diary'::int"} {
		if _, err := conn.Exec(context.Background(), q); err == nil {
			t.Fatal("no error")
		}
	}
	if err := conn.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	stop(t, pg)
	u, err := url.Parse(pg.SuperDSN())
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	out := buf.String()
	if !strings.Contains(out, "duplicate key value") {
		t.Errorf("the log does not hold the server's errors:\n%s", out)
	}
	for _, secret := range []string{password} {
		if strings.Contains(out, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	if strings.Contains(out, "INSERT INTO") || strings.Contains(out, "Key (text)") {
		t.Errorf("the log holds statements or rows:\n%s", out)
	}
}

type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

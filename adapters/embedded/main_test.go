//go:build unix

package embedded_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/docuvault/docuvault/adapters/embedded"
	"github.com/docuvault/docuvault/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m, testenv.Roles{"up": up}) }

// up is a program with an embedded PostgreSQL that commits rows until it is killed: what docuvault up is to the database.
func up() {
	ctx := context.Background()
	pg, err := embedded.StartPostgres(ctx, embedded.PostgresConfig{DataDir: os.Getenv("DATA_DIR")}, nil)
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	conn, err := pgx.Connect(ctx, pg.SuperDSN())
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	if _, err := conn.Exec(ctx, "CREATE TABLE IF NOT EXISTS rows (id bigserial PRIMARY KEY)"); err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	fmt.Println("server", pg.PID())
	for {
		var id int64
		if err := conn.QueryRow(ctx, "INSERT INTO rows DEFAULT VALUES RETURNING id").Scan(&id); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		fmt.Println("committed", id)
	}
}

// dataDir is a folder that a server which dropped root can enter; t.TempDir is not, under some TMPDIRs.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "docuvault-embedded-")
	if err == nil {
		err = os.Chmod(dir, 0o711)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func start(t *testing.T, cfg embedded.PostgresConfig) *embedded.Postgres {
	t.Helper()
	pg, err := embedded.StartPostgres(context.Background(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, pg) })
	return pg
}

func stop(t *testing.T, pg *embedded.Postgres) {
	t.Helper()
	if err := pg.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

func query(t *testing.T, dsn, sql string) string {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	var s string
	if err := conn.QueryRow(ctx, sql).Scan(&s); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return s
}

func execute(t *testing.T, dsn, sql string) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

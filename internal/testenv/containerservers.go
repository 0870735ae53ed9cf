//go:build unix

package testenv

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/modules/postgres"
	"github.com/testcontainers/testcontainers-go/modules/redis"
	"github.com/testcontainers/testcontainers-go/wait"
)

// PostgresContainer returns a fresh, empty database on a PostgreSQL in a container, shared by the test binary: [Postgres],
// whatever TESTENV says. Where that cannot be the test fails: ask [DockerAvailable] first.
func PostgresContainer(t testing.TB) Database {
	t.Helper()
	return sharedPostgresContainer(t).Database(t)
}

// SchemaContainer is [PostgresContainer] with the vault's schema, as [Schema] gives it.
func SchemaContainer(t testing.TB) Database {
	t.Helper()
	return sharedPostgresContainer(t).Schema(t)
}

func sharedPostgresContainer(t testing.TB) *DatabaseServer {
	t.Helper()
	if err := postgresInDocker(); err != nil {
		t.Fatal("testenv: containers are asked for:", err)
	}
	_, bench := t.(*testing.B)
	s, err := once(fmt.Sprintf("postgres container durable=%t", bench), func() (*DatabaseServer, func(context.Context) error, error) {
		s, c, err := runPostgresContainer(PostgresOptions{Durable: bench})
		if err != nil {
			return nil, nil, err
		}
		return s, c.remove, nil
	})
	if err != nil {
		t.Fatal("testenv:", err)
	}
	return s
}

func ownPostgresContainer(t testing.TB, opts PostgresOptions) *DatabaseServer {
	t.Helper()
	needDocker(t)
	s, c, err := runPostgresContainer(opts)
	if err != nil {
		t.Fatal("testenv:", err)
	}
	c.own(t, s.server)
	return s
}

func runPostgresContainer(opts PostgresOptions) (*DatabaseServer, *containerEngine, error) {
	command := []string{"postgres"}
	set := func(name, value string) { command = append(command, "-c", name+"="+value) }
	for _, name := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
		set(name, map[bool]string{true: "on", false: "off"}[opts.Durable])
	}
	for name, value := range testSettings(opts.Settings) {
		set(name, value)
	}
	password, dsn := rand.Text(), ""
	c, err := runContainer(5432, func(ctx context.Context, addr string, common ...testcontainers.ContainerCustomizer) (*testcontainers.DockerContainer, error) {
		u := url.URL{Scheme: "postgres", User: url.UserPassword("postgres", password), Host: addr, Path: "/postgres", RawQuery: "sslmode=disable"}
		dsn = u.String()
		p, err := postgres.Run(ctx, postgresImage(), append(common,
			postgres.WithUsername("postgres"), postgres.WithPassword(password), testcontainers.WithCmd(command...))...)
		if p == nil {
			return nil, err
		}
		return p.Container.(*testcontainers.DockerContainer), err
	}, func(ctx context.Context) error {
		conn, err := pgx.Connect(ctx, dsn)
		if err != nil {
			return err
		}
		return conn.Close(ctx)
	})
	if err != nil {
		return nil, nil, fmt.Errorf("run %s: %w", postgresImage(), err)
	}
	return &DatabaseServer{server: &server{name: "postgres", engine: c}, superDSN: dsn, password: rand.Text()}, c, nil
}

func containerRedis(t testing.TB) RedisServer {
	t.Helper()
	needDocker(t)
	r := RedisServer{Password: rand.Text()}
	c, err := runContainer(6379, func(ctx context.Context, addr string, common ...testcontainers.ContainerCustomizer) (*testcontainers.DockerContainer, error) {
		r.Addr = addr
		// The module's own wait gives up after ten seconds; ours, below, asks the server itself.
		c, err := redis.Run(ctx, redisImage(), append(common, testcontainers.WithWaitStrategyAndDeadline(stepLimit, wait.ForLog("Ready to accept connections")),
			testcontainers.WithCmd("redis-server",
				"--requirepass", r.Password, "--appendonly", "yes", "--appendfsync", "always", "--save", "", "--maxmemory-policy", "noeviction"))...)
		if c == nil {
			return nil, err
		}
		return c.Container.(*testcontainers.DockerContainer), err
	}, func(ctx context.Context) error { return pingRedis(ctx, r.Addr, r.Password) })
	if err != nil {
		t.Fatalf("testenv: run %s: %v", redisImage(), err)
	}
	r.URL = fmt.Sprintf("redis://:%s@%s/0", r.Password, r.Addr)
	r.server = &server{name: "redis", engine: c}
	c.own(t, r.server)
	ip, err := c.container.ContainerIP(t.Context())
	if err != nil {
		t.Fatal("testenv: ask for redis's address:", err)
	}
	r.PeerAddr = net.JoinHostPort(ip, "6379")
	return r
}

func sharedMinioContainer(t testing.TB) S3Server {
	t.Helper()
	needDocker(t)
	s, err := once("minio container", func() (S3Server, func(context.Context) error, error) {
		s, c, err := runMinioContainer()
		if err != nil {
			return S3Server{}, nil, err
		}
		return s, c.remove, nil
	})
	if err != nil {
		t.Fatal("testenv:", err)
	}
	return s
}

func ownMinioContainer(t testing.TB) S3Server {
	t.Helper()
	needDocker(t)
	s, c, err := runMinioContainer()
	if err != nil {
		t.Fatal("testenv:", err)
	}
	c.own(t, s.server)
	return s
}

func runMinioContainer() (S3Server, *containerEngine, error) {
	s := newS3Server()
	c, err := runContainer(9000, func(ctx context.Context, addr string, common ...testcontainers.ContainerCustomizer) (*testcontainers.DockerContainer, error) {
		s.Endpoint = addr
		return testcontainers.Run(ctx, minioImage(), append(common,
			testcontainers.WithEnv(map[string]string{"MINIO_ROOT_USER": s.AccessKey, "MINIO_ROOT_PASSWORD": s.SecretKey}),
			testcontainers.WithCmd("server", "/data"))...)
	}, func(ctx context.Context) error { return s.serves(ctx) })
	if err != nil {
		return S3Server{}, nil, fmt.Errorf("run %s: %w", minioImage(), err)
	}
	s.server = &server{name: "minio", engine: c}
	return s, c, nil
}

//go:build unix

package testenv

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/log"
	"github.com/testcontainers/testcontainers-go/modules/postgres"

	"github.com/docuvault/docuvault/internal/childproc"
)

// Containers reports whether TESTENV asks for servers from containers in place of local programs.
func Containers() bool { return os.Getenv("TESTENV") == "containers" }

// image is the one its variable names, or the official one.
func image(variable, official string) string {
	if name := os.Getenv(variable); name != "" {
		return name
	}
	return official
}

func postgresImage() string { return image("POSTGRES_IMAGE", "postgres:17-alpine") }
func redisImage() string    { return image("REDIS_IMAGE", "redis:7-alpine") }
func minioImage() string    { return image("MINIO_IMAGE", "minio/minio:latest") }

// DockerAvailable reports whether a container daemon answers, and why not.
func DockerAvailable() (bool, string) {
	err := dockerHealth()
	if err != nil {
		return false, err.Error()
	}
	return true, ""
}

func dockerHealth() error {
	_, err := once("docker", func() (struct{}, func(context.Context) error, error) {
		provider, err := testcontainers.ProviderDefault.GetProvider(testcontainers.WithLogger(quiet{}))
		if err != nil {
			return struct{}{}, nil, err
		}
		defer provider.Close() //nolint:errcheck // a probe
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		return struct{}{}, nil, provider.Health(ctx)
	})
	return err
}

func needDocker(t testing.TB) {
	t.Helper()
	if err := dockerHealth(); err != nil {
		t.Fatal("testenv: containers are asked for, and no Docker daemon answers:", err)
	}
}

// PostgresContainer returns a fresh, empty database on a PostgreSQL in a container, shared by the test binary: [Postgres],
// whatever TESTENV says. Without a Docker daemon the test fails: ask [DockerAvailable] first.
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
	needDocker(t)
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
		return testcontainers.Run(ctx, redisImage(), append(common, testcontainers.WithCmd("redis-server",
			"--requirepass", r.Password, "--appendonly", "yes", "--appendfsync", "always", "--save", "", "--maxmemory-policy", "noeviction"))...)
	}, func(ctx context.Context) error { return pingRedis(ctx, r.Addr, r.Password) })
	if err != nil {
		t.Fatalf("testenv: run %s: %v", redisImage(), err)
	}
	r.URL = fmt.Sprintf("redis://:%s@%s/0", r.Password, r.Addr)
	r.server = &server{name: "redis", engine: c}
	c.own(t, r.server)
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

// containerEngine is the engine of a container. Its port on this machine is chosen once: Docker would choose another one at
// every start.
type containerEngine struct {
	container *testcontainers.DockerContainer
	ready     func(context.Context) error

	mu      sync.Mutex
	running bool
}

// runContainer runs a container with a port of its own on 127.0.0.1, and tries other ports when one is taken meanwhile.
func runContainer(port int, run func(context.Context, string, ...testcontainers.ContainerCustomizer) (*testcontainers.DockerContainer, error), ready func(context.Context) error) (*containerEngine, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute) // it may pull the image
	defer cancel()
	var errs []error
	for range 3 {
		free, err := childproc.LoopbackPort()
		if err != nil {
			return nil, err
		}
		inside, err := network.ParsePort(strconv.Itoa(port) + "/tcp")
		if err != nil {
			return nil, err
		}
		c, err := run(ctx, net.JoinHostPort("127.0.0.1", strconv.Itoa(free)),
			testcontainers.WithExposedPorts(inside.String()),
			testcontainers.WithHostConfigModifier(func(h *container.HostConfig) {
				h.PortBindings = network.PortMap{inside: {{HostIP: netip.MustParseAddr("127.0.0.1"), HostPort: strconv.Itoa(free)}}}
			}),
			testcontainers.WithLogger(quiet{}))
		e := &containerEngine{container: c, ready: ready, running: true}
		if err == nil {
			err = until(ctx, nil, e.log, ready)
		}
		if err == nil {
			return e, nil
		}
		errs = append(errs, err)
		if c != nil {
			errs = append(errs, e.remove(ctx))
		}
		if !strings.Contains(err.Error(), "port is already allocated") { // the daemon gives no code for it
			break
		}
	}
	return nil, errors.Join(errs...)
}

// quiet drops testcontainers' own progress reports.
type quiet struct{}

func (quiet) Printf(string, ...any) {}

var _ log.Logger = quiet{}

func (e *containerEngine) start(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running {
		return nil
	}
	if err := e.container.Start(ctx); err != nil {
		return err
	}
	e.running = true
	return until(ctx, nil, e.logs, e.ready)
}

func (e *containerEngine) stop(ctx context.Context) error {
	return e.end(func() error {
		patience := stopPatience
		return e.container.Stop(ctx, &patience)
	})
}

func (e *containerEngine) kill(ctx context.Context) error {
	return e.end(func() error {
		return e.call(ctx, func(c *testcontainers.DockerClient, id string) error {
			if _, err := c.ContainerKill(ctx, id, client.ContainerKillOptions{Signal: "KILL"}); err != nil {
				return err
			}
			waited := c.ContainerWait(ctx, id, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
			select {
			case <-waited.Result:
				return nil
			case err := <-waited.Error:
				return err
			}
		})
	})
}

func (e *containerEngine) end(how func() error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.running {
		return nil
	}
	e.running = false
	return how()
}

func (e *containerEngine) pause(ctx context.Context) error {
	return e.call(ctx, func(c *testcontainers.DockerClient, id string) error {
		_, err := c.ContainerPause(ctx, id, client.ContainerPauseOptions{})
		return err
	})
}

func (e *containerEngine) resume(ctx context.Context) error {
	return e.call(ctx, func(c *testcontainers.DockerClient, id string) error {
		_, err := c.ContainerUnpause(ctx, id, client.ContainerUnpauseOptions{})
		return err
	})
}

// call speaks to the daemon where testcontainers has no words.
func (e *containerEngine) call(ctx context.Context, do func(*testcontainers.DockerClient, string) error) error {
	c, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return err
	}
	return errors.Join(do(c, e.container.GetContainerID()), c.Close())
}

func (e *containerEngine) log() string { return e.logs() }

func (e *containerEngine) logs() string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	r, err := e.container.Logs(ctx)
	if err != nil {
		return err.Error()
	}
	defer r.Close() //nolint:errcheck // a reader
	tail := childproc.NewTail(16 << 10)
	if _, err := io.Copy(tail, r); err != nil {
		return err.Error()
	}
	return tail.String()
}

// remove ends the container and takes its volumes with it.
func (e *containerEngine) remove(ctx context.Context) error {
	return e.container.Terminate(ctx, testcontainers.StopTimeout(0))
}

// own ties a container to a test.
func (e *containerEngine) own(t testing.TB, s *server) {
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the log of %s ends with\n%s", s.name, s.Log())
		}
		ctx, cancel := context.WithTimeout(context.Background(), stepLimit)
		defer cancel()
		if err := e.remove(ctx); err != nil {
			t.Errorf("testenv: remove the container of %s: %v", s.name, err)
		}
	})
}

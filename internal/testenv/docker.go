//go:build unix

package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/testcontainers/testcontainers-go"
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

// DockerAvailable reports whether a container daemon answers and has, or can pull, PostgreSQL's image; and why not.
func DockerAvailable() (bool, string) {
	if err := postgresInDocker(); err != nil {
		return false, err.Error()
	}
	return true, ""
}

const dockerLimit = 10 * time.Second

// dockerHealth is nil when a daemon answers.
func dockerHealth() error {
	_, err := once("docker", func() (struct{}, func(context.Context) error, error) {
		return struct{}{}, nil, withDocker(dockerLimit, func(ctx context.Context, p testcontainers.GenericProvider) error {
			return p.Health(ctx)
		})
	})
	return err
}

func postgresInDocker() error {
	if err := dockerHealth(); err != nil {
		return fmt.Errorf("no Docker daemon answers: %w", err)
	}
	_, err := once("docker image", func() (struct{}, func(context.Context) error, error) {
		return struct{}{}, nil, withDocker(5*time.Minute, func(ctx context.Context, p testcontainers.GenericProvider) error {
			return haveImage(ctx, p, postgresImage())
		})
	})
	return err
}

// haveImage pulls an image unless it is there.
func haveImage(ctx context.Context, p testcontainers.GenericProvider, name string) error {
	c, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return err
	}
	_, err = c.ImageInspect(ctx, name)
	if err == nil {
		return c.Close()
	}
	_ = c.Close()
	if err := p.PullImage(ctx, name); err != nil {
		return fmt.Errorf("the Docker daemon has no image %s and cannot pull it (name another in POSTGRES_IMAGE): %w", name, err)
	}
	return nil
}

func withDocker(limit time.Duration, do func(context.Context, testcontainers.GenericProvider) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	p, err := testcontainers.ProviderDefault.GetProvider(testcontainers.WithLogger(quiet{}))
	if err != nil {
		return err
	}
	return errors.Join(do(ctx, p), p.Close())
}

func needDocker(t testing.TB) {
	t.Helper()
	if err := dockerHealth(); err != nil {
		t.Fatal("testenv: containers are asked for, and no Docker daemon answers:", err)
	}
}

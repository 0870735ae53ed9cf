//go:build unix

package testenv

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/log"

	"github.com/docuvault/docuvault/adapters/embedded/childproc"
)

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
	defer r.Close()
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

//go:build unix

package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// Option is one of [Roles] and [Leaks].
type Option interface{ apply(*settings) }

type settings struct {
	roles  Roles
	ignore []goleak.Option
}

// Roles are what this test binary can be when it runs again as a child: see [Child]. A role that returns ends the child
// with exit code 0.
type Roles map[string]func()

func (r Roles) apply(s *settings) { s.roles = r }

// Leaks are goroutines that may outlive the tests, for libraries that never end theirs. Say why where it is used.
type Leaks []goleak.Option

func (l Leaks) apply(s *settings) { s.ignore = append(s.ignore, l...) }

// Main runs a package's tests: call it from TestMain and nothing after it, as it exits. In a child that [Child] started
// it runs the child's role instead. After the tests it stops the servers they started and, when all passed, fails the
// package for goroutines that still run.
func Main(m *testing.M, opts ...Option) {
	var s settings
	for _, o := range opts {
		o.apply(&s)
	}
	if role, ok := os.LookupEnv(roleVariable); ok {
		os.Exit(runRole(role, s.roles))
	}
	code := m.Run()
	if err := shared.close(); err != nil {
		fmt.Fprintln(os.Stderr, "testenv: stop the servers:", err)
		code = max(code, 1)
	}
	if code == 0 {
		if err := goleak.Find(s.ignore...); err != nil {
			fmt.Fprintln(os.Stderr, "testenv: goroutines outlive the tests:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// shared holds what all tests of this binary have in common. It is the one piece of global state of this package: the
// testing package offers no other place between TestMain and the tests.
var shared sharedServers

type sharedServers struct {
	mu     sync.Mutex
	dir    *runDir
	made   map[string]any
	closes []func(context.Context) error
}

// once returns the shared thing of that name, made by the first caller. A failure is kept too, so that a server that does
// not start fails every test at once, with the same words.
func once[T any](name string, start func() (T, func(context.Context) error, error)) (T, error) {
	shared.mu.Lock()
	e, ok := shared.made[name]
	if !ok {
		if shared.made == nil {
			shared.made = map[string]any{}
		}
		e = &entry[T]{}
		shared.made[name] = e
	}
	shared.mu.Unlock()
	it := e.(*entry[T])
	it.once.Do(func() {
		var stop func(context.Context) error
		it.value, stop, it.err = start()
		if it.err == nil && stop != nil {
			shared.mu.Lock()
			defer shared.mu.Unlock()
			shared.closes = append(shared.closes, stop)
		}
	})
	return it.value, it.err
}

type entry[T any] struct {
	once  sync.Once
	value T
	err   error
}

func (s *sharedServers) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for i := len(s.closes) - 1; i >= 0; i-- {
		errs = append(errs, s.closes[i](ctx))
	}
	s.closes = nil
	if s.dir != nil {
		errs = append(errs, s.dir.remove())
	}
	return errors.Join(errs...)
}

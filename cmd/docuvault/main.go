// Command docuvault is the document vault in one binary: `docuvault up` runs all of it from one folder, `docuvault api` and
// `docuvault worker` run against a PostgreSQL, an S3 server and a Redis of their own, and `docuvault schema` keeps the tables.
//
// This folder is wiring alone: packages config (what can be set), shell (parts, worker, shutdown) and serve (the API, and up).
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/redis/go-redis/v9"

	"github.com/docuvault/docuvault/adapters/extract"
	"github.com/docuvault/docuvault/adapters/filetype"
	"github.com/docuvault/docuvault/adapters/schema"
	"github.com/docuvault/docuvault/cmd/docuvault/config"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == extract.WorkerCommand {
		os.Exit(extract.Main(filetype.New())) // a short-lived child that reads one document after another; see adapters/extract
	}
	redis.SetLogger(silence{})
	ctx, stop := signals()
	code := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// silence keeps the Redis client from writing lines of its own between ours: every error it logs it also returns, and we log it.
type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

// signals returns a context that the first SIGINT or SIGTERM ends; the second ends the program. What it leaves behind is what
// any crash leaves: tasks and rows are taken up by others, and an embedded PostgreSQL shuts itself down.
func signals() (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	caught := make(chan os.Signal, 2)
	signal.Notify(caught, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if _, ok := <-caught; !ok {
			return
		}
		cancel()
		if _, ok := <-caught; ok {
			fmt.Fprintln(os.Stderr, "docuvault: second signal, ending at once")
			os.Exit(130)
		}
	}()
	return ctx, func() {
		signal.Stop(caught)
		close(caught)
		<-done
		cancel()
	}
}

// Exit codes.
const (
	exitDone        = 0
	exitError       = 1
	exitUsage       = 2 // flags or configuration
	exitDifferences = 3 // plan, drift or verify found some, or a destructive change was refused
)

// run is the whole program: it does what args say and returns the exit code. It ends when ctx does, after what is under way.
func run(ctx context.Context, args, env []string, stdout, stderr io.Writer) int {
	root := newRoot(env)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var problems config.Problems
	var usage *usageError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errSaid):
		return exitError
	case errors.Is(err, schema.ErrDifferences), errors.Is(err, errDiffer):
		return exitDifferences // the differences are on standard output
	}
	fmt.Fprintln(stderr, "docuvault:", err)
	switch {
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "See: %s --help\n", usage.command)
		return exitUsage
	case errors.As(err, &problems):
		return exitUsage
	case errors.Is(err, schema.ErrDestructive):
		return exitDifferences
	default:
		return exitError
	}
}

// usageError is a command line that cannot be understood.
type usageError struct {
	command string
	err     error
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// errSaid ends the program with exit code 1 when standard output has told everything there is to tell.
var errSaid = errors.New("said")

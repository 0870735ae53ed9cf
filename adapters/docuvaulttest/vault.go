// Package docuvaulttest gives tests of other programs a complete vault: the whole REST API over HTTP, and documents read and filed
// as the real program does, in child processes. Database, object storage and queue are in memory, so it needs nothing installed, is
// there in milliseconds, and is gone with the test.
//
//	func TestMine(t *testing.T) {
//		vault := docuvaulttest.Start(t)
//		answer, err := http.Get(vault.URL + "/api/documents")
//		…
//	}
package docuvaulttest

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/classify"
	"github.com/docuvault/docuvault/adapters/extract"
	"github.com/docuvault/docuvault/adapters/filetype"
	"github.com/docuvault/docuvault/adapters/memory"
	"github.com/docuvault/docuvault/adapters/rest"
	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// Documents are read in children of the running program, here a test binary: one that is started as such a child shall be nothing
// else. No test has to know of it, which is why this is an init.
func init() {
	if len(os.Args) > 1 && os.Args[1] == extract.WorkerCommand {
		os.Exit(extract.Main(filetype.New()))
	}
}

// Vault is a running vault. It is safe for concurrent use.
type Vault struct {
	URL string // http://127.0.0.1:port, without a slash at its end

	queue *queue
}

// Start runs an empty vault that ends with the test. A vault that cannot start fails the test.
func Start(t testing.TB) *Vault {
	t.Helper()
	v, stop, err := start()
	if err != nil {
		t.Fatal("docuvaulttest:", err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error("docuvaulttest: stop:", err)
		}
	})
	return v
}

// Settle returns once every document that was taken so far is ready or failed. A vault that needs longer than within fails the test.
func (v *Vault) Settle(t testing.TB, within time.Duration) {
	t.Helper()
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		now, err := v.queue.Snapshot(context.Background())
		if err != nil {
			t.Fatal("docuvaulttest:", err)
		}
		if now.Waiting == 0 && len(now.Held) == 0 {
			return
		}
		select {
		case <-deadline.C:
			t.Fatalf("docuvaulttest: after %s %d documents wait and %d are being read", within, now.Waiting, len(now.Held))
		case <-tick.C:
		}
	}
}

// ending bounds how long requests under way may take once the test is over.
const ending = 10 * time.Second

func start() (*Vault, func() error, error) {
	links, err := app.NewLinkSigner(rand.Text())
	if err != nil {
		return nil, nil, err
	}
	reader, err := extract.New(extract.Config{}, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, nil, err
	}
	storage, repo, tasks, types := memory.NewStorage(time.Now), memory.NewRepository(), newQueue(), filetype.New()
	classifier := classify.New(classify.Config{})
	vault := app.NewVault(app.VaultConfig{AllowedTypes: filetype.DefaultTypes()}, app.VaultDeps{Storage: storage, Repo: repo, Queue: tasks, Types: types, Links: links})
	processor := app.NewProcessor(domain.Recovery{}, app.ProcessorDeps{Storage: storage, Repo: repo, Extractor: reader, Classifier: classifier})
	api, err := rest.New(rest.Config{Classifier: classifier.Name()}, vault, nil)
	if err != nil {
		return nil, nil, errors.Join(err, reader.Close())
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // nothing is resolved and nothing waits
	if err != nil {
		return nil, nil, errors.Join(err, reader.Close())
	}

	ctx, cancel := context.WithCancel(context.Background())
	server := api.Server()
	served := make(chan error, 1)
	var work sync.WaitGroup
	work.Go(func() { served <- server.Serve(listener) })
	work.Go(func() { tasks.work(ctx, processor.Process) })
	stop := func() error {
		limited, done := context.WithTimeout(ctx, ending)
		err := server.Shutdown(limited)
		done()
		if err != nil {
			err = errors.Join(err, server.Close())
		}
		cancel()
		work.Wait()
		if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
			err = errors.Join(err, ended)
		}
		return errors.Join(err, reader.Close())
	}
	return &Vault{URL: "http://" + listener.Addr().String(), queue: tasks}, stop, nil
}

// queue is the memory's queue with a worker that is woken.
type queue struct {
	*memory.Queue
	filled chan struct{}
}

var _ ports.TaskQueue = (*queue)(nil)

func newQueue() *queue { return &queue{Queue: new(memory.Queue), filled: make(chan struct{}, 1)} }

// Enqueue implements ports.TaskQueue.
func (q *queue) Enqueue(ctx context.Context, task domain.TaskID, doc domain.DocumentID, now time.Time) error {
	err := q.Queue.Enqueue(ctx, task, doc, now)
	select {
	case q.filled <- struct{}{}:
	default: // it is awake already
	}
	return err
}

// work handles tasks until ctx ends, one at a time.
func (q *queue) work(ctx context.Context, handle memory.Handler) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-q.filled:
		}
		for ctx.Err() == nil && q.Work(ctx, time.Now(), handle) {
		}
	}
}

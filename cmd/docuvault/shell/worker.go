package shell

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"

	"github.com/docuvault/docuvault/adapters/celery"
	"github.com/docuvault/docuvault/adapters/classify"
	"github.com/docuvault/docuvault/adapters/extract"
	"github.com/docuvault/docuvault/adapters/extract/formats"
	"github.com/docuvault/docuvault/adapters/extract/ocr"
	"github.com/docuvault/docuvault/adapters/tasks"
	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/cmd/docuvault/config"
	"github.com/docuvault/docuvault/ports"
)

// RunWorker runs one worker, and a reconciler beside it, until ctx ends. Ready, which may be nil, is told the worker's name
// once it takes tasks.
func RunWorker(ctx context.Context, cfg *config.Config, log *slog.Logger, hooks Hooks, ready func(name string)) (err error) {
	parts, err := Open(ctx, cfg, log, hooks)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, parts.Close()) }()
	worker, err := parts.Worker()
	if err != nil {
		return err
	}
	if ready != nil {
		ready(worker.Name())
	}
	return Drain(ctx, cfg.ShutdownTimeout, worker.Run, parts.Reconcile, parts.AwaitStorage)
}

// Worker takes tasks off the queue and processes documents.
type Worker struct {
	inner   *celery.Worker
	sandbox func(context.Context) ([]string, error)
	warm    func(context.Context)
	log     *slog.Logger
}

// How many tasks run at once unless the configuration says. Most of a task's time is waiting for storage and for the disk of the
// database, which many tasks can do at once; reading the documents is work for the processors, so that as many are read at a
// time as there are of these. What waits for its turn is held from other workers, so it should not be many.
const tasksPerCPU, mostTasks = 4, 32

// Worker builds a worker. What it needs beyond the other parts closes with them.
func (p *Parts) Worker() (*Worker, error) {
	concurrency := p.cfg.Concurrency
	if concurrency == 0 {
		concurrency = min(tasksPerCPU*runtime.NumCPU(), mostTasks)
	}
	reader, err := extract.New(extract.Config{
		Children: min(concurrency, runtime.NumCPU()), Timeout: p.cfg.ExtractTimeout, MaxInput: p.cfg.MaxUpload, CacheDir: p.cfg.ExtractCacheDir,
		RequireSandbox: p.cfg.ExtractSandbox == "require", Soffice: p.cfg.SofficePath,
		NoOCR: p.cfg.OCREngine == "off", Languages: ocr.Languages{Names: p.cfg.OCRLanguages, Dir: p.cfg.TessdataDir},
		Limits: formats.Limits{MaxScans: p.cfg.OCRMaxPages},
	}, p.log)
	if err != nil {
		return nil, fmt.Errorf("set up the reading of documents: %w", err)
	}
	p.closers = append(p.closers, reader.Close)
	var extractor ports.Extractor = reader
	if p.hooks.Extractor != nil {
		extractor = p.hooks.Extractor(reader)
	}
	processor := app.NewProcessor(p.cfg.Recovery, app.ProcessorDeps{
		Storage: p.Storage, Repo: p.Repo, Extractor: extractor, Classifier: Classifier(), Now: p.Now, Log: p.log,
	})
	queues := p.cfg.Queues
	if len(queues) == 0 {
		queues = tasks.Queues()
	}
	inner, err := celery.NewWorker(p.broker, celery.WorkerConfig{
		Queues: queues, Concurrency: concurrency, Hostname: p.cfg.WorkerName, DrainTimeout: p.cfg.ShutdownTimeout, Logger: p.log,
	})
	if err != nil {
		return nil, fmt.Errorf("set up the worker: %w", err)
	}
	tasks.Register(inner, processor.Process)
	return &Worker{inner: inner, sandbox: reader.Sandbox, warm: reader.Warm, log: p.log}, nil
}

// Name is the worker's name among its peers.
func (w *Worker) Name() string { return w.inner.Hostname() }

// Run is a Service. The worker counts its own time to drain, and puts back what it cannot finish. What PDFs need is compiled
// beside the first tasks, so that the first PDF need not wait for it.
func (w *Worker) Run(soft, _ context.Context) error {
	if _, err := w.sandbox(soft); err != nil && soft.Err() == nil {
		return fmt.Errorf("worker: %w", err)
	}
	w.log.InfoContext(soft, "worker started", "hostname", w.Name())
	warm, cool := context.WithCancel(soft)
	var warming sync.WaitGroup
	warming.Go(func() { w.warm(warm) })
	err := w.inner.Run(soft)
	cool()
	warming.Wait()
	if err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	w.log.InfoContext(context.WithoutCancel(soft), "worker stopped", "hostname", w.Name())
	return nil
}

// Reconcile is a Service: it finds accepted uploads whose task was lost and enqueues them again.
func (p *Parts) Reconcile(soft, _ context.Context) error {
	app.NewReconciler(p.cfg.Recovery, app.ReconcilerDeps{Repo: p.Repo, Queue: p.Queue, Now: p.Now, Log: p.log}).Run(soft)
	return nil
}

// Classifier is the one in use: it is built in and needs no network.
func Classifier() ports.Classifier { return classify.New(classify.Config{}) }

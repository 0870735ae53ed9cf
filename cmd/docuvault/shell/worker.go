package shell

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"

	"github.com/docuvault/docuvault/adapters/celery"
	"github.com/docuvault/docuvault/adapters/extract"
	"github.com/docuvault/docuvault/adapters/extract/formats"
	"github.com/docuvault/docuvault/adapters/extract/ocr"
	"github.com/docuvault/docuvault/adapters/observed"
	"github.com/docuvault/docuvault/adapters/tasks"
	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/cmd/docuvault/config"
)

// RunWorker runs one worker, and a reconciler beside it, until ctx ends. The version is the program's. Ready, which may be nil, is
// told the worker's name once it takes tasks.
func RunWorker(ctx context.Context, cfg *config.Config, log *slog.Logger, version string, hooks Hooks, ready func(name string)) (err error) {
	log = Logger(log)
	hooks.Telemetry, err = OpenTelemetry(ctx, cfg, log, "docuvault-worker", version)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, hooks.Telemetry.Close()) }()
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
	return Drain(ctx, cfg.ShutdownTimeout, worker.Run, parts.Reconcile, parts.AwaitStorage, hooks.Telemetry.Serve)
}

// Worker takes tasks off the queue and processes documents.
type Worker struct {
	inner   *celery.Worker
	trainer *app.Trainer
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
	reading := extract.Config{
		Children: min(concurrency, runtime.NumCPU()), Timeout: p.cfg.ExtractTimeout, MaxInput: p.cfg.MaxUpload, CacheDir: p.cfg.ExtractCacheDir,
		RequireSandbox: p.cfg.ExtractSandbox == "require", Soffice: p.cfg.SofficePath,
		NoOCR: p.cfg.OCREngine == "off", Languages: ocr.Languages{Names: p.cfg.OCRLanguages, Dir: p.cfg.TessdataDir},
		Limits: formats.Limits{MaxScans: p.cfg.OCRMaxPages},
	}
	if p.cfg.OCREngine == "native" {
		reading.Tesseract = p.cfg.TesseractPath
	}
	reader, err := extract.New(reading, p.log)
	if err != nil {
		return nil, fmt.Errorf("set up the reading of documents: %w", err)
	}
	p.closers = append(p.closers, reader.Close)
	extractor := observed.NewExtractor(reader, p.hooks.Telemetry.Observer())
	if p.hooks.Extractor != nil {
		extractor = p.hooks.Extractor(extractor)
	}
	filing, err := p.openFiling()
	if err != nil {
		return nil, err
	}
	processor := app.NewProcessor(p.cfg.Recovery, app.ProcessorDeps{
		Storage: p.Storage, Repo: p.Repo, Extractor: extractor,
		Classifier: observed.NewClassifier(filing.classifier, p.hooks.Telemetry.Observer()), Now: p.Now, Log: p.log,
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
	tasks.Register(inner, processor.Process, p.watchTasks())
	tasks.RegisterTraining(inner, filing.trainer.Train)
	p.hooks.Telemetry.watchWorker(inner)
	return &Worker{inner: inner, trainer: filing.trainer, sandbox: reader.Sandbox, warm: reader.Warm, log: p.log}, nil
}

// Name is the worker's name among its peers.
func (w *Worker) Name() string { return w.inner.Hostname() }

// Run is a Service. The worker counts its own time to drain, and puts back what it cannot finish. What PDFs need is compiled
// beside the first tasks, so that the first PDF need not wait for it, and models that are behind are looked for all the time.
func (w *Worker) Run(soft, _ context.Context) error {
	if _, err := w.sandbox(soft); err != nil && soft.Err() == nil {
		return fmt.Errorf("worker: %w", err)
	}
	w.log.InfoContext(soft, "worker started", "hostname", w.Name())
	beside, stop := context.WithCancel(soft)
	var running sync.WaitGroup
	running.Go(func() { w.warm(beside) })
	running.Go(func() { w.trainer.Run(beside) })
	err := w.inner.Run(soft)
	stop()
	running.Wait()
	if err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	w.log.InfoContext(context.WithoutCancel(soft), "worker stopped", "hostname", w.Name())
	return nil
}

// Reconcile is a Service: it finds accepted uploads whose task was lost and enqueues them again.
func (p *Parts) Reconcile(soft, _ context.Context) error {
	app.NewReconciler(p.cfg.Recovery, app.ReconcilerDeps{Repo: p.Repo, Queue: p.Queue, After: p.hooks.Telemetry.watchReconciler(), Now: p.Now, Log: p.log}).Run(soft)
	return nil
}

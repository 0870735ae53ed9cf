package app

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// ReconcilerDeps are the adapters a Reconciler works with. Now and Log may be nil, and so may After, which Run tells of each round.
type ReconcilerDeps struct {
	Repo  ports.Repository
	Queue ports.TaskQueue
	After func(Reconciled, error)
	Now   Clock
	Log   *slog.Logger
}

// Reconciler keeps the promise that an upload answered with 201 is processed, whatever becomes of the queue: it finds documents
// that did not move on in time and puts their tasks on the queue again. Every api and worker runs one; they share the work.
type Reconciler struct {
	repo     ports.Repository
	queue    ports.TaskQueue
	after    func(Reconciled, error)
	recovery domain.Recovery
	now      Clock
	log      *slog.Logger
}

// NewReconciler composes a reconciler.
func NewReconciler(recovery domain.Recovery, deps ReconcilerDeps) *Reconciler {
	if deps.After == nil {
		deps.After = func(Reconciled, error) {}
	}
	return &Reconciler{repo: deps.Repo, after: deps.After, queue: deps.Queue, recovery: recovery.WithDefaults(), now: deps.Now.orSystem(), log: orDiscard(deps.Log)}
}

const (
	reconcileEvery = 5 * time.Second
	reconcileBatch = 200
)

// Reconciled counts what a round did.
type Reconciled struct {
	Enqueued int // put on the queue again
	GaveUp   int // failed for good
	Waiting  int // known to wait for a worker that has their task
}

// Run reconciles every few seconds until ctx ends.
func (r *Reconciler) Run(ctx context.Context) {
	wait := rand.N(time.Second) // the first look comes soon: a Redis that lives in this process begins empty
	for {
		pause := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			pause.Stop()
			return
		case <-pause.C:
		}
		wait = reconcileEvery + rand.N(reconcileEvery/5) // replicas should not all look at once
		done, err := r.Once(ctx)
		if ctx.Err() != nil {
			return
		}
		r.after(done, err)
		switch {
		case err != nil:
			r.log.WarnContext(ctx, "reconciling failed, the next round tries again", "error", err)
		case done.Enqueued > 0 || done.GaveUp > 0:
			r.log.InfoContext(ctx, "reconciled documents that stood still", "enqueued", done.Enqueued, "gave_up", done.GaveUp, "waiting", done.Waiting)
		}
	}
}

// Once does one round: it looks once at every document that is overdue when the round begins and whose task does not wait in
// the queue. Of what a wrong clock wrote, only a task that somebody holds counts as one that is not lost. While the queue cannot be
// asked, or would take no task, nothing is done.
func (r *Reconciler) Once(ctx context.Context) (Reconciled, error) {
	var done Reconciled
	if err := r.queue.Health(ctx); err != nil {
		return done, err
	}
	queue, err := r.queue.Snapshot(ctx)
	if err != nil {
		return done, err
	}
	began := r.now()
	overdue := ports.Overdue{By: began, Limit: reconcileBatch, QueuedSince: queue.QueuedSince()}
	horizon := began.Add(r.recovery.Horizon())
	queued := func(doc *domain.Document) bool { return queue.Has(doc.Task, doc.EnqueuedAt, horizon) }
	if err := r.each(ctx, overdue, queued, &done); err != nil {
		return done, err
	}
	misdated := ports.Overdue{Beyond: horizon, Limit: reconcileBatch}
	return done, r.each(ctx, misdated, func(doc *domain.Document) bool { return queue.Holds(doc.Task, horizon) }, &done)
}

// each takes the overdue documents a batch at a time.
func (r *Reconciler) each(ctx context.Context, overdue ports.Overdue, queued func(*domain.Document) bool, done *Reconciled) error {
	for {
		now := r.now() // a task is stamped with the time of its batch: the queue is in order of these times
		batch, err := r.repo.RecoverOverdue(ctx, overdue, func(doc *domain.Document) domain.Verdict {
			return doc.Recover(queued(doc), newTaskID(), now, r.recovery)
		})
		if err != nil {
			return err
		}
		if err := r.follow(ctx, batch, done); err != nil {
			return err
		}
		if len(batch) < reconcileBatch {
			return nil
		}
	}
}

// follow does what the verdicts ask for. The rows are committed by now: a crash here costs one more round. When the queue
// refuses a task, the rest of the batch is not tried, and all of it is noted as not queued.
func (r *Reconciler) follow(ctx context.Context, batch []ports.Recovered, done *Reconciled) error {
	var refused error
	for _, recovered := range batch {
		doc := recovered.Document
		switch recovered.Verdict {
		case domain.EnqueueIt:
			if refused == nil {
				refused = r.queue.Enqueue(ctx, doc.Task, doc.ID, doc.EnqueuedAt)
			}
			if refused != nil {
				markNotQueued(context.WithoutCancel(ctx), r.repo, doc, r.log)
				continue
			}
			done.Enqueued++
		case domain.GaveItUp:
			r.log.ErrorContext(ctx, "gave a document up", "document_id", doc.ID.String(), "requeues", doc.Requeues)
			done.GaveUp++
		case domain.LeaveIt:
			done.Waiting++
		}
	}
	return refused
}

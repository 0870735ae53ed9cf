package app

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// ReconcilerDeps are the adapters a Reconciler works with. Now and Log may be nil.
type ReconcilerDeps struct {
	Repo  ports.Repository
	Queue ports.TaskQueue
	Now   Clock
	Log   *slog.Logger
}

// Reconciler keeps the promise that an upload answered with 201 is processed, whatever becomes of the queue: it finds documents
// that did not move on in time and puts their tasks on the queue again. Every api and worker runs one; they share the work.
type Reconciler struct {
	repo     ports.Repository
	queue    ports.TaskQueue
	recovery domain.Recovery
	now      Clock
	log      *slog.Logger
}

// NewReconciler composes a reconciler.
func NewReconciler(recovery domain.Recovery, deps ReconcilerDeps) *Reconciler {
	return &Reconciler{repo: deps.Repo, queue: deps.Queue, recovery: recovery.WithDefaults(), now: deps.Now.orSystem(), log: orDiscard(deps.Log)}
}

const (
	reconcileEvery = 5 * time.Second
	reconcileBatch = 200
)

// Reconciled counts what a round did.
type Reconciled struct {
	Enqueued int // put on the queue again
	GaveUp   int // failed for good
	Waiting  int // still in the queue or with a worker
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
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			r.log.WarnContext(ctx, "reconciling failed, the next round tries again", "error", err)
		case done.Enqueued > 0 || done.GaveUp > 0:
			r.log.InfoContext(ctx, "reconciled documents that stood still", "enqueued", done.Enqueued, "gave_up", done.GaveUp, "waiting", done.Waiting)
		}
	}
}

// Once does one round. While the queue cannot be asked nothing is done: it could take no task either.
func (r *Reconciler) Once(ctx context.Context) (Reconciled, error) {
	var done Reconciled
	queue, err := r.queue.Snapshot(ctx)
	if err != nil {
		return done, err
	}
	for {
		now := r.now()
		batch, err := r.repo.RecoverOverdue(ctx, now, reconcileBatch, func(doc *domain.Document) domain.Verdict {
			return doc.Recover(queue.Has(doc.Task, doc.EnqueuedAt), newTaskID(), now, r.recovery)
		})
		if err != nil {
			return done, err
		}
		for _, recovered := range batch {
			if err := r.follow(ctx, recovered, &done); err != nil {
				return done, err
			}
		}
		if len(batch) < reconcileBatch {
			return done, nil
		}
	}
}

// follow does what the verdict on one document asks for. The rows are committed by now: a crash here costs one more round.
func (r *Reconciler) follow(ctx context.Context, recovered ports.Recovered, done *Reconciled) error {
	doc := recovered.Document
	switch recovered.Verdict {
	case domain.EnqueueIt:
		if err := r.queue.Enqueue(ctx, doc.Task, doc.ID, doc.EnqueuedAt); err != nil {
			markNotQueued(context.WithoutCancel(ctx), r.repo, doc, r.log)
			return err
		}
		done.Enqueued++
	case domain.GaveItUp:
		r.log.ErrorContext(ctx, "gave a document up", "document_id", doc.ID.String(), "requeues", doc.Requeues)
		done.GaveUp++
	case domain.LeaveIt:
		done.Waiting++
	}
	return nil
}

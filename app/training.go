package app

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// TrainerDeps are the adapters a Trainer works with. Log may be nil.
type TrainerDeps struct {
	Storage ports.StorageBackend
	Repo    ports.Repository
	Learner ports.Learner
	Models  *Models
	Queue   ports.TrainingQueue
	Least   int // ready documents, of fewer nothing is learnt; default 6: three that belong under a topic and three that do not
	Now     Clock
	Log     *slog.Logger
}

// Trainer learns what owners file under their topics. It is safe for concurrent use.
type Trainer struct {
	storage ports.StorageBackend
	repo    ports.Repository
	learner ports.Learner
	models  *Models
	queue   ports.TrainingQueue
	least   int
	now     Clock
	log     *slog.Logger
	busy    sync.Mutex // one training at a time: it may need hundreds of megabytes
}

// NewTrainer composes a trainer.
func NewTrainer(deps TrainerDeps) *Trainer {
	return &Trainer{storage: deps.Storage, repo: deps.Repo, learner: deps.Learner, models: deps.Models, queue: deps.Queue,
		least: cmp.Or(deps.Least, 6), now: deps.Now.orSystem(), log: orDiscard(deps.Log)}
}

// What bounds a training.
const (
	mostDecided   = 4000   // documents that people decided something of, the newest
	mostUndecided = 1000   // others, the newest
	exampleText   = 24_000 // characters of each
	trainTimeout  = 10 * time.Minute
	busyPause     = 30 * time.Second // until a training is tried again that found another under way

	checkFirst = 10 * time.Second // at most, from the start to the first look whether models are behind
	checkEvery = 10 * time.Minute
	checkBatch = 500
)

// Train makes a model of what an owner's documents are filed under and keeps it, unless the newest model knows all that already.
// Older models are removed. It may be called any number of times, at once and by several workers. A RetryError asks for another
// call.
func (t *Trainer) Train(ctx context.Context, owner domain.Owner) error {
	if !t.busy.TryLock() {
		return &RetryError{After: busyPause, Held: true, Err: errors.New("another training is under way")}
	}
	defer t.busy.Unlock()
	ctx, cancel := context.WithTimeout(ctx, trainTimeout)
	defer cancel()
	topics, err := t.repo.TopicsOf(ctx, owner)
	if err != nil {
		return fmt.Errorf("list topics: %w", err)
	}
	if len(topics) == 0 {
		return nil // what there is of models, the sweeper removes
	}
	basis, behind, err := t.behind(ctx, owner)
	if err != nil || !behind {
		return err
	}
	begin := t.now()
	examples := 0
	model, err := t.learner.Learn(ctx, ports.Lesson{Basis: basis, Topics: topics, Examples: func(each func(ports.Example) error) error {
		count := func(e ports.Example) error {
			examples++
			return each(e)
		}
		err := t.repo.Examples(ctx, owner, ports.ExampleQuery{Kind: ports.Decided, MaxText: exampleText, Limit: mostDecided}, count)
		if err == nil {
			err = t.repo.Examples(ctx, owner, ports.ExampleQuery{Kind: ports.Undecided, MaxText: exampleText, Limit: mostUndecided}, count)
		}
		return err
	}})
	if err != nil {
		return fmt.Errorf("learn: %w", err)
	}
	key := domain.NewModelKey(owner, uuid.New())
	if _, err := t.storage.Put(ctx, key, bytes.NewReader(model), int64(len(model)), modelType); err != nil {
		return fmt.Errorf("keep a model: %w", err)
	}
	t.log.InfoContext(ctx, "trained a model", "owner", owner.String(), "documents", examples, "topics", len(topics), "size_bytes", len(model),
		"duration", t.now().Sub(begin).String())
	t.models.lookSoon(owner)
	t.removeOlder(ctx, owner, key)
	return nil
}

// behind reports whether the newest model lacks something there is to learn, and the basis of a model that would not.
func (t *Trainer) behind(ctx context.Context, owner domain.Owner) (domain.Digest, bool, error) {
	state, err := t.repo.LearningState(ctx, owner)
	if err != nil {
		return domain.Digest{}, false, fmt.Errorf("read what there is to learn: %w", err)
	}
	if state.Documents < t.least {
		return state.Basis, false, nil
	}
	newest, err := t.models.current(ctx, owner, 0)
	return state.Basis, newest == nil || newest.Basis() != state.Basis, err
}

// removeOlder removes the models that the newest supersedes. What it cannot remove the sweeper will.
func (t *Trainer) removeOlder(ctx context.Context, owner domain.Owner, own domain.ObjectKey) {
	_, others, err := modelsOf(ctx, t.storage, owner)
	for _, key := range others {
		if err == nil && key != own { // our own may seem the older of two of one moment
			err = t.storage.Delete(ctx, key)
		}
	}
	if err != nil {
		t.log.WarnContext(ctx, "could not remove older models, the sweeper will", "owner", owner.String(), "error", err)
	}
}

// Run asks for the trainings that nobody asked for, or whose tasks were lost, until ctx ends.
func (t *Trainer) Run(ctx context.Context) {
	wait := rand.N(checkFirst) // replicas should not all look at once
	for {
		pause := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			pause.Stop()
			return
		case <-pause.C:
		}
		wait = checkEvery + rand.N(checkEvery/5)
		asked, err := t.Check(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			t.log.WarnContext(ctx, "checking for models that are behind failed, the next round tries again", "error", err)
		case asked > 0:
			t.log.InfoContext(ctx, "asked for trainings", "owners", asked)
		}
	}
}

// Check looks at every owner's model once, asks for a training where it is behind, and returns how many it asked for.
func (t *Trainer) Check(ctx context.Context) (asked int, err error) {
	var after *domain.Owner
	for {
		owners, err := t.repo.TopicOwners(ctx, after, checkBatch)
		if err != nil {
			return asked, fmt.Errorf("list owners: %w", err)
		}
		for _, owner := range owners {
			_, behind, err := t.behind(ctx, owner)
			if err == nil && behind {
				err = t.queue.EnqueueTraining(ctx, owner, t.now())
				asked++
			}
			if err != nil {
				return asked, err
			}
		}
		if len(owners) < checkBatch {
			return asked, nil
		}
		after = &owners[len(owners)-1]
	}
}

// lessons remembers which owners' trainings were asked for a short while ago, so that many decisions in a row ask for one. It is
// only a saving: a training that was not asked for, Trainer.Check finds.
type lessons struct {
	queue ports.TrainingQueue

	mu    sync.Mutex
	asked map[domain.Owner]time.Time
}

// mostAsked is how many owners are remembered.
const mostAsked = 10_000

// due reports whether to ask for an owner's training, and notes that it is asked for.
func (l *lessons) due(owner domain.Owner, now time.Time, pause time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at, ok := l.asked[owner]; ok && now.Sub(at) < pause {
		return false
	}
	if l.asked == nil || len(l.asked) >= mostAsked {
		l.asked = map[domain.Owner]time.Time{}
	}
	l.asked[owner] = now
	return true
}

// learn asks for a training of the owner's classifier, after what the owner decides meanwhile. A queue that is down fails nothing.
func (v *Vault) learn(ctx context.Context, owner domain.Owner) {
	now := v.now()
	// Whatever is decided within three quarters of the time is stored before that training begins.
	if v.lessons.queue == nil || !v.lessons.due(owner, now, v.cfg.LearnAfter*3/4) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), enqueueTimeout)
	defer cancel()
	if err := v.lessons.queue.EnqueueTraining(ctx, owner, now.Add(v.cfg.LearnAfter)); err != nil {
		v.log.WarnContext(ctx, "queue refused a training, it will be asked for again", "owner", owner.String(), "error", err)
	}
}

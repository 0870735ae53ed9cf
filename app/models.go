package app

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// ModelsDeps are the adapters Models work with. Now and Log may be nil.
type ModelsDeps struct {
	Storage   ports.StorageBackend
	Learner   ports.Learner
	Untrained ports.Classifier // classifies for owners of whom nothing was learnt
	Now       Clock
	Log       *slog.Logger
}

// Models classifies texts by the newest model of each owner, which it keeps in memory. It implements ports.Classifier: the owner
// is that of the topics. It is safe for concurrent use.
type Models struct {
	storage   ports.StorageBackend
	learner   ports.Learner
	untrained ports.Classifier
	now       Clock
	log       *slog.Logger

	mu   sync.Mutex
	held map[domain.Owner]*heldModel
}

var _ ports.Classifier = (*Models)(nil)

const (
	lookAgain   = 30 * time.Second // for a newer model of an owner, when a text of theirs is classified
	lookTimeout = 10 * time.Second // while it is looked for, texts of the owner wait
	mostHeld    = 64               // models in memory
)

// modelType is the content type that models are stored with.
const modelType = "application/octet-stream"

// heldModel is the model of one owner as it was last seen.
type heldModel struct {
	mu      sync.Mutex
	looked  time.Time
	key     domain.ObjectKey // zero: there is none
	learned ports.Learned    // nil: there is none, or it cannot be read
}

// NewModels composes models.
func NewModels(deps ModelsDeps) *Models {
	return &Models{storage: deps.Storage, learner: deps.Learner, untrained: deps.Untrained, now: deps.Now.orSystem(), log: orDiscard(deps.Log),
		held: map[domain.Owner]*heldModel{}}
}

// Name implements ports.Classifier.
func (m *Models) Name() string { return m.untrained.Name() }

// Classify implements ports.Classifier. A storage that is away does not keep texts from being classified: by the model that is in
// memory, or by what needs none.
func (m *Models) Classify(ctx context.Context, text string, topics []domain.Topic) ([]domain.Suggestion, error) {
	if text == "" || len(topics) == 0 || ctx.Err() != nil {
		return m.untrained.Classify(ctx, text, topics)
	}
	learned, err := m.current(ctx, topics[0].Owner, lookAgain)
	if err != nil {
		m.log.WarnContext(ctx, "could not look for a newer model", "owner", topics[0].Owner.String(), "error", err)
	}
	if learned == nil {
		return m.untrained.Classify(ctx, text, topics)
	}
	return learned.Classify(ctx, text, topics)
}

// current returns the owner's newest model, nil if there is none that can be read. What was looked at not longer ago than age
// counts as current. With an error comes the model that is in memory.
func (m *Models) current(ctx context.Context, owner domain.Owner, age time.Duration) (ports.Learned, error) {
	held := m.hold(owner)
	held.mu.Lock()
	defer held.mu.Unlock()
	now := m.now()
	if !held.looked.IsZero() && now.Sub(held.looked) < age {
		return held.learned, nil
	}
	held.looked = now // a failure too is not tried again for every text
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	var err error
	for range 2 { // a model may be superseded and removed between the look and the read
		var newest domain.ObjectKey
		if newest, _, err = modelsOf(ctx, m.storage, owner); err != nil || newest == held.key {
			return held.learned, err
		}
		if newest.IsZero() {
			held.key, held.learned = newest, nil
			return nil, nil
		}
		var learned ports.Learned
		if learned, err = m.load(ctx, newest); err == nil || domain.ErrorCode(err) == domain.Malformed {
			if err != nil {
				m.log.ErrorContext(ctx, "a model cannot be read and is not used", "object_key", newest.String(), "error", err)
			}
			held.key, held.learned = newest, learned
			return learned, nil
		}
		if domain.ErrorCode(err) != domain.NotFound {
			break
		}
	}
	return held.learned, err
}

// lookSoon has the owner's model looked for again when it is next needed.
func (m *Models) lookSoon(owner domain.Owner) {
	held := m.hold(owner)
	held.mu.Lock()
	defer held.mu.Unlock()
	held.looked = time.Time{}
}

// hold returns the place of an owner's model. Of too many, the one that was looked for the longest ago is forgotten.
func (m *Models) hold(owner domain.Owner) *heldModel {
	m.mu.Lock()
	defer m.mu.Unlock()
	if held, ok := m.held[owner]; ok {
		return held
	}
	if len(m.held) >= mostHeld {
		var oldest domain.Owner
		var at time.Time
		for other, held := range m.held {
			if !held.mu.TryLock() {
				continue // somebody looks just now
			}
			if at.IsZero() || held.looked.Before(at) {
				oldest, at = other, held.looked
			}
			held.mu.Unlock()
		}
		delete(m.held, oldest)
	}
	held := &heldModel{}
	m.held[owner] = held
	return held
}

func (m *Models) load(ctx context.Context, key domain.ObjectKey) (ports.Learned, error) {
	body, object, err := m.storage.Get(ctx, key, ports.Range{})
	if err != nil {
		return nil, fmt.Errorf("open a model: %w", err)
	}
	defer func() { _ = body.Close() }() // nothing was written
	if object.Size > ports.MaxModel {
		return nil, domain.Errorf(domain.Malformed, "a model of %d bytes is none of ours", object.Size)
	}
	model, err := io.ReadAll(io.LimitReader(body, ports.MaxModel+1))
	if err != nil {
		return nil, fmt.Errorf("read a model: %w", err)
	}
	return m.learner.Recall(model)
}

// modelsOf returns the key of an owner's newest model, zero if there is none, and those of the others. Every program sees the same
// one as the newest: of two of the same moment, the one whose key comes last.
func modelsOf(ctx context.Context, storage ports.StorageBackend, owner domain.Owner) (newest domain.ObjectKey, others []domain.ObjectKey, err error) {
	var models []ports.Object
	err = storage.List(ctx, domain.ModelPrefix(owner), func(object ports.Object) error {
		if object.Key.IsModel() {
			models = append(models, object)
		}
		return nil
	})
	if err != nil {
		return domain.ObjectKey{}, nil, fmt.Errorf("list models: %w", err)
	}
	if len(models) == 0 {
		return domain.ObjectKey{}, nil, nil
	}
	slices.SortFunc(models, func(a, b ports.Object) int {
		return cmp.Or(b.ModTime.Compare(a.ModTime), cmp.Compare(b.Name, a.Name))
	})
	for _, model := range models[1:] {
		others = append(others, model.Key)
	}
	return models[0].Key, others, nil
}

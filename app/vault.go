package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// VaultConfig bounds what people may do. The zero VaultConfig is the documented default.
type VaultConfig struct {
	MaxUpload    int64           // bytes of one document; default 100 MiB
	AllowedTypes []string        // content types that are kept; empty keeps every type
	LinkTTL      time.Duration   // of a time-limited link unless asked otherwise; default 60 minutes
	MaxLinkTTL   time.Duration   // the longest a link may live; default 7 days
	LearnAfter   time.Duration   // from a person's decision to the training that it asks for, others join meanwhile; default 60 s
	Recovery     domain.Recovery // see domain.Recovery
}

// DefaultMaxUpload is VaultConfig.MaxUpload where nothing else is said.
const DefaultMaxUpload = 100 << 20

func (c VaultConfig) withDefaults() VaultConfig {
	if c.MaxUpload <= 0 {
		c.MaxUpload = DefaultMaxUpload
	}
	if c.LinkTTL <= 0 {
		c.LinkTTL = time.Hour
	}
	if c.MaxLinkTTL <= 0 {
		c.MaxLinkTTL = 7 * 24 * time.Hour
	}
	if c.LearnAfter <= 0 {
		c.LearnAfter = time.Minute
	}
	c.Recovery = c.Recovery.WithDefaults()
	return c
}

// VaultDeps are the adapters a Vault works with. Now and Log may be nil.
type VaultDeps struct {
	Storage ports.StorageBackend
	Repo    ports.Repository
	Queue   ports.TaskQueue
	Types   ports.TypeDetector
	Links   *LinkSigner
	Grouper ports.Grouper       // finds topics that there could be; nil finds none
	Trains  ports.TrainingQueue // is asked for a training when people decide something; nil is not
	Now     Clock
	Log     *slog.Logger
}

// Vault is what people do with their documents. It is safe for concurrent use and keeps no state of its own but
// when it last asked for trainings.
type Vault struct {
	cfg     VaultConfig
	storage ports.StorageBackend
	repo    ports.Repository
	queue   ports.TaskQueue
	types   ports.TypeDetector
	links   *LinkSigner
	allowed map[string]bool
	grouper ports.Grouper
	lessons *lessons
	now     Clock
	log     *slog.Logger
}

// NewVault composes a vault.
func NewVault(cfg VaultConfig, deps VaultDeps) *Vault {
	v := &Vault{cfg: cfg.withDefaults(), storage: deps.Storage, repo: deps.Repo, queue: deps.Queue, types: deps.Types,
		links: deps.Links, grouper: deps.Grouper, lessons: &lessons{queue: deps.Trains}, now: deps.Now.orSystem(), log: orDiscard(deps.Log)}
	if len(cfg.AllowedTypes) > 0 {
		v.allowed = make(map[string]bool, len(cfg.AllowedTypes))
		for _, t := range cfg.AllowedTypes {
			v.allowed[t] = true
		}
	}
	return v
}

// Config returns the limits in force.
func (v *Vault) Config() VaultConfig { return v.cfg }

// enqueueTimeout bounds how long a person waits for a queue that does not answer.
const enqueueTimeout = 3 * time.Second

// requestProcessing puts the document's task on the queue. A queue that is down fails nothing: the row then says that its task
// is not queued, and the reconciler asks again as soon as it can.
func (v *Vault) requestProcessing(ctx context.Context, doc domain.Document) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), enqueueTimeout)
	defer cancel()
	err := v.queue.Enqueue(ctx, doc.Task, doc.ID, doc.EnqueuedAt)
	if err == nil {
		return
	}
	v.log.WarnContext(ctx, "queue refused a task, the reconciler will ask again", "document_id", doc.ID.String(), "task_id", string(doc.Task), "error", err)
	markNotQueued(context.WithoutCancel(ctx), v.repo, doc, v.log)
}

// markNotQueued notes that the document's task is known not to be queued. Without the note the reconciler finds out itself,
// only later.
func markNotQueued(ctx context.Context, repo ports.Processing, doc domain.Document, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(ctx, enqueueTimeout)
	defer cancel()
	_, err := repo.Advance(ctx, doc.ID, func(d *domain.Document) error {
		d.NotQueued(doc.Task)
		return nil
	})
	if err != nil && domain.ErrorCode(err) != domain.NotFound {
		log.WarnContext(ctx, "could not note that a task is not queued", "document_id", doc.ID.String(), "error", err)
	}
}

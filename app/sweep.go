package app

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// SweeperDeps are the adapters a Sweeper works with. Now and Log may be nil.
type SweeperDeps struct {
	Storage ports.StorageBackend
	Repo    ports.Repository
	Now     Clock
	Log     *slog.Logger
}

// Sweeper compares storage with the database: it removes objects that no row names, current models
// apart, and reports rows whose object is missing.
type Sweeper struct {
	storage ports.StorageBackend
	repo    ports.Repository
	now     Clock
	log     *slog.Logger
}

// NewSweeper composes a sweeper.
func NewSweeper(deps SweeperDeps) *Sweeper {
	return &Sweeper{storage: deps.Storage, repo: deps.Repo, now: deps.Now.orSystem(), log: orDiscard(deps.Log)}
}

// SweepOptions says how to sweep. The zero SweepOptions only looks.
type SweepOptions struct {
	// Grace must be longer than any upload takes: objects younger than this may belong to one under way, and an S3 server may
	// date an object that came in parts from when its upload began, not from when it ended. Default 24 h, at least 1 h.
	Grace  time.Duration
	Delete bool          // remove what is found; otherwise it is only reported
	Force  bool          // remove it however much it is
	Found  func(Finding) // called for each finding, one at a time; may be nil
}

// Sweeping has these bounds.
const (
	DefaultGrace = 24 * time.Hour
	MinGrace     = time.Hour
	sweepBatch   = 500
	sweepStats   = 8 // objects looked at in parallel
)

// FindingKind says what is wrong.
type FindingKind string

// What a sweep finds.
const (
	OrphanObject  FindingKind = "orphan_object"  // no row names it
	ForeignObject FindingKind = "foreign_object" // not of this vault's making; never removed
	MissingObject FindingKind = "missing_object" // a row names it and it is not there
	// MissingThumbnail is no loss: processing the document again makes another.
	MissingThumbnail FindingKind = "missing_thumbnail"
	DamagedKey       FindingKind = "damaged_key" // a row names what is no key of ours; its object may be among the foreign ones
)

// Finding is one disagreement between storage and database.
type Finding struct {
	Kind     FindingKind
	Object   string            // its name in storage
	Document domain.DocumentID // of a missing object, a missing thumbnail or a damaged key
	Size     int64             // bytes
	Removed  bool
}

// SweepReport sums a sweep up.
type SweepReport struct {
	Objects           int   // looked at
	Young             int   // within the grace time and named by no row yet
	Orphans           int   // found
	Foreign           int   // found
	Models            int   // current ones, which are kept
	Removed           int   // of the orphans
	Bytes             int64 // of the orphans
	Documents         int   // looked at
	Missing           int   // documents whose bytes are gone
	MissingThumbnails int   // documents whose thumbnail is gone
	Damaged           int   // documents whose row holds no key of ours: whether their bytes are there cannot be told
	Elsewhere         int   // documents whose bytes another backend keeps: nothing was asked about them
	Uploads           int   // unfinished uploads found stale, and aborted if deleting
}

// Sweep goes through all of storage and all rows once. With Delete it looks at all of storage first and, unless forced, is
// Conflict with reason "mass_removal", and removes nothing, if no row names any of the objects, or if more than 10 and more than
// 10 % of them would go. Each object is looked up again before it is removed.
func (s *Sweeper) Sweep(ctx context.Context, options SweepOptions) (SweepReport, error) {
	var report SweepReport
	if options.Grace == 0 {
		options.Grace = DefaultGrace
	}
	if options.Grace < MinGrace {
		return report, domain.InvalidField("grace", "must be at least %s, or uploads under way would lose their bytes", MinGrace)
	}
	if options.Found == nil {
		options.Found = func(Finding) {}
	}
	before := s.now().Add(-options.Grace)
	if options.Delete && !options.Force {
		if err := s.fuse(ctx, before); err != nil {
			return report, err
		}
	}
	if err := s.sweepObjects(ctx, before, options, &report); err != nil {
		return report, err
	}
	if err := s.checkDocuments(ctx, options, &report); err != nil {
		return report, err
	}
	var err error
	if report.Uploads, err = s.storage.AbortStale(ctx, before, !options.Delete); err != nil {
		return report, fmt.Errorf("abort stale uploads: %w", err)
	}
	return report, nil
}

func (s *Sweeper) sweepObjects(ctx context.Context, before time.Time, options SweepOptions, report *SweepReport) error {
	batch := make([]ports.Object, 0, sweepBatch)
	flush := func() error {
		err := s.sweepBatch(ctx, batch, before, options, report)
		batch = batch[:0]
		return err
	}
	err := s.storage.List(ctx, "", func(object ports.Object) error {
		report.Objects++
		if object.Key.IsZero() {
			report.Foreign++
			options.Found(Finding{Kind: ForeignObject, Object: object.Name, Size: object.Size})
			return nil
		}
		if batch = append(batch, object); len(batch) < sweepBatch {
			return nil
		}
		return flush()
	})
	if err != nil {
		return fmt.Errorf("list objects: %w", err)
	}
	return flush()
}

func (s *Sweeper) sweepBatch(ctx context.Context, batch []ports.Object, before time.Time, options SweepOptions, report *SweepReport) error {
	keys := make([]domain.ObjectKey, len(batch))
	for i, object := range batch {
		keys[i] = object.Key
	}
	named, err := s.repo.NamedObjects(ctx, keys)
	if err != nil {
		return fmt.Errorf("look objects up: %w", err)
	}
	for _, object := range batch {
		if named[object.Key] {
			continue
		}
		if object.ModTime.After(before) {
			report.Young++
			continue
		}
		if current, err := s.currentModel(ctx, object.Key); err != nil {
			return err
		} else if current {
			report.Models++
			continue
		}
		if options.Delete {
			named, err := s.repo.NamedObjects(ctx, []domain.ObjectKey{object.Key})
			if err != nil {
				return fmt.Errorf("look an object up again: %w", err)
			}
			if named[object.Key] {
				continue
			}
		}
		report.Orphans++
		report.Bytes += object.Size
		if options.Delete {
			if err := s.storage.Delete(ctx, object.Key); err != nil {
				return fmt.Errorf("remove an orphan: %w", err)
			}
			report.Removed++
			s.log.InfoContext(ctx, "removed an object that no row names", "object_key", object.Name, "size_bytes", object.Size)
		}
		options.Found(Finding{Kind: OrphanObject, Object: object.Name, Size: object.Size, Removed: options.Delete})
	}
	return nil
}

// currentModel reports whether the object is the model that the owner's documents are filed by. One of an owner without topics is
// of no use to anybody.
func (s *Sweeper) currentModel(ctx context.Context, key domain.ObjectKey) (bool, error) {
	if !key.IsModel() {
		return false, nil
	}
	newest, _, err := modelsOf(ctx, s.storage, key.Owner())
	if err != nil {
		return false, err
	}
	topics, err := s.repo.TopicsOf(ctx, key.Owner())
	if err != nil {
		return false, fmt.Errorf("list topics: %w", err)
	}
	return key == newest && len(topics) > 0, nil
}

func (s *Sweeper) checkDocuments(ctx context.Context, options SweepOptions, report *SweepReport) error {
	var after *domain.DocumentID
	for {
		docs, err := s.repo.DocumentsAfter(ctx, after, sweepBatch)
		if err != nil {
			return fmt.Errorf("list documents: %w", err)
		}
		if len(docs) == 0 {
			return nil
		}
		here := s.here(docs)
		missing, err := s.missing(ctx, here)
		if err != nil {
			return err
		}
		for _, named := range missing {
			// A document deleted since the page was read has rightly lost its objects, one processed again its older thumbnail.
			now, err := s.repo.Document(ctx, named.doc.Owner, named.doc.ID)
			if domain.ErrorCode(err) == domain.NotFound || named.kind == MissingThumbnail && now.Thumbnail != named.key {
				continue
			}
			finding := Finding{Kind: named.kind, Object: named.key.String(), Document: named.doc.ID, Size: named.doc.Size}
			switch named.kind {
			case DamagedKey:
				report.Damaged++
			case MissingThumbnail:
				report.MissingThumbnails++
				finding.Size = 0
			default:
				report.Missing++
			}
			options.Found(finding)
		}
		report.Documents += len(docs)
		report.Elsewhere += len(docs) - len(here)
		after = &docs[len(docs)-1].ID
	}
}

// here leaves out the documents whose bytes another backend keeps.
func (s *Sweeper) here(docs []domain.Document) []domain.Document {
	return slices.DeleteFunc(slices.Clone(docs), func(doc domain.Document) bool { return elsewhere(doc, s.storage) != nil })
}

// namedObject is an object that a document's row names, and what it means if it is not there.
type namedObject struct {
	doc  domain.Document
	key  domain.ObjectKey // zero: what the row names is no key of ours
	kind FindingKind
}

func namedBy(docs []domain.Document) []namedObject {
	var all []namedObject
	for _, doc := range docs {
		kind := MissingObject
		if doc.Object.IsZero() {
			kind = DamagedKey
		}
		all = append(all, namedObject{doc, doc.Object, kind})
		if !doc.Thumbnail.IsZero() {
			all = append(all, namedObject{doc, doc.Thumbnail, MissingThumbnail})
		}
	}
	return all
}

// missing returns those objects of the documents that are not there, in order.
func (s *Sweeper) missing(ctx context.Context, docs []domain.Document) ([]namedObject, error) {
	objects := namedBy(docs)
	gone, errs := make([]bool, len(objects)), make([]error, len(objects))
	slots := make(chan struct{}, sweepStats)
	var looking sync.WaitGroup
	for i, object := range objects {
		slots <- struct{}{}
		looking.Go(func() {
			defer func() { <-slots }()
			if object.key.IsZero() {
				gone[i] = true
				return
			}
			_, err := s.storage.Stat(ctx, object.key)
			if gone[i] = domain.ErrorCode(err) == domain.NotFound; !gone[i] {
				errs[i] = err
			}
		})
	}
	looking.Wait()
	var missing []namedObject
	for i, object := range objects {
		if errs[i] != nil {
			return nil, fmt.Errorf("look an object up: %w", errs[i])
		}
		if gone[i] {
			missing = append(missing, object)
		}
	}
	return missing, nil
}

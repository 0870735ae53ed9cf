package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// ProcessorDeps are the adapters a Processor works with. Now and Log may be nil.
type ProcessorDeps struct {
	Storage    ports.StorageBackend
	Repo       ports.Repository
	Extractor  ports.Extractor
	Classifier ports.Classifier
	Now        Clock
	Log        *slog.Logger
}

// Processor reads documents and files them under topics: the work behind the queue. It is safe for concurrent use.
type Processor struct {
	storage    ports.StorageBackend
	repo       ports.Repository
	extractor  ports.Extractor
	classifier ports.Classifier
	recovery   domain.Recovery
	now        Clock
	log        *slog.Logger
}

// NewProcessor composes a processor.
func NewProcessor(recovery domain.Recovery, deps ProcessorDeps) *Processor {
	return &Processor{storage: deps.Storage, repo: deps.Repo, extractor: deps.Extractor, classifier: deps.Classifier,
		recovery: recovery.WithDefaults(), now: deps.Now.orSystem(), log: orDiscard(deps.Log)}
}

// RetryError says that the document could not be processed now and what to do with its task.
type RetryError struct {
	After time.Duration // run the task again after this long
	Held  bool          // another worker holds the document, or has to: this is no failure of the task, and does not count as one
	Err   error
}

// Error implements error.
func (e *RetryError) Error() string { return fmt.Sprintf("try again after %s: %v", e.After, e.Err) }

// Unwrap returns the cause.
func (e *RetryError) Unwrap() error { return e.Err }

// StatusMissing is TaskResult.Status of a document that does not exist.
const StatusMissing = "missing"

// Process reads one document and files it, and returns where it stands. It may be called any number of times for the same
// document, at once and by several workers: one of them does the work, for the others the document is held (a RetryError) or
// already done. What is wrong with the document ends as its failure, not as an error. A RetryError asks for another call; every
// other error is final. If ctx ends, the document is given back at once.
func (p *Processor) Process(ctx context.Context, id domain.DocumentID) (ports.TaskResult, error) {
	var held domain.Attempt
	doc, err := p.repo.Advance(ctx, id, func(doc *domain.Document) (err error) {
		if held, err = doc.Claim(p.now(), p.recovery); err != nil {
			return err
		}
		if doc.Requeues > p.recovery.MaxRequeues {
			held = 0
			return doc.GiveUp(domain.Failure{Code: "gave_up", Message: fmt.Sprintf(
				"processing was interrupted %d times; the document may be what interrupts it", doc.Requeues)}, p.now())
		}
		return elsewhere(*doc, p.storage)
	})
	var busy *domain.HeldError
	switch {
	case err == nil && held == 0:
		return result(doc), nil
	case err == nil:
		return p.work(ctx, held, doc)
	case domain.ErrorCode(err) == domain.NotFound:
		return ports.TaskResult{DocumentID: id.String(), Status: StatusMissing, Topics: []string{}}, nil
	case errors.As(err, &busy):
		return ports.TaskResult{}, &RetryError{After: max(busy.Until.Sub(p.now()), time.Second), Held: true, Err: err}
	case domain.ErrorReason(err) == storedElsewhere:
		// Nothing of the document changed: it waits for a worker that reads its backend.
		return ports.TaskResult{}, &RetryError{After: p.recovery.MaxBackoff, Held: true, Err: err}
	case domain.ErrorReason(err) == "wrong_status":
		return result(doc), nil
	default:
		return ports.TaskResult{}, &RetryError{After: p.recovery.Backoff(0), Err: err}
	}
}

// work does the work of the attempt that holds the document.
func (p *Processor) work(ctx context.Context, held domain.Attempt, doc domain.Document) (ports.TaskResult, error) {
	before := doc.Thumbnail // no attempt but this one can change it
	outcome, err := p.readHolding(ctx, held, doc)
	switch {
	case err == nil:
		err = doc.Finish(held, p.now())
	case errors.Is(err, errLostHold):
		return p.lostHold(ctx, doc)
	case ctx.Err() != nil:
		return p.giveBack(ctx, held, doc, 0, err, domain.ObjectKey{})
	case domain.ErrorCode(err) == domain.Unreadable:
		outcome = ports.Outcome{}
		err = doc.Fail(held, domain.Failure{Code: domain.ErrorReason(err), Message: domain.ErrorMessage(err)}, p.now())
	case !domain.ErrorCode(err).Retryable() || doc.Requeues >= p.recovery.MaxRequeues:
		p.log.ErrorContext(ctx, "processing failed for good", "document_id", doc.ID.String(), "error", err)
		outcome = ports.Outcome{}
		err = doc.Fail(held, domain.Failure{Code: string(domain.ErrorCode(err)), Message: "processing failed: " + domain.ErrorMessage(err)}, p.now())
	default:
		return p.giveBack(ctx, held, doc, p.recovery.Backoff(doc.Requeues), err, domain.ObjectKey{})
	}
	if err != nil {
		return ports.TaskResult{}, err
	}
	stored, err := p.repo.Complete(ctx, held, doc, outcome)
	switch {
	case err == nil:
		if stored.Thumbnail != before {
			p.discard(ctx, before)
		}
		return result(stored), nil
	case domain.ErrorReason(err) == "lost_hold", domain.ErrorCode(err) == domain.NotFound:
		p.discard(ctx, outcome.Thumbnail)
		return p.lostHold(ctx, doc)
	case ctx.Err() != nil:
		return p.giveBack(ctx, held, p.held(doc), 0, err, outcome.Thumbnail)
	default:
		return p.giveBack(ctx, held, p.held(doc), p.recovery.Backoff(doc.Requeues), err, outcome.Thumbnail)
	}
}

// held is doc as it stands in the database while its outcome is not stored.
func (p *Processor) held(doc domain.Document) domain.Document {
	doc.Status, doc.Failure = domain.Processing, nil
	return doc
}

// readHolding reads the document while its lease is renewed. It ends with errLostHold if another attempt took over meanwhile.
func (p *Processor) readHolding(ctx context.Context, held domain.Attempt, doc domain.Document) (ports.Outcome, error) {
	working, done := p.keepLease(ctx, held, doc.ID)
	defer done() // a panic too must end the renewals, or nobody could ever take over
	outcome, thumbnail, err := p.read(working, doc)
	if err == nil {
		outcome.Thumbnail, err = p.keepThumbnail(working, doc, thumbnail)
	}
	if err != nil && errors.Is(context.Cause(working), errLostHold) {
		err = errLostHold
	}
	return outcome, err
}

// read makes the outcome, all but the thumbnail, whose bytes it returns: text out of bytes, topics out of text.
func (p *Processor) read(ctx context.Context, doc domain.Document) (outcome ports.Outcome, thumbnail []byte, err error) {
	extraction, err := p.extract(ctx, doc)
	if err != nil {
		return ports.Outcome{}, nil, err
	}
	outcome = outcomeOf(extraction)
	outcome.Suggestions, err = p.classify(ctx, doc, extraction.Text)
	return outcome, extraction.Thumbnail, err
}

func (p *Processor) extract(ctx context.Context, doc domain.Document) (ports.Extraction, error) {
	if doc.Object.IsZero() {
		return ports.Extraction{}, keyDamage(domain.Unreadable)
	}
	source := &content{open: func() (io.ReadCloser, error) { return p.open(ctx, doc.Object) }}
	defer source.close()
	if doc.Size <= shortContent {
		if err := source.load(shortContent); err != nil {
			return ports.Extraction{}, err
		}
	}
	extraction, err := p.extractor.Extract(ctx, ports.Source{Owner: doc.Owner, Name: doc.Name, ContentType: doc.ContentType, Size: doc.Size, Content: source})
	if err != nil {
		return ports.Extraction{}, fmt.Errorf("extract: %w", err)
	}
	return extraction, nil
}

func (p *Processor) classify(ctx context.Context, doc domain.Document, text string) ([]domain.Suggestion, error) {
	topics, err := p.repo.TopicsOf(ctx, doc.Owner)
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	if len(topics) == 0 {
		return nil, nil
	}
	suggestions, err := p.classifier.Classify(ctx, text, topics)
	if err != nil {
		return nil, fmt.Errorf("classify: %w", err)
	}
	return suggestions, nil
}

func (p *Processor) open(ctx context.Context, key domain.ObjectKey) (io.ReadCloser, error) {
	body, _, err := p.storage.Get(ctx, key, ports.Range{})
	if domain.ErrorCode(err) == domain.NotFound {
		return nil, contentGone()
	}
	if err != nil {
		return nil, fmt.Errorf("open the bytes: %w", err)
	}
	return body, nil
}

func contentGone() error {
	return domain.Errorf(domain.Unreadable, "the bytes of this document are missing from storage").Because("content_missing")
}

// giveBack returns the document to pending and asks for another try. It also works while shutting down. The thumbnail goes once
// the row is known not to name it; while that is not known, as after a commit whose answer was lost, it is left to the sweeper.
func (p *Processor) giveBack(ctx context.Context, held domain.Attempt, doc domain.Document, wait time.Duration, cause error, thumbnail domain.ObjectKey) (ports.TaskResult, error) {
	interrupted := ctx.Err() != nil
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discardTimeout)
	defer cancel()
	_, err := p.repo.Advance(ctx, doc.ID, func(d *domain.Document) error {
		if interrupted {
			return d.Release(held, p.now(), p.recovery)
		}
		return d.GiveBack(held, wait, p.now(), p.recovery)
	})
	if err != nil {
		// The lease runs out by itself, and the next try takes over.
		p.log.WarnContext(ctx, "could not give a document back", "document_id", doc.ID.String(), "error", err)
		wait = max(wait, p.recovery.Lease)
	} else {
		p.discard(ctx, thumbnail)
	}
	return ports.TaskResult{}, &RetryError{After: wait, Held: interrupted, Err: cause}
}

// lostHold answers for a document that somebody else took over, finished or deleted meanwhile.
func (p *Processor) lostHold(ctx context.Context, doc domain.Document) (ports.TaskResult, error) {
	p.log.WarnContext(ctx, "another attempt took the document over", "document_id", doc.ID.String())
	now, err := p.repo.Document(ctx, doc.Owner, doc.ID)
	switch {
	case domain.ErrorCode(err) == domain.NotFound:
		return ports.TaskResult{DocumentID: doc.ID.String(), Status: StatusMissing, Topics: []string{}}, nil
	case err != nil:
		return ports.TaskResult{}, &RetryError{After: p.recovery.Backoff(0), Err: err}
	case now.Status.Final():
		return result(now), nil
	default:
		return ports.TaskResult{}, &RetryError{After: p.recovery.Lease, Held: true, Err: errLostHold}
	}
}

var errLostHold = errors.New("the document was taken over by another attempt")

// keepLease renews the lease until done is called. The context it returns also ends, with errLostHold as its cause, when the
// attempt no longer holds the document.
func (p *Processor) keepLease(ctx context.Context, held domain.Attempt, id domain.DocumentID) (working context.Context, done func()) {
	working, lose := context.WithCancelCause(ctx)
	stop := make(chan struct{})
	var renewing sync.WaitGroup
	renewing.Go(func() {
		tick := time.NewTicker(p.recovery.Lease / 3)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-working.Done():
				return
			case <-tick.C:
			}
			_, err := p.repo.Advance(working, id, func(doc *domain.Document) error { return doc.Extend(held, p.now(), p.recovery) })
			if domain.ErrorReason(err) == "lost_hold" || domain.ErrorCode(err) == domain.NotFound {
				lose(errLostHold)
				return
			}
			if err != nil && working.Err() == nil {
				p.log.WarnContext(ctx, "could not renew a lease", "document_id", id.String(), "error", err)
			}
		}
	})
	return working, func() {
		close(stop)
		// A renewal that is under way when the work is done must not wait for a database that is away.
		lose(context.Canceled)
		renewing.Wait()
	}
}

// result is what a task returns for a document (D-08).
func result(doc domain.Document) ports.TaskResult {
	names := make([]string, 0, len(doc.Topics))
	for _, filing := range doc.Topics {
		names = append(names, string(filing.Name))
	}
	return ports.TaskResult{DocumentID: doc.ID.String(), Status: string(doc.Status), Topics: names}
}

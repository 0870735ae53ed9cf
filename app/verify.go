package app

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// VerifierDeps are the adapters a Verifier works with.
type VerifierDeps struct {
	Storage ports.StorageBackend
	Repo    ports.Repository
}

// Verifier reads every document's bytes and compares them with what its row says of them.
type Verifier struct {
	storage ports.StorageBackend
	repo    ports.Repository
}

// NewVerifier composes a verifier.
func NewVerifier(deps VerifierDeps) *Verifier {
	return &Verifier{storage: deps.Storage, repo: deps.Repo}
}

// VerifyOptions says how to verify. The zero VerifyOptions is the documented default.
type VerifyOptions struct {
	Parallel int               // objects read at once; default 4
	Found    func(Discrepancy) // called for each difference, one at a time; may be nil
	Read     func(bytes int64) // called for what was read, from several goroutines at once; may be nil
}

// DiscrepancyKind says how a row and its object differ.
type DiscrepancyKind string

// The kinds of differences.
const (
	BytesMissing DiscrepancyKind = "missing"      // the object is not there
	BytesDiffer  DiscrepancyKind = "other_bytes"  // it has another hash, or where the row has none, another size
	RowDamaged   DiscrepancyKind = "damaged_key"  // the row names no key of ours
	SizeDiffers  DiscrepancyKind = "other_size"   // the hash is right and the row's size is not
	NoThumbnail  DiscrepancyKind = "no_thumbnail" // the row names a thumbnail that is not there
)

// A page of documents is read by so many goroutines at once unless said otherwise.
const (
	verifyParallel = 4
	verifyPage     = 200
)

// Discrepancy is one row that does not agree with storage.
type Discrepancy struct {
	Kind     DiscrepancyKind
	Document domain.DocumentID
	Object   string
	Expected string // hash or size, as the row says
	Actual   string // as read
}

// VerifyReport sums a verification up.
type VerifyReport struct {
	Documents int   // looked at
	Bytes     int64 // read
	Verified  int   // whose bytes have the hash and the size that the row says
	Unhashed  int   // whose row has no hash, as Python's: only the size could be compared, and it is right
	Different int   // documents with a difference
	Elsewhere int   // documents whose bytes another backend keeps: nothing was read
}

// Total returns how many documents there are here to read, and their bytes as the rows say.
func (v *Verifier) Total(ctx context.Context) (documents int, bytes int64, err error) {
	err = v.eachPage(ctx, func(docs []domain.Document) error {
		for _, doc := range docs {
			if elsewhere(doc, v.storage) == nil {
				documents++
				bytes += max(doc.Size, 0)
			}
		}
		return nil
	})
	return documents, bytes, err
}

// Verify reads the bytes of every document once. Differences are reported and are no error. A document that is deleted or
// processed meanwhile is no difference.
func (v *Verifier) Verify(ctx context.Context, options VerifyOptions) (VerifyReport, error) {
	if options.Parallel <= 0 {
		options.Parallel = verifyParallel
	}
	if options.Found == nil {
		options.Found = func(Discrepancy) {}
	}
	if options.Read == nil {
		options.Read = func(int64) {}
	}
	run := &verification{Verifier: v, options: options}
	err := v.eachPage(ctx, func(docs []domain.Document) error { return run.page(ctx, docs) })
	return run.report, err
}

func (v *Verifier) eachPage(ctx context.Context, each func([]domain.Document) error) error {
	var after *domain.DocumentID
	for {
		docs, err := v.repo.DocumentsAfter(ctx, after, verifyPage)
		if err != nil {
			return fmt.Errorf("list documents: %w", err)
		}
		if len(docs) == 0 {
			return nil
		}
		if err := each(docs); err != nil {
			return err
		}
		after = &docs[len(docs)-1].ID
	}
}

// verification is one run.
type verification struct {
	*Verifier
	options VerifyOptions

	mu     sync.Mutex
	report VerifyReport
}

// page verifies documents several at a time and returns the first error that is no difference.
func (r *verification) page(ctx context.Context, docs []domain.Document) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	queue := make(chan domain.Document)
	var working sync.WaitGroup
	for range r.options.Parallel {
		working.Go(func() {
			for doc := range queue {
				if err := r.verify(ctx, doc); err != nil {
					stop(err)
				}
			}
		})
	}
	for _, doc := range docs {
		select {
		case queue <- doc:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(queue)
	working.Wait()
	return context.Cause(ctx)
}

func (r *verification) verify(ctx context.Context, doc domain.Document) error {
	if elsewhere(doc, r.storage) != nil {
		r.count(func(report *VerifyReport) { report.Elsewhere++ })
		return nil
	}
	found, err := r.compare(ctx, doc)
	if err != nil {
		return fmt.Errorf("read the bytes of %s: %w", doc.ID, err)
	}
	if len(found) > 0 { // unless the row went, or changed, while we read
		now, err := r.repo.Document(ctx, doc.Owner, doc.ID)
		switch {
		case domain.ErrorCode(err) == domain.NotFound:
			return nil
		case err != nil:
			return err
		case now.Object != doc.Object || now.Thumbnail != doc.Thumbnail || now.SHA256 != doc.SHA256 || now.Size != doc.Size:
			return r.verify(ctx, now)
		}
	}
	r.count(func(report *VerifyReport) {
		switch {
		case len(found) > 0:
			report.Different++
		case doc.SHA256.IsZero():
			report.Unhashed++
		default:
			report.Verified++
		}
		for _, difference := range found {
			r.options.Found(difference)
		}
	})
	return nil
}

func (r *verification) count(change func(*VerifyReport)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Documents++
	change(&r.report)
}

// compare reads a document's object and says how it differs from its row.
func (r *verification) compare(ctx context.Context, doc domain.Document) ([]Discrepancy, error) {
	var found []Discrepancy
	differs := func(kind DiscrepancyKind, object domain.ObjectKey, expected, actual string) {
		found = append(found, Discrepancy{Kind: kind, Document: doc.ID, Object: object.String(), Expected: expected, Actual: actual})
	}
	if !doc.Thumbnail.IsZero() {
		if _, err := r.storage.Stat(ctx, doc.Thumbnail); domain.ErrorCode(err) == domain.NotFound {
			differs(NoThumbnail, doc.Thumbnail, "", "")
		} else if err != nil {
			return nil, err
		}
	}
	if doc.Object.IsZero() {
		differs(RowDamaged, doc.Object, "", "")
		return found, nil
	}
	size, digest, err := r.read(ctx, doc.Object)
	switch {
	case domain.ErrorCode(err) == domain.NotFound:
		differs(BytesMissing, doc.Object, doc.SHA256.String(), "")
	case err != nil:
		return nil, err
	case !doc.SHA256.IsZero() && digest != doc.SHA256:
		differs(BytesDiffer, doc.Object, doc.SHA256.String(), digest.String())
	case size != doc.Size && doc.SHA256.IsZero():
		differs(BytesDiffer, doc.Object, fmt.Sprintf("%d bytes", doc.Size), fmt.Sprintf("%d bytes", size))
	case size != doc.Size:
		differs(SizeDiffers, doc.Object, fmt.Sprintf("%d bytes", doc.Size), fmt.Sprintf("%d bytes", size))
	}
	return found, nil
}

func (r *verification) read(ctx context.Context, key domain.ObjectKey) (int64, domain.Digest, error) {
	content, _, err := r.storage.Get(ctx, key, ports.Range{})
	if err != nil {
		return 0, domain.Digest{}, err
	}
	sum := sha256.New()
	size, err := io.Copy(io.MultiWriter(sum, countingWriter{r}), content)
	if err = errors.Join(err, content.Close()); err != nil {
		return 0, domain.Digest{}, err
	}
	return size, domain.Digest(sum.Sum(nil)), nil
}

// countingWriter tells of what is read.
type countingWriter struct{ r *verification }

// Write implements io.Writer.
func (w countingWriter) Write(p []byte) (int, error) {
	w.r.mu.Lock()
	w.r.report.Bytes += int64(len(p))
	w.r.mu.Unlock()
	w.r.options.Read(int64(len(p)))
	return len(p), nil
}

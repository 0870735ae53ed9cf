package app

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// RestorerDeps are the adapters a Restorer works with. Now may be nil.
type RestorerDeps struct {
	Storage ports.StorageBackend
	Repo    ports.Repository
	Now     Clock
}

// Restorer brings a backup back into an empty vault.
type Restorer struct {
	storage ports.StorageBackend
	repo    ports.Repository
	now     Clock
}

// NewRestorer composes a restorer.
func NewRestorer(deps RestorerDeps) *Restorer {
	return &Restorer{storage: deps.Storage, repo: deps.Repo, now: deps.Now.orSystem()}
}

// RestoreOptions says who is told of a restore. Nil functions tell nobody.
type RestoreOptions struct {
	Total func(bytes int64) // to be read, more than once if it is checked beforehand
	Done  func(bytes int64) // of them
}

// RestoreReport sums a restore up.
type RestoreReport struct {
	Rows    ports.RowCounts // restored
	Objects int             // of the backup
	Bytes   int64           // of the objects
	Kept    int             // of the objects, which an earlier try had stored already
	Deleted int             // documents that are in the backup without their bytes, because they were deleted while it was made
	Pending int             // documents that will be processed
}

// Restore brings everything back, objects first and rows after them, in one transaction: what an error or a crash leaves is objects
// that no row names, which the next try finds there and the sweeper removes. A vault with rows in it is a Conflict with reason
// "not_empty". A damaged backup is Malformed and restores no row and, unless it comes from a pipe, no object. Documents that waited
// or were being processed are pending; the reconciler enqueues them.
func (r *Restorer) Restore(ctx context.Context, source ports.BackupSource, options RestoreOptions) (RestoreReport, error) {
	if options.Total == nil {
		options.Total = func(int64) {}
	}
	if options.Done == nil {
		options.Done = func(int64) {}
	}
	run := &restore{Restorer: r, options: options}
	err := run.all(ctx, source)
	return run.report, err
}

// restore is one run.
type restore struct {
	*Restorer
	options RestoreOptions
	report  RestoreReport
}

func (r *restore) all(ctx context.Context, source ports.BackupSource) error {
	counts, err := r.repo.CountRows(ctx)
	if err != nil {
		return fmt.Errorf("see whether the vault is empty: %w", err)
	}
	if counts != (ports.RowCounts{}) {
		return domain.Errorf(domain.Conflict, "a backup is restored into an empty vault, and this one has %d documents, %d folders and %d topics",
			counts.Documents, counts.Folders, counts.Topics).Because("not_empty")
	}
	if !source.Streams() {
		if err := r.check(ctx, source); err != nil {
			return fmt.Errorf("check the backup: %w", err)
		}
	}
	if err := source.Objects(ctx, func(object ports.BackupObject, content io.Reader) error { return r.object(ctx, object, content) }); err != nil {
		return fmt.Errorf("restore the objects: %w", err)
	}
	notes, err := source.Notes(ctx)
	if err != nil {
		return err
	}
	err = r.repo.RestoreRows(ctx, func(add func(ports.Record) error) error { return r.rows(ctx, source, notes, add) })
	if err != nil {
		return fmt.Errorf("restore the rows: %w", err)
	}
	return nil
}

// check reads all of a backup, so that nothing is restored of a damaged one.
func (r *restore) check(ctx context.Context, source ports.BackupSource) error {
	err := source.Objects(ctx, func(object ports.BackupObject, content io.Reader) error {
		r.options.Total(2 * object.Size)
		_, err := io.Copy(io.Discard, content)
		r.options.Done(object.Size)
		return err
	})
	if err != nil {
		return err
	}
	return source.Rows(ctx, func(ports.Record) error { return nil })
}

// object stores one object, unless it is there.
func (r *restore) object(ctx context.Context, object ports.BackupObject, content io.Reader) error {
	kept, err := r.there(ctx, object)
	if err == nil && !kept {
		_, err = r.storage.Put(ctx, object.Key, content, object.Size, object.ContentType)
	}
	if err != nil {
		return err
	}
	r.report.Objects++
	r.report.Bytes += object.Size
	if kept {
		r.report.Kept++
	}
	r.options.Done(object.Size)
	return nil
}

// there reports whether storage has an object already. Other bytes under its key are a Conflict.
func (r *restore) there(ctx context.Context, object ports.BackupObject) (bool, error) {
	content, _, err := r.storage.Get(ctx, object.Key, ports.Range{})
	if domain.ErrorCode(err) == domain.NotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	sum := sha256.New()
	_, err = io.Copy(sum, content)
	if err = errors.Join(err, content.Close()); err != nil {
		return false, err
	}
	if domain.Digest(sum.Sum(nil)) != object.SHA256 {
		return false, domain.Errorf(domain.Conflict, "storage has other bytes under the key %s", object.Key).Because("other_bytes")
	}
	return true, nil
}

// rows hands on the rows that are restored, as they are to be.
func (r *restore) rows(ctx context.Context, source ports.BackupSource, notes ports.BackupNotes, add func(ports.Record) error) error {
	gone, deleted, now := map[domain.ObjectKey]bool{}, map[domain.DocumentID]bool{}, r.now()
	for _, key := range notes.Gone {
		gone[key] = true
	}
	r.report.Rows, r.report.Deleted, r.report.Pending = ports.RowCounts{}, 0, 0
	return source.Rows(ctx, func(record ports.Record) error {
		switch {
		case record.Folder != nil:
			r.report.Rows.Folders++
		case record.Topic != nil:
			r.report.Rows.Topics++
		case record.Document != nil && gone[record.Document.Object]:
			deleted[record.Document.ID] = true
			r.report.Deleted++
			return nil
		case record.Document != nil:
			r.report.Rows.Documents++
			r.document(&record.Document.Document, notes.Backend, gone, now)
		case record.Filing != nil && deleted[record.Filing.Document]:
			return nil
		case record.Filing != nil:
			r.report.Rows.Filings++
		}
		return add(record)
	})
}

// document changes what is not as it was: where the bytes are, and who works on them.
func (r *restore) document(doc *domain.Document, backend string, gone map[domain.ObjectKey]bool, now time.Time) {
	if doc.Backend == backend {
		doc.Backend = r.storage.Name()
	}
	if gone[doc.Thumbnail] {
		doc.Thumbnail = domain.ObjectKey{}
	}
	doc.Restored(now)
	if doc.Status == domain.Pending {
		r.report.Pending++
	}
}

package app

import (
	"context"
	"fmt"
	"io"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// ExporterDeps are the adapters an Exporter works with. Now may be nil.
type ExporterDeps struct {
	Storage ports.StorageBackend
	Repo    ports.Repository
	Now     Clock
}

// Exporter makes a backup of everything: rows, documents' bytes, thumbnails, and the model of each owner.
type Exporter struct {
	storage ports.StorageBackend
	repo    ports.Repository
	now     Clock
}

// NewExporter composes an exporter.
func NewExporter(deps ExporterDeps) *Exporter {
	return &Exporter{storage: deps.Storage, repo: deps.Repo, now: deps.Now.orSystem()}
}

// ExportOptions says who is told of an export. Nil functions tell nobody.
type ExportOptions struct {
	Found func(Discrepancy) // what the vault has lost, or keeps elsewhere, and so is not in the backup
	Total func(bytes int64) // of the documents, once it is known
	Done  func(bytes int64) // of those that were read, or were in the backup already
}

// StoredElsewhere is a document whose bytes another backend keeps.
const StoredElsewhere DiscrepancyKind = "elsewhere"

// ExportReport sums an export up.
type ExportReport struct {
	Rows      ports.RowCounts
	Objects   int   // in the backup
	Bytes     int64 // of the objects
	Kept      int   // of the objects, which were there from an earlier try
	Deleted   int   // documents deleted while the backup was made: their rows are in it and are not restored
	Different int   // documents with something that Found was told of
}

// Export writes a backup: all rows as they are at one moment, then the objects they name. A document deleted meanwhile is left
// out, and what the vault itself has lost is reported; neither is an error. After an error, and only then, there is no backup.
func (e *Exporter) Export(ctx context.Context, sink ports.BackupSink, options ExportOptions) (ExportReport, error) {
	if options.Found == nil {
		options.Found = func(Discrepancy) {}
	}
	if options.Total == nil {
		options.Total = func(int64) {}
	}
	if options.Done == nil {
		options.Done = func(int64) {}
	}
	run := &export{Exporter: e, sink: sink, options: options}
	err := run.all(ctx)
	return run.report, err
}

// export is one run.
type export struct {
	*Exporter
	sink    ports.BackupSink
	options ExportOptions
	gone    []domain.ObjectKey
	report  ExportReport
}

func (r *export) all(ctx context.Context) error {
	notes := ports.BackupNotes{CreatedAt: r.now(), Backend: r.storage.Name()}
	owners, err := r.rows(ctx)
	if err != nil {
		return fmt.Errorf("back up the rows: %w", err)
	}
	err = r.sink.EachRow(ctx, func(record ports.Record) error {
		if record.Document == nil {
			return nil
		}
		return r.document(ctx, record.Document.Document)
	})
	if err != nil {
		return fmt.Errorf("back up the objects: %w", err)
	}
	for owner := range owners {
		if err := r.model(ctx, owner); err != nil {
			return fmt.Errorf("back up a model: %w", err)
		}
	}
	notes.Rows, notes.Gone = r.report.Rows, r.gone
	return r.sink.Finish(ctx, notes)
}

// rows writes the rows, and returns whose topics there are. No transaction is open any more when the first object is read.
func (r *export) rows(ctx context.Context) (map[domain.Owner]bool, error) {
	owners, total := map[domain.Owner]bool{}, int64(0)
	err := r.sink.PutRows(ctx, func(add func(ports.Record) error) error {
		return r.repo.Snapshot(ctx, func(record ports.Record) error {
			switch {
			case record.Folder != nil:
				r.report.Rows.Folders++
			case record.Topic != nil:
				r.report.Rows.Topics++
				owners[record.Topic.Owner] = true
			case record.Document != nil:
				r.report.Rows.Documents++
				if elsewhere(record.Document.Document, r.storage) == nil {
					total += max(record.Document.Size, 0)
				}
			case record.Filing != nil:
				r.report.Rows.Filings++
			}
			return add(record)
		})
	})
	r.options.Total(total)
	return owners, err
}

// document backs up the objects of a document.
func (r *export) document(ctx context.Context, doc domain.Document) error {
	if elsewhere(doc, r.storage) != nil {
		r.found(Discrepancy{Kind: StoredElsewhere, Document: doc.ID, Object: doc.Object.String()})
		return nil
	}
	if doc.Object.IsZero() {
		r.found(Discrepancy{Kind: RowDamaged, Document: doc.ID})
		return nil
	}
	got, err := r.object(ctx, ports.BackupObject{Key: doc.Object, ContentType: doc.ContentType, Size: -1, SHA256: doc.SHA256})
	r.options.Done(max(doc.Size, 0))
	switch {
	case domain.ErrorCode(err) == domain.NotFound:
		deleted, err := r.deleted(ctx, doc)
		if err != nil {
			return err
		}
		if deleted {
			r.gone = append(r.gone, doc.Object)
			r.report.Deleted++
			return nil
		}
		r.found(Discrepancy{Kind: BytesMissing, Document: doc.ID, Object: doc.Object.String(), Expected: doc.SHA256.String()})
	case err != nil:
		return err
	case !doc.SHA256.IsZero() && got.SHA256 != doc.SHA256:
		r.found(Discrepancy{Kind: BytesDiffer, Document: doc.ID, Object: doc.Object.String(), Expected: doc.SHA256.String(), Actual: got.SHA256.String()})
	}
	return r.thumbnail(ctx, doc)
}

// thumbnail backs up a document's thumbnail. One that is not there is left out of the row when it is restored: the vault does
// without, and makes another when the document is processed again.
func (r *export) thumbnail(ctx context.Context, doc domain.Document) error {
	if doc.Thumbnail.IsZero() {
		return nil
	}
	_, err := r.object(ctx, ports.BackupObject{Key: doc.Thumbnail, ContentType: ThumbnailType, Size: -1})
	if domain.ErrorCode(err) == domain.NotFound {
		r.gone = append(r.gone, doc.Thumbnail)
		return nil
	}
	return err
}

// model backs up the model that an owner's documents are filed by. One that a newer one has just replaced is left out: it is
// learnt again.
func (r *export) model(ctx context.Context, owner domain.Owner) error {
	newest, _, err := modelsOf(ctx, r.storage, owner)
	if err != nil || newest.IsZero() {
		return err
	}
	_, err = r.object(ctx, ports.BackupObject{Key: newest, ContentType: modelType, Size: -1})
	if domain.ErrorCode(err) == domain.NotFound {
		return nil
	}
	return err
}

func (r *export) object(ctx context.Context, want ports.BackupObject) (ports.BackupObject, error) {
	got, kept, err := r.sink.PutObject(ctx, want, func() (io.ReadCloser, error) {
		content, _, err := r.storage.Get(ctx, want.Key, ports.Range{})
		return content, err
	})
	if err != nil {
		return got, err
	}
	r.report.Objects++
	r.report.Bytes += got.Size
	if kept {
		r.report.Kept++
	}
	return got, nil
}

// deleted reports whether a document whose bytes are gone is gone itself.
func (r *export) deleted(ctx context.Context, doc domain.Document) (bool, error) {
	_, err := r.repo.Document(ctx, doc.Owner, doc.ID)
	if domain.ErrorCode(err) == domain.NotFound {
		return true, nil
	}
	return false, err
}

func (r *export) found(d Discrepancy) {
	r.report.Different++
	r.options.Found(d)
}

package postgres

import (
	"time"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
)

// toDomain never fails: a row of Python's may hold a status, key or digest that is not ours. What cannot be understood is left
// zero, so that the row can still be seen and deleted.
func (r documentHead) toDomain() domain.Document {
	doc := domain.Document{
		ID: domain.DocumentID(r.ID), Owner: ownerOf(r.UserID), Folder: folderOf(r.FolderID), Name: domain.FileName(r.Filename),
		ContentType: r.ContentType, Size: r.SizeBytes, Backend: r.StorageBackend, PageCount: r.PageCount, Truncated: r.TextTruncated,
		CreatedAt: domain.Moment(r.CreatedAt), UpdatedAt: domain.Moment(r.UpdatedAt),
		Progress: domain.Progress{
			Status: domain.Status(r.Status), Attempts: domain.Attempt(r.Attempts), Requeues: r.Requeues,
			Task: domain.TaskID(orZero(r.TaskID)), ReconcileAt: domain.Moment(r.ReconcileAt),
		},
	}
	if key, err := domain.ParseObjectKey(r.ObjectKey); err == nil {
		doc.Object = key
	}
	if len(r.SHA256) == len(doc.SHA256) {
		copy(doc.SHA256[:], r.SHA256)
	}
	// Python moves a failed document on without clearing columns it does not know.
	if doc.Status == domain.Failed && (r.FailureCode != nil || r.FailureMessage != nil) {
		doc.Failure = &domain.Failure{Code: orZero(r.FailureCode), Message: orZero(r.FailureMessage)}
	}
	doc.About = r.about()
	if key, err := domain.ParseObjectKey(orZero(r.ThumbnailKey)); err == nil {
		doc.Thumbnail = key
	}
	if r.EnqueuedAt != nil {
		doc.EnqueuedAt = domain.Moment(*r.EnqueuedAt)
	}
	return doc
}

func rowOf(doc domain.Document) documentRow {
	p := progressOf(doc)
	row := documentRow{Head: documentHead{
		ID: uuid.UUID(doc.ID), UserID: nullable(uuid.UUID(doc.Owner)), FolderID: nullable(uuid.UUID(doc.Folder)),
		Filename: string(doc.Name), ObjectKey: doc.Object.String(), ContentType: doc.ContentType, SizeBytes: doc.Size,
		StorageBackend: doc.Backend, Status: p.status, CreatedAt: domain.Moment(doc.CreatedAt), UpdatedAt: p.updatedAt,
		FailureCode: p.failureCode, FailureMessage: p.failureMessage, Attempts: p.attempts, Requeues: p.requeues,
		TaskID: p.taskID, EnqueuedAt: p.enqueuedAt, ReconcileAt: p.reconcileAt, PageCount: doc.PageCount, TextTruncated: doc.Truncated,
	}}
	row.Head.setAbout(doc.About)
	row.Head.ThumbnailKey = nullable(doc.Thumbnail.String())
	if !doc.SHA256.IsZero() {
		row.Head.SHA256 = doc.SHA256[:]
	}
	return row
}

func (r documentHead) about() domain.About {
	return domain.About{Title: orZero(r.Title), Author: orZero(r.Author), Language: orZero(r.Language), Warning: orZero(r.Warning),
		AuthoredAt: domain.Moment(orZero(r.AuthoredAt)), ModifiedAt: domain.Moment(orZero(r.ModifiedAt))}
}

func (r *documentHead) setAbout(a domain.About) {
	r.Title, r.Author, r.Language = nullable(storable(a.Title)), nullable(storable(a.Author)), nullable(storable(a.Language))
	r.Warning = nullable(storable(a.Warning))
	r.AuthoredAt, r.ModifiedAt = nullable(domain.Moment(a.AuthoredAt)), nullable(domain.Moment(a.ModifiedAt))
}

// progress is what processing changes, as the columns hold it.
type progress struct {
	status         string
	failureCode    *string
	failureMessage *string
	attempts       int
	requeues       int
	taskID         *string
	enqueuedAt     *time.Time
	reconcileAt    time.Time
	updatedAt      time.Time
}

func progressOf(doc domain.Document) progress {
	p := progress{
		status: string(doc.Status), attempts: int(doc.Attempts), requeues: doc.Requeues, taskID: nullable(string(doc.Task)),
		reconcileAt: domain.Moment(doc.ReconcileAt), updatedAt: domain.Moment(doc.UpdatedAt),
	}
	if doc.Failure != nil {
		code, message := storable(doc.Failure.Code), storable(doc.Failure.Message)
		p.failureCode, p.failureMessage = &code, &message
	}
	if !doc.EnqueuedAt.IsZero() {
		at := domain.Moment(doc.EnqueuedAt)
		p.enqueuedAt = &at
	}
	return p
}

func (r topicRow) toDomain() domain.Topic {
	return domain.Topic{ID: domain.TopicID(r.ID), Owner: ownerOf(r.UserID), Name: domain.TopicName(r.Name), Description: r.Description,
		Color: domain.Color(r.Color)}
}

func topicRowOf(t domain.Topic) topicRow {
	return topicRow{ID: uuid.UUID(t.ID), UserID: nullable(uuid.UUID(t.Owner)), Name: string(t.Name), Description: t.Description, Color: string(t.Color)}
}

func (r folderRow) toDomain() domain.Folder {
	return domain.Folder{ID: domain.FolderID(r.ID), Owner: ownerOf(r.UserID), Parent: folderOf(r.ParentID), Name: domain.FolderName(r.Name)}
}

func ownerOf(id *uuid.UUID) domain.Owner { return domain.Owner(orZero(id)) }

func folderOf(id *uuid.UUID) domain.FolderID { return domain.FolderID(orZero(id)) }

// nullable keeps a zero value as NULL.
func nullable[T comparable](v T) *T {
	if v == *new(T) {
		return nil
	}
	return &v
}

func orZero[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

package postgres

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm/clause"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// advanceTries bounds how often Advance starts over. Each time somebody else got ahead, so that this many in a row mean
// that something moves the document without end.
const advanceTries = 100

// Advance implements ports.Processing by compare and swap: the row is stored if it still is what move was shown.
func (s session) Advance(ctx context.Context, id domain.DocumentID, move func(*domain.Document) error) (domain.Document, error) {
	for range advanceTries {
		found, err := s.heads(ctx, "SELECT "+headList+" FROM documents WHERE id = $1", uuid.UUID(id))
		if err != nil {
			return domain.Document{}, err
		}
		if len(found) == 0 {
			return domain.Document{}, notFound("document")
		}
		before := found[0].toDomain()
		moved := before
		if err := move(&moved); err != nil {
			return before, err
		}
		doc := before
		doc.Progress, doc.UpdatedAt = moved.Progress, moved.UpdatedAt
		if sameProgress(before, doc) {
			return doc, nil
		}
		swapped, err := s.swap(ctx, found[0], doc)
		if err != nil {
			return domain.Document{}, err
		}
		if swapped {
			return normal(doc), nil
		}
	}
	return domain.Document{}, domain.Errorf(domain.Unavailable, "the document is being moved by too many at once")
}

const swap = `
UPDATE documents
SET status = $2, failure_code = $3, failure_message = $4, attempts = $5, requeues = $6, task_id = $7, enqueued_at = $8, reconcile_at = $9,
    updated_at = coalesce($10, updated_at)
WHERE id = $1 AND status = $11 AND attempts = $12 AND requeues = $13 AND reconcile_at = $14
  AND task_id IS NOT DISTINCT FROM $15 AND enqueued_at IS NOT DISTINCT FROM $16`

// swap stores a document's progress if nobody moved it since it was read.
func (s session) swap(ctx context.Context, read documentHead, doc domain.Document) (bool, error) {
	p := progressOf(doc)
	var updatedAt *time.Time
	if !p.updatedAt.Equal(read.UpdatedAt) { // else a person's edit may have a newer one
		updatedAt = &p.updatedAt
	}
	changed, err := s.exec(ctx, swap, read.ID, p.status, p.failureCode, p.failureMessage, p.attempts, p.requeues, p.taskID, p.enqueuedAt,
		p.reconcileAt, updatedAt, read.Status, read.Attempts, read.Requeues, read.ReconcileAt, read.TaskID, read.EnqueuedAt)
	return changed == 1, err
}

func sameProgress(a, b domain.Document) bool {
	return a.Status == b.Status && a.Attempts == b.Attempts && a.Requeues == b.Requeues && a.Task == b.Task &&
		orZero(a.Failure) == orZero(b.Failure) && (a.Failure == nil) == (b.Failure == nil) &&
		a.EnqueuedAt.Equal(b.EnqueuedAt) && a.ReconcileAt.Equal(b.ReconcileAt) && a.UpdatedAt.Equal(b.UpdatedAt)
}

// normal returns a document's progress as it reads back.
func normal(doc domain.Document) domain.Document {
	kept := rowOf(doc).Head.toDomain()
	doc.Progress, doc.UpdatedAt = kept.Progress, kept.UpdatedAt
	return doc
}

// complete stores an outcome in one statement, so that it costs one round trip and holds together without a transaction
// around it. The update comes first and everything else depends on the row it returns. The topics are locked before any
// filing is touched, as DeleteTopic does it, so that the two do not wait for one another. It returns the document and, as JSON,
// what it is filed under now.
const complete = `
WITH d AS (
	UPDATE documents
	SET status = $3, failure_code = NULL, failure_message = NULL, requeues = $4, updated_at = $5,
	    extracted_text = $6, text_truncated = $7, page_count = $8, page_starts = $12, title = $13, author = $14, language = $15,
	    authored_at = $16, modified_at = $17, warning = $18, thumbnail_key = $19
	WHERE id = $1 AND status = 'processing' AND attempts = $2
	RETURNING ` + headList + `
), t AS MATERIALIZED (
	SELECT topics.id, s.confidence, s.suggested_by
	FROM d, unnest($9::uuid[], $10::float8[], $11::text[]) AS s (id, confidence, suggested_by)
	JOIN topics ON topics.id = s.id
	WHERE topics.user_id IS NOT DISTINCT FROM d.user_id
	ORDER BY topics.id
	FOR KEY SHARE OF topics
), gone AS (
	DELETE FROM document_topics f USING d
	WHERE f.document_id = d.id AND NOT f.confirmed AND NOT f.rejected AND f.topic_id NOT IN (SELECT id FROM t)
), added AS (
	INSERT INTO document_topics (document_id, topic_id, confirmed, confidence, suggested_by)
	SELECT d.id, t.id, false, t.confidence, t.suggested_by FROM d, t
	ON CONFLICT (document_id, topic_id) DO UPDATE SET confidence = excluded.confidence, suggested_by = excluded.suggested_by
	WHERE NOT document_topics.confirmed AND NOT document_topics.rejected
	RETURNING topic_id, confirmed, confidence, rejected, suggested_by
), filed AS (
	SELECT * FROM added
	UNION ALL
	SELECT f.topic_id, f.confirmed, f.confidence, f.rejected, f.suggested_by FROM d JOIN document_topics f ON f.document_id = d.id
	WHERE (f.confirmed OR f.rejected) AND f.topic_id NOT IN (SELECT topic_id FROM added)
)
SELECT ` + headList + `, (
	SELECT json_agg(json_build_object('topic', topics.id, 'name', topics.name, 'color', topics.color,
	                                  'confirmed', filed.confirmed, 'confidence', filed.confidence,
	                                  'rejected', filed.rejected, 'by', filed.suggested_by) ORDER BY topics.name, topics.id)
	FROM filed JOIN topics ON topics.id = filed.topic_id
) FROM d`

// Complete implements ports.Processing. Of Progress it writes what Finish and Fail change: the lease and the task may have
// moved on in the row since the holder read it.
func (s session) Complete(ctx context.Context, held domain.Attempt, doc domain.Document, outcome ports.Outcome) (domain.Document, error) {
	if doc.Status != domain.Ready {
		return s.completeFailure(ctx, held, doc)
	}
	p := progressOf(doc)
	topics, confidences, by := suggestionColumns(outcome.Suggestions)
	var about documentHead
	about.setAbout(outcome.About)
	var stored []documentHead
	var filed []byte
	err := s.query(ctx, func(rows *sql.Rows) error {
		stored = append(stored, documentHead{})
		return rows.Scan(append(stored[0].targets(), &filed)...)
	}, complete, uuid.UUID(doc.ID), int(held), p.status, p.requeues, p.updatedAt, storable(outcome.Text), outcome.Truncated,
		outcome.PageCount, topics, confidences, by, integers(outcome.PageStarts), about.Title, about.Author, about.Language,
		about.AuthoredAt, about.ModifiedAt, about.Warning, nullable(outcome.Thumbnail.String()))
	if err != nil {
		return domain.Document{}, err
	}
	if len(stored) == 0 {
		return domain.Document{}, s.lostHold(ctx, held, doc.ID)
	}
	now := stored[0].toDomain()
	return now, readFilings(filed, &now)
}

// completeFailure stores what became of a document that cannot be read.
func (s session) completeFailure(ctx context.Context, held domain.Attempt, doc domain.Document) (domain.Document, error) {
	p := progressOf(doc)
	var stored []documentHead
	err := s.on(ctx).Model(&stored).Clauses(clause.Returning{Columns: headColumns()}).
		Where("id = ? AND status = ? AND attempts = ?", uuid.UUID(doc.ID), string(domain.Processing), int(held)).
		Updates(map[string]any{"status": p.status, "failure_code": p.failureCode, "failure_message": p.failureMessage,
			"requeues": p.requeues, "updated_at": p.updatedAt}).Error
	if err != nil {
		return domain.Document{}, translate(ctx, err)
	}
	if len(stored) == 0 {
		return domain.Document{}, s.lostHold(ctx, held, doc.ID)
	}
	now := stored[0].toDomain()
	return now, s.loadTopics(ctx, &now)
}

// readFilings reads what the statement complete returns into the document; nil is none.
func readFilings(text []byte, doc *domain.Document) error {
	if text == nil {
		return nil
	}
	var rows []struct {
		Topic       uuid.UUID
		Name, Color string
		Confirmed   bool
		Confidence  *float64
		Rejected    bool
		By          *string
	}
	if err := json.Unmarshal(text, &rows); err != nil {
		return domain.Wrap(domain.Internal, err, "the database answered something unexpected")
	}
	for _, row := range rows {
		filing := filingRow{TopicID: row.Topic, Confirmed: row.Confirmed, Confidence: row.Confidence, Rejected: row.Rejected, SuggestedBy: row.By}
		filing.into(doc, row.Name, row.Color)
	}
	sortTopics(doc.Rejected)
	return nil
}

// suggestionColumns drops topics that are suggested twice: the first counts.
func suggestionColumns(suggestions []domain.Suggestion) (topics []uuid.UUID, confidences []float64, by []*string) {
	topics, confidences, by = []uuid.UUID{}, []float64{}, []*string{}
	for _, suggestion := range suggestions {
		if topic := uuid.UUID(suggestion.Topic); !slices.Contains(topics, topic) {
			topics, confidences = append(topics, topic), append(confidences, suggestion.Confidence)
			by = append(by, nullable(storable(suggestion.By)))
		}
	}
	return topics, confidences, by
}

// lostHold says why an outcome was not stored.
func (s session) lostHold(ctx context.Context, held domain.Attempt, id domain.DocumentID) error {
	var found []uuid.UUID
	if err := s.documents(ctx).Where("id = ?", uuid.UUID(id)).Pluck("id", &found).Error; err != nil {
		return translate(ctx, err)
	}
	if len(found) == 0 {
		return notFound("document")
	}
	return domain.Errorf(domain.Conflict, "attempt %d no longer holds the document", held).Because("lost_hold")
}

// RecoverOverdue implements ports.Processing. The statuses stand in the query as in the index ix_documents_reconcile.
func (s session) RecoverOverdue(ctx context.Context, overdue ports.Overdue, decide func(*domain.Document) domain.Verdict) ([]ports.Recovered, error) {
	if overdue.Limit < 1 {
		return nil, nil
	}
	var recovered []ports.Recovered
	err := s.inTx(ctx, func(tx session) error {
		query := tx.documents(ctx).Where("status IN ('pending', 'processing')")
		if overdue.Beyond.IsZero() {
			query = query.Where("reconcile_at <= ?", domain.Moment(overdue.By))
		} else {
			query = query.Where("reconcile_at > ?", domain.Moment(overdue.Beyond))
		}
		if overdue.QueuedSince != nil {
			query = query.Where("(status = 'processing' OR enqueued_at IS NULL OR enqueued_at < ?)", domain.Moment(*overdue.QueuedSince))
		}
		var heads []documentHead
		err := query.Order("reconcile_at").Limit(overdue.Limit).Clauses(clause.Locking{Strength: "NO KEY UPDATE", Options: "SKIP LOCKED"}).Find(&heads).Error
		if err != nil {
			return translate(ctx, err)
		}
		var changed progressColumns
		for _, head := range heads {
			before := head.toDomain()
			doc := before
			verdict := decide(&doc)
			doc = normal(doc)
			if !sameProgress(before, doc) {
				changed.add(doc)
			}
			recovered = append(recovered, ports.Recovered{Document: doc, Verdict: verdict})
		}
		return tx.storeProgress(ctx, changed)
	})
	if err != nil {
		return nil, err
	}
	return recovered, nil
}

// progressColumns is the progress of many documents, by columns.
type progressColumns struct {
	ids            []uuid.UUID
	status         []string
	failureCode    []*string
	failureMessage []*string
	attempts       []int
	requeues       []int
	taskID         []*string
	enqueuedAt     []*time.Time
	reconcileAt    []time.Time
	updatedAt      []time.Time
}

func (c *progressColumns) add(doc domain.Document) {
	p := progressOf(doc)
	c.ids, c.status = append(c.ids, uuid.UUID(doc.ID)), append(c.status, p.status)
	c.failureCode, c.failureMessage = append(c.failureCode, p.failureCode), append(c.failureMessage, p.failureMessage)
	c.attempts, c.requeues, c.taskID = append(c.attempts, p.attempts), append(c.requeues, p.requeues), append(c.taskID, p.taskID)
	c.enqueuedAt, c.reconcileAt = append(c.enqueuedAt, p.enqueuedAt), append(c.reconcileAt, p.reconcileAt)
	c.updatedAt = append(c.updatedAt, p.updatedAt)
}

// storeProgress stores all of it in one statement, of rows that are locked.
func (s session) storeProgress(ctx context.Context, c progressColumns) error {
	if len(c.ids) == 0 {
		return nil
	}
	return translate(ctx, s.on(ctx).Exec(`
UPDATE documents d
SET status = n.status, failure_code = n.failure_code, failure_message = n.failure_message, attempts = n.attempts,
    requeues = n.requeues, task_id = n.task_id, enqueued_at = n.enqueued_at, reconcile_at = n.reconcile_at, updated_at = n.updated_at
FROM unnest(?::uuid[], ?::text[], ?::text[], ?::text[], ?::int[], ?::int[], ?::text[], ?::timestamptz[], ?::timestamptz[], ?::timestamptz[])
     AS n (id, status, failure_code, failure_message, attempts, requeues, task_id, enqueued_at, reconcile_at, updated_at)
WHERE d.id = n.id`, &c.ids, &c.status, &c.failureCode, &c.failureMessage, &c.attempts, &c.requeues, &c.taskID, &c.enqueuedAt,
		&c.reconcileAt, &c.updatedAt).Error)
}

const namedObjects = `
SELECT object_key FROM documents WHERE object_key = ANY($1)
UNION
SELECT thumbnail_key FROM documents WHERE thumbnail_key = ANY($1)`

// NamedObjects implements ports.Processing.
func (s session) NamedObjects(ctx context.Context, keys []domain.ObjectKey) (map[domain.ObjectKey]bool, error) {
	named := make(map[domain.ObjectKey]bool, len(keys))
	if len(keys) == 0 {
		return named, nil
	}
	texts := make([]string, len(keys))
	for i, key := range keys {
		texts[i] = key.String()
	}
	var found []string
	err := s.query(ctx, func(rows *sql.Rows) error {
		found = append(found, "")
		return rows.Scan(&found[len(found)-1])
	}, namedObjects, texts)
	if err != nil {
		return nil, err
	}
	for _, text := range found {
		if key, err := domain.ParseObjectKey(text); err == nil {
			named[key] = true
		}
	}
	return named, nil
}

// DocumentsAfter implements ports.Processing.
func (s session) DocumentsAfter(ctx context.Context, after *domain.DocumentID, limit int) ([]domain.Document, error) {
	if limit < 1 {
		return nil, nil
	}
	query := s.documents(ctx)
	if after != nil {
		query = query.Where("id > ?", uuid.UUID(*after))
	}
	var heads []documentHead
	if err := query.Order("id").Limit(limit).Find(&heads).Error; err != nil {
		return nil, translate(ctx, err)
	}
	docs := make([]domain.Document, len(heads))
	for i, head := range heads {
		docs[i] = head.toDomain()
	}
	return docs, nil
}

package postgres

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/fnv"
	"slices"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/docuvault/docuvault/domain"
)

// isOwner is true of one owner's rows. Nobody's are those without a user (D-03).
func isOwner(owner domain.Owner) clause.Expr {
	if owner.IsNobody() {
		return gorm.Expr("user_id IS NULL")
	}
	return gorm.Expr("user_id = ?", uuid.UUID(owner))
}

// ownedBy keeps a query to one owner's rows.
func ownedBy(owner domain.Owner) func(*gorm.DB) *gorm.DB {
	return func(db *gorm.DB) *gorm.DB { return db.Where(isOwner(owner)) }
}

// documents is a query of documents. What it selects depends on what it is read into: a documentHead leaves out the text.
func (s session) documents(ctx context.Context) *gorm.DB { return s.on(ctx).Model(&documentRow{}) }

// AddDocument implements ports.Documents. A document in no folder and under no topic is one INSERT.
func (s session) AddDocument(ctx context.Context, doc domain.Document) error {
	row := rowOf(doc).Head
	if doc.Folder.IsZero() && len(doc.Topics)+len(doc.Rejected) == 0 {
		return s.insert(ctx, row)
	}
	return s.inTx(ctx, func(tx session) error {
		if err := tx.mustHaveFolder(ctx, doc.Owner, doc.Folder, "folder_id"); err != nil {
			return err
		}
		filings := filingRows(doc)
		if err := tx.mustHaveTopics(ctx, doc.Owner, filings); err != nil {
			return err
		}
		if err := tx.insert(ctx, row); err != nil {
			return err
		}
		return tx.addFilings(ctx, filings)
	})
}

const insert = "INSERT INTO documents (" + headList + `)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
        $22, $23, $24, $25, $26, $27, $28, $29)`

func (s session) insert(ctx context.Context, row documentHead) error {
	_, err := s.exec(ctx, insert, row.values()...)
	return err
}

// values are those of the columns of headList.
func (h documentHead) values() []any {
	return []any{h.ID, h.UserID, h.FolderID, h.Filename, h.ObjectKey, h.ContentType, h.SizeBytes, h.StorageBackend, h.Status, h.CreatedAt,
		h.UpdatedAt, h.SHA256, h.FailureCode, h.FailureMessage, h.Attempts, h.Requeues, h.TaskID, h.EnqueuedAt, h.ReconcileAt, h.PageCount,
		h.TextTruncated, h.Title, h.Author, h.Language, h.AuthoredAt, h.ModifiedAt, h.Warning, h.ThumbnailKey, h.IdempotencyKey}
}

// mustHaveFolder makes sure that the owner has the folder, until the transaction ends. The zero folder is none.
func (s session) mustHaveFolder(ctx context.Context, owner domain.Owner, id domain.FolderID, field string) error {
	if id.IsZero() {
		return nil
	}
	var found []uuid.UUID
	err := s.on(ctx).Model(&folderRow{}).Scopes(ownedBy(owner)).Clauses(lockedFor("KEY SHARE")).Where("id = ?", uuid.UUID(id)).Pluck("id", &found).Error
	if err != nil {
		return translate(ctx, err)
	}
	if len(found) == 0 {
		return domain.InvalidField(field, "there is no folder %s", id)
	}
	return nil
}

// mustHaveTopics makes sure that the owner has the topics of the filings, until the transaction ends.
func (s session) mustHaveTopics(ctx context.Context, owner domain.Owner, filings []filingRow) error {
	if len(filings) == 0 {
		return nil
	}
	ids := make([]uuid.UUID, len(filings))
	for i, filing := range filings {
		ids[i] = filing.TopicID
	}
	var found []uuid.UUID
	// In order, so that two transactions never wait for one another.
	err := s.on(ctx).Model(&topicRow{}).Scopes(ownedBy(owner)).Clauses(lockedFor("KEY SHARE")).Where("id = ANY(?)", &ids).Order("id").Pluck("id", &found).Error
	if err != nil {
		return translate(ctx, err)
	}
	for _, id := range ids {
		if !slices.Contains(found, id) {
			return domain.InvalidField("topic_ids", "there is no topic %s", id)
		}
	}
	return nil
}

func (s session) addFilings(ctx context.Context, filings []filingRow) error {
	if len(filings) == 0 {
		return nil
	}
	return translate(ctx, s.on(ctx).Create(&filings).Error)
}

// lockedFor locks the rows a query reads until the transaction ends. KEY SHARE keeps them from being deleted and lets anything
// else happen; NO KEY UPDATE keeps them from being changed, but not from being referred to; UPDATE keeps them from both.
func lockedFor(strength string) clause.Locking { return clause.Locking{Strength: strength} }

// filingRows are a document's rows in document_topics, rejected ones included. Of a topic that is named twice the first counts.
func filingRows(doc domain.Document) []filingRow {
	rows := make([]filingRow, 0, len(doc.Topics)+len(doc.Rejected))
	add := func(row filingRow) {
		if !slices.ContainsFunc(rows, func(r filingRow) bool { return r.TopicID == row.TopicID }) {
			rows = append(rows, row)
		}
	}
	for _, f := range doc.Topics {
		add(filingRow{DocumentID: uuid.UUID(doc.ID), TopicID: uuid.UUID(f.Topic), Confirmed: f.Confirmed, Confidence: f.Confidence, SuggestedBy: nullable(storable(f.By))})
	}
	for _, topic := range doc.Rejected {
		add(filingRow{DocumentID: uuid.UUID(doc.ID), TopicID: uuid.UUID(topic), Rejected: true})
	}
	return rows
}

// LockContent implements ports.Documents. Two contents whose 64-bit hash is the same wait for one another, which is no harm.
func (s session) LockContent(ctx context.Context, owner domain.Owner, digest domain.Digest) error {
	return s.lock(ctx, lockContent, owner[:], digest[:])
}

// What a lock of ours is for, so that hashes for different purposes do not meet.
const (
	lockContent = "docuvault content"
	lockFolders = "docuvault folders"
)

// lock holds an advisory lock until the transaction ends.
func (s session) lock(ctx context.Context, purpose string, parts ...[]byte) error {
	hash := fnv.New64a()
	hash.Write([]byte(purpose)) // a hash takes everything
	for _, part := range parts {
		hash.Write(part) // a hash takes everything
	}
	key := int64(binary.BigEndian.Uint64(hash.Sum(nil))) // any 64 bits will do
	return translate(ctx, s.on(ctx).Exec("SELECT pg_advisory_xact_lock(?)", key).Error)
}

// Document implements ports.Documents.
func (s session) Document(ctx context.Context, owner domain.Owner, id domain.DocumentID) (domain.Document, error) {
	return s.oneDocument(ctx, owner, func(db *gorm.DB) *gorm.DB { return db.Where("id = ?", uuid.UUID(id)) })
}

// DocumentText implements ports.Documents.
func (s session) DocumentText(ctx context.Context, owner domain.Owner, id domain.DocumentID) (string, error) {
	var found []string
	err := s.documents(ctx).Scopes(ownedBy(owner)).Where("id = ?", uuid.UUID(id)).Pluck("coalesce(extracted_text, '')", &found).Error
	if err != nil {
		return "", translate(ctx, err)
	}
	if len(found) == 0 {
		return "", notFound("document")
	}
	return found[0], nil
}

// PageStarts implements ports.Documents.
func (s session) PageStarts(ctx context.Context, owner domain.Owner, id domain.DocumentID) ([]int, error) {
	var found []integers
	if err := s.documents(ctx).Scopes(ownedBy(owner)).Where("id = ?", uuid.UUID(id)).Pluck("page_starts", &found).Error; err != nil {
		return nil, translate(ctx, err)
	}
	if len(found) == 0 {
		return nil, notFound("document")
	}
	return found[0], nil
}

// DocumentByContent implements ports.Documents. That the order does not begin with user_id keeps the planner from walking the
// owner's whole list in it.
func (s session) DocumentByContent(ctx context.Context, owner domain.Owner, digest domain.Digest) (domain.Document, error) {
	return s.oneDocument(ctx, owner, func(db *gorm.DB) *gorm.DB {
		return db.Where("sha256 = ?", digest[:]).Order("created_at").Order("id")
	})
}

// DocumentByKey implements ports.Documents.
func (s session) DocumentByKey(ctx context.Context, owner domain.Owner, key string) (domain.Document, error) {
	if !holds(key) {
		return domain.Document{}, notFound("document")
	}
	return s.oneDocument(ctx, owner, func(db *gorm.DB) *gorm.DB { return db.Where("idempotency_key = ?", key) })
}

// DocumentByTask implements ports.Documents.
func (s session) DocumentByTask(ctx context.Context, owner domain.Owner, task domain.TaskID) (domain.Document, error) {
	if task == "" || !holds(string(task)) {
		return domain.Document{}, notFound("document")
	}
	return s.oneDocument(ctx, owner, func(db *gorm.DB) *gorm.DB {
		return db.Where("task_id = ?", string(task)).Order("created_at").Order("id")
	})
}

// oneDocument returns the first document that the scope selects, with its topics.
func (s session) oneDocument(ctx context.Context, owner domain.Owner, scope func(*gorm.DB) *gorm.DB) (domain.Document, error) {
	var head documentHead
	if err := s.documents(ctx).Scopes(ownedBy(owner), scope).Take(&head).Error; err != nil {
		return domain.Document{}, named(ctx, "document", err)
	}
	doc := head.toDomain()
	return doc, s.loadTopics(ctx, &doc)
}

// loadTopics fills in the topics of documents, in order of their names, by one query for all of them.
func (s session) loadTopics(ctx context.Context, docs ...*domain.Document) error {
	if len(docs) == 0 {
		return nil
	}
	ids, byID := make([]uuid.UUID, len(docs)), make(map[uuid.UUID]*domain.Document, len(docs))
	for i, doc := range docs {
		ids[i], byID[uuid.UUID(doc.ID)] = uuid.UUID(doc.ID), doc
		doc.Topics, doc.Rejected = nil, nil
	}
	var rows []struct {
		Filing filingRow `gorm:"embedded"`
		Name   string
		Color  string
	}
	err := s.on(ctx).Table("document_topics AS f").Joins("JOIN topics t ON t.id = f.topic_id").Where("f.document_id = ANY(?)", &ids).
		Select("f.document_id, f.topic_id, f.confirmed, f.confidence, f.rejected, f.suggested_by, t.name, t.color").Order("t.name, t.id").Scan(&rows).Error
	if err != nil {
		return translate(ctx, err)
	}
	for _, row := range rows {
		row.Filing.into(byID[row.Filing.DocumentID], row.Name, row.Color)
	}
	for _, doc := range docs {
		sortTopics(doc.Rejected)
	}
	return nil
}

// EditDocument implements ports.Documents. The row is locked, so that edits take turns; the columns of processing are not
// written, so that a worker's move is not undone.
func (s session) EditDocument(ctx context.Context, owner domain.Owner, id domain.DocumentID, now time.Time, edit func(*domain.Document) error) (domain.Document, error) {
	var doc domain.Document
	err := s.inTx(ctx, func(tx session) (err error) {
		doc, err = tx.oneDocument(ctx, owner, func(db *gorm.DB) *gorm.DB {
			return db.Where("id = ?", uuid.UUID(id)).Clauses(lockedFor("NO KEY UPDATE"))
		})
		if err != nil {
			return err
		}
		edited := doc
		edited.Topics, edited.Rejected = slices.Clone(doc.Topics), slices.Clone(doc.Rejected)
		if err := edit(&edited); err != nil {
			return err
		}
		if edited.Folder != doc.Folder {
			if err := tx.mustHaveFolder(ctx, owner, edited.Folder, "folder_id"); err != nil {
				return err
			}
		}
		if err := tx.refile(ctx, owner, id, filingRows(doc), filingRows(edited)); err != nil {
			return err
		}
		doc.Name, doc.Folder, doc.UpdatedAt = edited.Name, edited.Folder, domain.Moment(now)
		err = tx.documents(ctx).Where("id = ?", uuid.UUID(id)).Updates(map[string]any{
			"filename": string(doc.Name), "folder_id": nullable(uuid.UUID(doc.Folder)), "updated_at": doc.UpdatedAt,
		}).Error
		if err != nil {
			return translate(ctx, err)
		}
		return tx.loadTopics(ctx, &doc)
	})
	if err != nil {
		return domain.Document{}, err
	}
	return doc, nil
}

// refile turns the filings of a document from before into after. Those that stay as they are are not touched.
func (s session) refile(ctx context.Context, owner domain.Owner, id domain.DocumentID, before, after []filingRow) error {
	var gone []uuid.UUID
	for _, old := range before {
		if !slices.ContainsFunc(after, func(r filingRow) bool { return r.TopicID == old.TopicID }) {
			gone = append(gone, old.TopicID)
		}
	}
	var changed, added []filingRow
	for _, filing := range after {
		i := slices.IndexFunc(before, func(r filingRow) bool { return r.TopicID == filing.TopicID })
		switch {
		case i < 0:
			added = append(added, filing)
		case before[i].Confirmed != filing.Confirmed || before[i].Rejected != filing.Rejected || !sameConfidence(before[i].Confidence, filing.Confidence):
			changed = append(changed, filing)
		}
	}
	if err := s.mustHaveTopics(ctx, owner, added); err != nil {
		return err
	}
	if len(gone) > 0 {
		if err := s.on(ctx).Where("document_id = ? AND topic_id = ANY(?)", uuid.UUID(id), &gone).Delete(&filingRow{}).Error; err != nil {
			return translate(ctx, err)
		}
	}
	for _, filing := range changed {
		err := s.on(ctx).Model(&filing).Updates(map[string]any{
			"confirmed": filing.Confirmed, "confidence": filing.Confidence, "rejected": filing.Rejected, "suggested_by": filing.SuggestedBy}).Error
		if err != nil {
			return translate(ctx, err)
		}
	}
	return s.addFilings(ctx, added)
}

// into adds the row to what a document is filed under or was rejected from.
func (r filingRow) into(doc *domain.Document, name, color string) {
	if r.Rejected {
		doc.Rejected = append(doc.Rejected, domain.TopicID(r.TopicID))
		return
	}
	doc.Topics = append(doc.Topics, domain.Filing{Topic: domain.TopicID(r.TopicID), Name: domain.TopicName(name), Color: domain.Color(color),
		Confirmed: r.Confirmed, Confidence: r.Confidence, By: orZero(r.SuggestedBy)})
}

func sortTopics(ids []domain.TopicID) {
	slices.SortFunc(ids, func(a, b domain.TopicID) int { return bytes.Compare(a[:], b[:]) })
}

func sameConfidence(a, b *float64) bool { return a == b || a != nil && b != nil && *a == *b }

// DeleteDocument implements ports.Documents.
func (s session) DeleteDocument(ctx context.Context, owner domain.Owner, id domain.DocumentID) (domain.Document, error) {
	var gone []documentHead
	err := s.on(ctx).Scopes(ownedBy(owner)).Clauses(clause.Returning{Columns: headColumns()}).Where("id = ?", uuid.UUID(id)).Delete(&gone).Error
	if err != nil {
		return domain.Document{}, translate(ctx, err)
	}
	if len(gone) == 0 {
		return domain.Document{}, notFound("document")
	}
	return gone[0].toDomain(), nil
}

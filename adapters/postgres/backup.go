package postgres

import (
	"context"
	"database/sql"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// How many rows one statement of a snapshot reads, so that none takes longer than statements may. Documents have their texts with them.
const documentPage, filingPage = 64, 1000

// CountRows implements ports.Rows.
func (s session) CountRows(ctx context.Context) (counts ports.RowCounts, err error) {
	const statement = `SELECT (SELECT count(*) FROM folders), (SELECT count(*) FROM topics), (SELECT count(*) FROM documents),
       (SELECT count(*) FROM document_topics)`
	err = s.query(ctx, func(rows *sql.Rows) error {
		return rows.Scan(&counts.Folders, &counts.Topics, &counts.Documents, &counts.Filings)
	}, statement)
	return counts, err
}

// Snapshot implements ports.Rows.
func (s session) Snapshot(ctx context.Context, each func(ports.Record) error) error {
	if s.tx {
		return domain.Errorf(domain.Internal, "a snapshot is a transaction of its own")
	}
	var own error // of each, which is passed on as it is
	err := s.inTx(ctx, func(tx session) error {
		if _, err := tx.exec(ctx, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"); err != nil {
			return err
		}
		for _, table := range []func(context.Context, func(ports.Record) error) error{
			tx.snapshotFolders, tx.snapshotTopics, tx.snapshotDocuments, tx.snapshotFilings,
		} {
			if err := table(ctx, func(record ports.Record) error {
				own = each(record)
				return own
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if own != nil {
		return own
	}
	return err
}

func (s session) snapshotFolders(ctx context.Context, each func(ports.Record) error) error {
	const statement = `WITH RECURSIVE tree AS (
  SELECT id, 0 AS depth FROM folders WHERE parent_id IS NULL
  UNION ALL SELECT folders.id, depth + 1 FROM folders JOIN tree ON folders.parent_id = tree.id)
SELECT id, user_id, parent_id, name, created_at FROM tree JOIN folders USING (id) ORDER BY depth, id`
	return s.query(ctx, func(rows *sql.Rows) error {
		var row folderRow
		if err := rows.Scan(&row.ID, &row.UserID, &row.ParentID, &row.Name, &row.CreatedAt); err != nil {
			return err
		}
		return each(ports.Record{Folder: &ports.FolderRecord{Folder: row.toDomain(), CreatedAt: domain.Moment(row.CreatedAt)}})
	}, statement)
}

func (s session) snapshotTopics(ctx context.Context, each func(ports.Record) error) error {
	return s.query(ctx, func(rows *sql.Rows) error {
		var row topicRow
		if err := rows.Scan(&row.ID, &row.UserID, &row.Name, &row.Description, &row.Color); err != nil {
			return err
		}
		topic := row.toDomain()
		return each(ports.Record{Topic: &topic})
	}, "SELECT id, user_id, name, description, color FROM topics ORDER BY id")
}

// snapshotDocuments goes through the index: a page costs the same wherever it begins.
func (s session) snapshotDocuments(ctx context.Context, each func(ports.Record) error) error {
	var last uuid.UUID
	from := ">=" // the nil UUID is an id like any other
	for found := documentPage; found == documentPage; from = ">" {
		found = 0
		err := s.query(ctx, func(rows *sql.Rows) error {
			var row documentRow
			if err := rows.Scan(append(row.Head.targets(), &row.ExtractedText, &row.PageStarts)...); err != nil {
				return err
			}
			found, last = found+1, row.Head.ID
			return each(ports.Record{Document: &ports.DocumentRecord{Document: row.Head.toDomain(), Text: row.ExtractedText, PageStarts: row.PageStarts}})
		}, "SELECT "+headList+", extracted_text, page_starts FROM documents WHERE id "+from+" $1 ORDER BY id LIMIT $2", last, documentPage)
		if err != nil {
			return err
		}
	}
	return nil
}

func (s session) snapshotFilings(ctx context.Context, each func(ports.Record) error) error {
	var last filingRow
	from := ">="
	for found := filingPage; found == filingPage; from = ">" {
		found = 0
		err := s.query(ctx, func(rows *sql.Rows) error {
			var row filingRow
			if err := rows.Scan(&row.DocumentID, &row.TopicID, &row.Confirmed, &row.Confidence, &row.Rejected, &row.SuggestedBy); err != nil {
				return err
			}
			found, last = found+1, row
			return each(ports.Record{Filing: &ports.FilingRecord{Document: domain.DocumentID(row.DocumentID), Topic: domain.TopicID(row.TopicID),
				Confirmed: row.Confirmed, Rejected: row.Rejected, Confidence: row.Confidence, By: orZero(row.SuggestedBy)}})
		}, "SELECT document_id, topic_id, confirmed, confidence, rejected, suggested_by FROM document_topics WHERE (document_id, topic_id) "+
			from+" ($1, $2) ORDER BY document_id, topic_id LIMIT $3", last.DocumentID, last.TopicID, filingPage)
		if err != nil {
			return err
		}
	}
	return nil
}

// RestoreRows implements ports.Rows.
func (s session) RestoreRows(ctx context.Context, read func(add func(ports.Record) error) error) error {
	return s.inTx(ctx, func(tx session) error {
		counts, err := tx.CountRows(ctx)
		if err != nil {
			return err
		}
		if counts != (ports.RowCounts{}) {
			return domain.Errorf(domain.Conflict, "there are %d documents, %d folders and %d topics already", counts.Documents, counts.Folders, counts.Topics).Because("not_empty")
		}
		return read(func(record ports.Record) error { return tx.restore(ctx, record) })
	})
}

const restoreDocument = "INSERT INTO documents (" + headList + `, extracted_text, page_starts)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
        $22, $23, $24, $25, $26, $27, $28, $29, $30, $31)`

// restore adds one row as it is.
func (s session) restore(ctx context.Context, record ports.Record) (err error) {
	switch {
	case record.Folder != nil:
		f := record.Folder
		_, err = s.exec(ctx, "INSERT INTO folders (id, user_id, parent_id, name, created_at) VALUES ($1, $2, $3, $4, $5)",
			uuid.UUID(f.ID), nullable(uuid.UUID(f.Owner)), nullable(uuid.UUID(f.Parent)), string(f.Name), domain.Moment(f.CreatedAt))
	case record.Topic != nil:
		row := topicRowOf(*record.Topic)
		_, err = s.exec(ctx, "INSERT INTO topics (id, user_id, name, description, color) VALUES ($1, $2, $3, $4, $5)",
			row.ID, row.UserID, row.Name, row.Description, row.Color)
	case record.Document != nil:
		values := append(rowOf(record.Document.Document).Head.values(), record.Document.Text, integers(record.Document.PageStarts))
		_, err = s.exec(ctx, restoreDocument, values...)
	case record.Filing != nil:
		f := record.Filing
		_, err = s.exec(ctx, `INSERT INTO document_topics (document_id, topic_id, confirmed, confidence, rejected, suggested_by)
VALUES ($1, $2, $3, $4, $5, $6)`, uuid.UUID(f.Document), uuid.UUID(f.Topic), f.Confirmed, f.Confidence, f.Rejected, nullable(f.By))
	}
	return err
}

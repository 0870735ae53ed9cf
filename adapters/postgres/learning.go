package postgres

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// ownedAs is isOwner for statements that GORM does not write: the condition on a table's user_id, with the owner as the first
// argument if it is somebody.
func ownedAs(column string, owner domain.Owner) (condition string, args []any) {
	if owner.IsNobody() {
		return column + " IS NULL", nil
	}
	return column + " = $1", []any{uuid.UUID(owner)}
}

// mostCounted is how many ready documents are counted. Of more, it does not matter how many there are.
const mostCounted = 1 << 14

// LearningState implements ports.Learning. The hash of a set of rows is the sum of their hashes, so that the order in which they
// are read does not matter.
func (s session) LearningState(ctx context.Context, owner domain.Owner) (ports.LearningState, error) {
	documents, args := ownedAs("d.user_id", owner)
	topics, _ := ownedAs("t.user_id", owner)
	var decisions, subjects string
	var ready int
	err := s.query(ctx, func(rows *sql.Rows) error { return rows.Scan(&decisions, &subjects, &ready) }, `
SELECT (SELECT coalesce(sum(hashtextextended(concat_ws(' ', f.document_id, f.topic_id, f.confirmed), 0)), 0)::text
        FROM document_topics f JOIN documents d ON d.id = f.document_id
        WHERE `+documents+` AND d.status = 'ready' AND (f.confirmed OR f.rejected)),
       (SELECT coalesce(sum(hashtextextended(concat_ws(' ', t.id, t.name, t.description), 0)), 0)::text FROM topics t WHERE `+topics+`),
       (SELECT count(*) FROM (SELECT FROM documents d WHERE `+documents+` AND d.status = 'ready' LIMIT `+fmt.Sprint(mostCounted)+`) s)`, args...)
	return ports.LearningState{Basis: sha256.Sum256(fmt.Appendf(nil, "%s %s %d", decisions, subjects, bits.Len(uint(ready)))), Documents: ready}, err
}

// Examples implements ports.Learning. Of a long text, PostgreSQL fetches no more than the beginning.
func (s session) Examples(ctx context.Context, owner domain.Owner, query ports.ExampleQuery, each func(ports.Example) error) error {
	if query.Limit < 1 {
		return nil
	}
	which := map[ports.ExampleKind]string{
		ports.Decided:   "EXISTS (SELECT FROM document_topics f WHERE f.document_id = d.id AND (f.confirmed OR f.rejected))",
		ports.Undecided: "NOT EXISTS (SELECT FROM document_topics f WHERE f.document_id = d.id AND (f.confirmed OR f.rejected))",
		ports.Unfiled:   "NOT EXISTS (SELECT FROM document_topics f WHERE f.document_id = d.id AND NOT f.rejected)",
	}[query.Kind]
	owned, args := ownedAs("d.user_id", owner)
	var failed error // of each; what it is called for may have a code of its own
	err := s.query(ctx, func(rows *sql.Rows) error {
		var id uuid.UUID
		var example ports.Example
		var filed []byte
		if err := rows.Scan(&id, &example.Text, &filed); err != nil {
			return err
		}
		example.Document = domain.DocumentID(id)
		if err := readDecisions(filed, &example); err != nil {
			return err
		}
		failed = each(example)
		return failed
	}, fmt.Sprintf(`
SELECT d.id, left(d.extracted_text, %d), (
	SELECT json_agg(json_build_object('topic', f.topic_id, 'confirmed', f.confirmed, 'rejected', f.rejected) ORDER BY f.topic_id)
	FROM document_topics f WHERE f.document_id = d.id
)
FROM documents d WHERE %s AND d.status = 'ready' AND d.extracted_text <> '' AND %s
ORDER BY d.user_id DESC, d.created_at DESC, d.id DESC LIMIT %d`, max(query.MaxText, 0), owned, which, query.Limit), args...)
	if failed != nil {
		return failed
	}
	return err
}

// readDecisions reads what a document is filed under; nil is nothing.
func readDecisions(text []byte, example *ports.Example) error {
	if text == nil {
		return nil
	}
	var rows []struct {
		Topic               uuid.UUID
		Confirmed, Rejected bool
	}
	if err := json.Unmarshal(text, &rows); err != nil {
		return errors.Join(errors.New("read filings"), err)
	}
	for _, row := range rows {
		kind := &example.Suggested
		switch {
		case row.Rejected:
			kind = &example.Rejected
		case row.Confirmed:
			kind = &example.Confirmed
		}
		*kind = append(*kind, domain.TopicID(row.Topic))
	}
	return nil
}

// TopicOwners implements ports.Learning.
func (s session) TopicOwners(ctx context.Context, after *domain.Owner, limit int) ([]domain.Owner, error) {
	if limit < 1 {
		return nil, nil
	}
	where, args := "", []any{}
	if after != nil {
		where = "WHERE user_id IS NOT NULL"
		if !after.IsNobody() {
			where, args = "WHERE user_id > $1", []any{uuid.UUID(*after)}
		}
	}
	var owners []domain.Owner
	err := s.query(ctx, func(rows *sql.Rows) error {
		var id *uuid.UUID
		if err := rows.Scan(&id); err != nil {
			return err
		}
		owners = append(owners, ownerOf(id))
		return nil
	}, fmt.Sprintf("SELECT DISTINCT user_id FROM topics %s ORDER BY user_id NULLS FIRST LIMIT %d", where, limit), args...)
	return owners, err
}

package postgres

import (
	"context"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// headList names the columns of documentHead, for statements that GORM does not write.
const headList = "id, user_id, folder_id, filename, object_key, content_type, size_bytes, storage_backend, status, created_at, " +
	"updated_at, sha256, failure_code, failure_message, attempts, requeues, task_id, enqueued_at, reconcile_at, page_count, text_truncated, " +
	"title, author, language, authored_at, modified_at, warning, thumbnail_key"

// targets are the places for the columns of headList.
func (h *documentHead) targets() []any {
	return []any{&h.ID, &h.UserID, &h.FolderID, &h.Filename, &h.ObjectKey, &h.ContentType, &h.SizeBytes, &h.StorageBackend, &h.Status,
		&h.CreatedAt, &h.UpdatedAt, &h.SHA256, &h.FailureCode, &h.FailureMessage, &h.Attempts, &h.Requeues, &h.TaskID, &h.EnqueuedAt,
		&h.ReconcileAt, &h.PageCount, &h.TextTruncated,
		&h.Title, &h.Author, &h.Language, &h.AuthoredAt, &h.ModifiedAt, &h.Warning, &h.ThumbnailKey}
}

func headColumns() []clause.Column {
	names := strings.Split(headList, ", ")
	columns := make([]clause.Column, len(names))
	for i, name := range names {
		columns[i] = clause.Column{Name: name}
	}
	return columns
}

// ListDocuments implements ports.Documents by keyset: the page starts after a position in an index, so the ten-thousandth
// costs what the first does.
//
// An index that begins with user_id serves an order only if the planner knows that user_id does not vary. It draws that from
// "user_id = …" but not from "user_id IS NULL", so the columns that are held fixed stand in the ORDER BY too.
func (s session) ListDocuments(ctx context.Context, owner domain.Owner, query ports.DocumentQuery) ([]domain.Document, error) {
	if query.Limit < 1 {
		return nil, domain.InvalidField("limit", "must be at least 1")
	}
	listing, err := s.listing(ctx, owner, query)
	if err != nil {
		return nil, err
	}
	if !holds(query.NameContains) || !holds(string(query.Status)) {
		return nil, nil // no row can hold that
	}
	page := listing.Session(&gorm.Session{DryRun: true}).Find(&[]documentHead{})
	if page.Error != nil {
		return nil, translate(ctx, page.Error)
	}
	heads, err := s.heads(ctx, page.Statement.SQL.String(), append([]any{planned}, page.Statement.Vars...)...)
	if err != nil {
		return nil, err
	}
	docs, refs := make([]domain.Document, len(heads)), make([]*domain.Document, len(heads))
	for i, head := range heads {
		docs[i] = head.toDomain()
		refs[i] = &docs[i]
	}
	if err := s.loadTopics(ctx, refs...); err != nil {
		return nil, err
	}
	return docs, nil
}

// planned has PostgreSQL plan a statement anew for its values. Which index serves a page of the list depends on how rare what is
// asked for is, so a plan made for no value in particular will not do. For other statements the server keeps one.
const planned = pgx.QueryExecModeCacheDescribe

// listing is the query of a page.
func (s session) listing(ctx context.Context, owner domain.Owner, query ports.DocumentQuery) (*gorm.DB, error) {
	order, err := orderOf(query.Sort)
	if err != nil {
		return nil, err
	}
	rows, columns := s.documents(ctx).Scopes(ownedBy(owner), selected(query), order.after(query.After)), order.columns(query)
	if query.NameContains != "" {
		part := "%" + literal(query.NameContains) + "%"
		if query.Sort == ports.ByName {
			rows = s.among(ctx, rows, part)
			for i := range columns {
				columns[i] = "names." + columns[i]
			}
		}
		rows = rows.Where("filename ILIKE ?", part)
	}
	for _, column := range columns {
		rows = rows.Order(clause.OrderByColumn{Column: clause.Column{Name: column, Raw: true}, Desc: order.desc})
	}
	return rows.Limit(query.Limit), nil
}

// among keeps rows to those whose name may have the part in it, by what the index in order of names says alone. A page by name may
// have to pass over very many names without the part, such as all that begin otherwise, and the rows of neighbours in that order
// lie anywhere in the table (ADR 18).
func (s session) among(ctx context.Context, rows *gorm.DB, part string) *gorm.DB {
	names := rows.Where("(filename_sort ILIKE ? OR length(filename_sort) = 255)", part).Select("user_id, folder_id, filename_sort, id")
	heads := "documents." + strings.ReplaceAll(headList, ", ", ", documents.")
	return s.documents(ctx).Select(heads).Joins("JOIN (?) names ON names.id = documents.id", names)
}

// selected applies the filters, that by name apart.
func selected(query ports.DocumentQuery) func(*gorm.DB) *gorm.DB {
	return func(db *gorm.DB) *gorm.DB {
		if query.Status != "" {
			db = db.Where("status = ?", string(query.Status))
		}
		if query.Topic != (domain.TopicID{}) {
			db = db.Where("EXISTS (SELECT FROM document_topics f WHERE f.document_id = documents.id AND f.topic_id = ? AND NOT f.rejected)", uuid.UUID(query.Topic))
		}
		if query.Folder != nil {
			if query.Folder.IsZero() {
				db = db.Where("folder_id IS NULL")
			} else {
				db = db.Where("folder_id = ?", uuid.UUID(*query.Folder))
			}
		}
		return db
	}
}

// order is what to sort by and which way.
type order struct {
	by    string // a column
	desc  bool
	place string // what that column holds for a position's value
	value func(ports.Position) any
}

func orderOf(sort ports.Sort) (order, error) {
	switch sort {
	case "", ports.NewestFirst:
		return order{"created_at", true, "?", func(p ports.Position) any { return domain.Moment(p.CreatedAt) }}, nil
	case ports.OldestFirst:
		return order{"created_at", false, "?", func(p ports.Position) any { return domain.Moment(p.CreatedAt) }}, nil
	case ports.ByName:
		return order{"filename_sort", false, "left(?, 255)", func(p ports.Position) any { return storable(string(p.Name)) }}, nil
	case ports.BySize:
		return order{"size_bytes", false, "?", func(p ports.Position) any { return p.Size }}, nil
	default:
		return order{}, domain.InvalidField("sort", "must be one of -created_at, created_at, filename and size_bytes")
	}
}

// after takes the rows after a position, all if there is none.
func (o order) after(position *ports.Position) func(*gorm.DB) *gorm.DB {
	return func(db *gorm.DB) *gorm.DB {
		if position == nil {
			return db
		}
		than := ">"
		if o.desc {
			than = "<"
		}
		return db.Where("("+o.by+", id) "+than+" ("+o.place+", ?)", o.value(*position), uuid.UUID(position.ID))
	}
}

// columns are those of the index that serves the query's order.
func (o order) columns(query ports.DocumentQuery) []string {
	if query.Folder != nil {
		return []string{"user_id", "folder_id", o.by, "id"}
	}
	return []string{"user_id", o.by, "id"}
}

package postgres

import (
	"time"

	"github.com/google/uuid"
)

// One type for every table this package uses; those of the other tables stand with the tests. Types, NULLs and defaults in the tags are PostgreSQL's own words for them:
// TestRowsMatchTables compares each with the catalogue, both ways. GORM's own timestamps are switched off, because times come
// from the domain or from the database.

type folderRow struct {
	ID        uuid.UUID  `gorm:"type:uuid;primaryKey;not null;default:gen_random_uuid()"`
	UserID    *uuid.UUID `gorm:"type:uuid"`
	ParentID  *uuid.UUID `gorm:"type:uuid"`
	Name      string     `gorm:"type:text;not null"`
	CreatedAt time.Time  `gorm:"type:timestamp with time zone;not null;default:now();autoCreateTime:false"`
}

func (folderRow) TableName() string { return "folders" }

// documentHead is a document without its text, which may be megabytes: queries that select into it never fetch that column.
type documentHead struct {
	ID             uuid.UUID  `gorm:"type:uuid;primaryKey;not null;default:gen_random_uuid()"`
	UserID         *uuid.UUID `gorm:"type:uuid"`
	FolderID       *uuid.UUID `gorm:"type:uuid"`
	Filename       string     `gorm:"type:text;not null"`
	ObjectKey      string     `gorm:"type:text;not null"`
	ContentType    string     `gorm:"type:text;not null"`
	SizeBytes      int64      `gorm:"type:bigint;not null;default:0"`
	StorageBackend string     `gorm:"type:character varying;not null;default:'minio'"`
	Status         string     `gorm:"type:character varying;not null;default:'pending'"`
	CreatedAt      time.Time  `gorm:"type:timestamp with time zone;not null;default:now();autoCreateTime:false"`
	UpdatedAt      time.Time  `gorm:"type:timestamp with time zone;not null;default:now();autoUpdateTime:false"`
	SHA256         []byte     `gorm:"column:sha256;type:bytea"`
	FailureCode    *string    `gorm:"type:character varying"`
	FailureMessage *string    `gorm:"type:text"`
	Attempts       int        `gorm:"type:integer;not null;default:0"`
	Requeues       int        `gorm:"type:integer;not null;default:0"`
	TaskID         *string    `gorm:"type:character varying"`
	EnqueuedAt     *time.Time `gorm:"type:timestamp with time zone"`
	ReconcileAt    time.Time  `gorm:"type:timestamp with time zone;not null;default:(now() + '00:01:00'::interval)"`
	PageCount      *int       `gorm:"type:integer"`
	TextTruncated  bool       `gorm:"type:boolean;not null;default:false"`
	Title          *string    `gorm:"type:text"`
	Author         *string    `gorm:"type:text"`
	Language       *string    `gorm:"type:text"`
	AuthoredAt     *time.Time `gorm:"type:timestamp with time zone"`
	ModifiedAt     *time.Time `gorm:"type:timestamp with time zone"`
	Warning        *string    `gorm:"type:text"`
	ThumbnailKey   *string    `gorm:"type:text"`
}

func (documentHead) TableName() string { return "documents" }

// documentRow is all of a document. GORM looks into exported fields only, so the head is one.
type documentRow struct {
	Head          documentHead `gorm:"embedded"`
	ExtractedText *string      `gorm:"type:text"`
	FilenameSort  *string      `gorm:"->;type:text;default:\"left\"(filename, 255)"` // generated
	PageStarts    integers     `gorm:"type:integer[]"`
}

func (documentRow) TableName() string { return "documents" }

type topicRow struct {
	ID          uuid.UUID  `gorm:"type:uuid;primaryKey;not null;default:gen_random_uuid()"`
	UserID      *uuid.UUID `gorm:"type:uuid"`
	Name        string     `gorm:"type:text;not null"`
	Description string     `gorm:"type:text;not null;default:''"`
	Color       string     `gorm:"type:character varying(7);not null;default:'#6366f1'"`
}

func (topicRow) TableName() string { return "topics" }

type filingRow struct {
	DocumentID  uuid.UUID `gorm:"type:uuid;primaryKey;not null"`
	TopicID     uuid.UUID `gorm:"type:uuid;primaryKey;not null"`
	Confirmed   bool      `gorm:"type:boolean;not null;default:false"`
	Confidence  *float64  `gorm:"type:double precision"`
	Rejected    bool      `gorm:"type:boolean;not null;default:false"`
	SuggestedBy *string   `gorm:"type:text"`
}

func (filingRow) TableName() string { return "document_topics" }

package postgres

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"
)

// One type for every table of schema.hcl. Types, NULLs and defaults in the tags are PostgreSQL's own words for them:
// TestRowsMatchTables compares each with the catalogue, both ways. GORM's own timestamps are switched off, because times come
// from the domain or from the database.

type userRow struct {
	ID                    uuid.UUID `gorm:"type:uuid;primaryKey;not null;default:gen_random_uuid()"`
	Handle                string    `gorm:"type:character varying;not null"`
	Email                 string    `gorm:"type:character varying;not null"`
	PasswordHash          string    `gorm:"type:text;not null"`
	TotpSecret            *string   `gorm:"type:text"`
	TotpEnabled           bool      `gorm:"type:boolean;not null;default:false"`
	Role                  string    `gorm:"type:character varying;not null;default:'user'"`
	IsActive              *bool     `gorm:"type:boolean;not null;default:true"` // nil: the default
	AIProvider            *string   `gorm:"column:ai_provider;type:text"`
	AIModel               *string   `gorm:"column:ai_model;type:text"`
	DefaultStorageBackend string    `gorm:"type:character varying;not null;default:'minio'"`
	CreatedAt             time.Time `gorm:"type:timestamp with time zone;not null;default:now();autoCreateTime:false"`
}

func (userRow) TableName() string { return "users" }

type quotaRow struct {
	UserID     uuid.UUID `gorm:"type:uuid;primaryKey;not null"`
	LimitBytes int64     `gorm:"type:bigint;not null;default:104857600"`
	UsedBytes  int64     `gorm:"type:bigint;not null;default:0"`
}

func (quotaRow) TableName() string { return "quotas" }

type refreshTokenRow struct {
	ID        uuid.UUID `gorm:"type:uuid;primaryKey;not null;default:gen_random_uuid()"`
	UserID    uuid.UUID `gorm:"type:uuid;not null"`
	TokenHash string    `gorm:"type:text;not null"`
	ExpiresAt time.Time `gorm:"type:timestamp with time zone;not null"`
	Revoked   bool      `gorm:"type:boolean;not null;default:false"`
	CreatedAt time.Time `gorm:"type:timestamp with time zone;not null;default:now();autoCreateTime:false"`
}

func (refreshTokenRow) TableName() string { return "refresh_tokens" }

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
}

func (documentHead) TableName() string { return "documents" }

// documentRow is all of a document. GORM looks into exported fields only, so the head is one.
type documentRow struct {
	Head          documentHead `gorm:"embedded"`
	ExtractedText *string      `gorm:"type:text"`
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
	DocumentID uuid.UUID `gorm:"type:uuid;primaryKey;not null"`
	TopicID    uuid.UUID `gorm:"type:uuid;primaryKey;not null"`
	Confirmed  bool      `gorm:"type:boolean;not null;default:false"`
	Confidence *float64  `gorm:"type:double precision"`
}

func (filingRow) TableName() string { return "document_topics" }

type shareRow struct {
	ID          uuid.UUID `gorm:"type:uuid;primaryKey;not null;default:gen_random_uuid()"`
	DocumentID  uuid.UUID `gorm:"type:uuid;not null"`
	OwnerID     uuid.UUID `gorm:"type:uuid;not null"`
	RecipientID uuid.UUID `gorm:"type:uuid;not null"`
	Permission  string    `gorm:"type:character varying;not null;default:'view'"`
	CreatedAt   time.Time `gorm:"type:timestamp with time zone;not null;default:now();autoCreateTime:false"`
}

func (shareRow) TableName() string { return "shares" }

// auditRow may be inserted and read; the role docuvault_app can neither change nor delete it (D-13).
type auditRow struct {
	ID         int64           `gorm:"type:bigint;primaryKey;not null;autoIncrement"`
	UserID     *uuid.UUID      `gorm:"type:uuid"`
	ActorID    *uuid.UUID      `gorm:"type:uuid"`
	EventType  string          `gorm:"type:text;not null"`
	ResourceID *uuid.UUID      `gorm:"type:uuid"`
	IPAddress  *inet           `gorm:"column:ip_address;type:inet"`
	Metadata   json.RawMessage `gorm:"type:jsonb"`
	CreatedAt  time.Time       `gorm:"type:timestamp with time zone;not null;default:now();autoCreateTime:false"`
}

func (auditRow) TableName() string { return "audit_log" }

type cloudConnectionRow struct {
	ID             uuid.UUID `gorm:"type:uuid;primaryKey;not null;default:gen_random_uuid()"`
	UserID         uuid.UUID `gorm:"type:uuid;not null"`
	Provider       string    `gorm:"type:character varying;not null"`
	DisplayName    string    `gorm:"type:text;not null"`
	CredentialsEnc string    `gorm:"type:text;not null"`
	Status         string    `gorm:"type:character varying;not null;default:'ACTIVE'"`
	ConnectedAt    time.Time `gorm:"type:timestamp with time zone;not null;default:now()"`
}

func (cloudConnectionRow) TableName() string { return "cloud_connections" }

type groupRow struct {
	ID        uuid.UUID `gorm:"type:uuid;primaryKey;not null;default:gen_random_uuid()"`
	Name      string    `gorm:"type:text;not null"`
	CreatedAt time.Time `gorm:"type:timestamp with time zone;not null;default:now();autoCreateTime:false"`
}

func (groupRow) TableName() string { return "groups" }

// allRows returns one of each row type.
func allRows() []any {
	return []any{&userRow{}, &quotaRow{}, &refreshTokenRow{}, &folderRow{}, &documentRow{}, &topicRow{}, &filingRow{}, &shareRow{},
		&auditRow{}, &cloudConnectionRow{}, &groupRow{}}
}

// inet is an address as PostgreSQL keeps it; a network keeps its length.
type inet struct{ netip.Prefix }

// Scan implements sql.Scanner.
func (i *inet) Scan(value any) error {
	text, ok := value.(string)
	if !ok {
		return fmt.Errorf("inet from %T", value)
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		var addr netip.Addr
		if addr, err = netip.ParseAddr(text); err != nil {
			return err
		}
		prefix = netip.PrefixFrom(addr, addr.BitLen())
	}
	i.Prefix = prefix
	return nil
}

// Value implements driver.Valuer.
func (i inet) Value() (driver.Value, error) { return i.String(), nil }

package postgres

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"
)

// The tables that nothing reads yet, as rows, so that the tests can fill them and compare every table of schema.hcl with one.

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

package domain

import "github.com/google/uuid"

// DocumentID identifies a document. New ones are UUIDv7, so that they sort by age; any UUID is accepted.
type DocumentID uuid.UUID

// TopicID identifies a topic.
type TopicID uuid.UUID

// FolderID identifies a folder. The zero FolderID means "in no folder".
type FolderID uuid.UUID

// TaskID identifies a background task. Celery allows any text; ours are UUIDs.
type TaskID string

// String returns the canonical form.
func (id DocumentID) String() string { return uuid.UUID(id).String() }

// String returns the canonical form.
func (id TopicID) String() string { return uuid.UUID(id).String() }

// String returns the canonical form.
func (id FolderID) String() string { return uuid.UUID(id).String() }

// IsZero reports whether the id names no folder.
func (id FolderID) IsZero() bool { return id == FolderID{} }

// ParseDocumentID reads the canonical 36-character form; anything else is Malformed.
func ParseDocumentID(s string) (DocumentID, error) {
	id, err := parseUUID("document id", s)
	return DocumentID(id), err
}

// ParseTopicID reads the canonical 36-character form; anything else is Malformed.
func ParseTopicID(s string) (TopicID, error) {
	id, err := parseUUID("topic id", s)
	return TopicID(id), err
}

// ParseFolderID reads the canonical 36-character form; anything else is Malformed.
func ParseFolderID(s string) (FolderID, error) {
	id, err := parseUUID("folder id", s)
	return FolderID(id), err
}

// ParseOwner reads the canonical 36-character form, the nil UUID for Nobody; anything else is Malformed.
func ParseOwner(s string) (Owner, error) {
	id, err := parseUUID("owner", s)
	return Owner(id), err
}

// parseUUID is stricter than uuid.Parse, which also takes braces, URNs and missing hyphens: one thing has one name.
func parseUUID(what, s string) (uuid.UUID, error) {
	if len(s) == 36 {
		if id, err := uuid.Parse(s); err == nil {
			return id, nil
		}
	}
	return uuid.UUID{}, Errorf(Malformed, "%s must be a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057", what)
}

// Owner is whose data is seen and changed. Every query is scoped to one. The zero Owner is Nobody: until authentication
// exists everything belongs to nobody (D-03), which the database keeps as NULL.
type Owner uuid.UUID

// Nobody owns everything until authentication exists.
var Nobody = Owner{}

// IsNobody reports whether the owner is Nobody.
func (o Owner) IsNobody() bool { return o == Nobody }

// String returns the owner's UUID, the nil UUID for Nobody: the first segment of object keys (D-06).
func (o Owner) String() string { return uuid.UUID(o).String() }

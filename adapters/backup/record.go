package backup

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// recordLine is a line of rows.jsonl. UUIDs that are nil mean nobody, no folder, the top.
type recordLine struct {
	Folder   *folderLine   `json:"folder,omitempty"`
	Topic    *topicLine    `json:"topic,omitempty"`
	Document *documentLine `json:"document,omitempty"`
	Filing   *filingLine   `json:"filing,omitempty"`
}

type folderLine struct {
	ID        uuid.UUID `json:"id"`
	Owner     uuid.UUID `json:"owner"`
	Parent    uuid.UUID `json:"parent"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at"`
}

type topicLine struct {
	ID          uuid.UUID `json:"id"`
	Owner       uuid.UUID `json:"owner"`
	Name        string    `json:"name"`
	Description string    `json:"description"`
	Color       string    `json:"color"`
}

type documentLine struct {
	ID             uuid.UUID `json:"id"`
	Owner          uuid.UUID `json:"owner"`
	Folder         uuid.UUID `json:"folder"`
	Filename       string    `json:"filename"`
	Object         string    `json:"object"` // "": the row held no key of the vault's shape
	ContentType    string    `json:"content_type"`
	Size           int64     `json:"size"`
	SHA256         string    `json:"sha256,omitempty"`
	Backend        string    `json:"storage_backend"`
	Status         string    `json:"status"`
	Failure        *failure  `json:"failure,omitempty"`
	Attempts       int       `json:"attempts"`
	Requeues       int       `json:"requeues"`
	Task           string    `json:"task,omitempty"`
	EnqueuedAt     time.Time `json:"enqueued_at,omitzero"`
	ReconcileAt    time.Time `json:"reconcile_at"`
	CreatedAt      time.Time `json:"created_at"`
	UpdatedAt      time.Time `json:"updated_at"`
	PageCount      *int      `json:"page_count,omitempty"`
	PageStarts     []int     `json:"page_starts,omitempty"`
	Truncated      bool      `json:"text_truncated,omitempty"`
	Title          string    `json:"title,omitempty"`
	Author         string    `json:"author,omitempty"`
	Language       string    `json:"language,omitempty"`
	AuthoredAt     time.Time `json:"authored_at,omitzero"`
	ModifiedAt     time.Time `json:"modified_at,omitzero"`
	Warning        string    `json:"warning,omitempty"`
	Thumbnail      string    `json:"thumbnail,omitempty"`
	IdempotencyKey string    `json:"idempotency_key,omitempty"`
	Text           *string   `json:"extracted_text,omitempty"`
}

type failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

type filingLine struct {
	Document    uuid.UUID `json:"document"`
	Topic       uuid.UUID `json:"topic"`
	Confirmed   bool      `json:"confirmed"`
	Rejected    bool      `json:"rejected"`
	Confidence  *float64  `json:"confidence,omitempty"`
	SuggestedBy string    `json:"suggested_by,omitempty"`
}

func lineOf(record ports.Record) (line recordLine) {
	switch {
	case record.Folder != nil:
		f := record.Folder
		line.Folder = &folderLine{ID: uuid.UUID(f.ID), Owner: uuid.UUID(f.Owner), Parent: uuid.UUID(f.Parent), Name: string(f.Name), CreatedAt: f.CreatedAt}
	case record.Topic != nil:
		t := record.Topic
		line.Topic = &topicLine{ID: uuid.UUID(t.ID), Owner: uuid.UUID(t.Owner), Name: string(t.Name), Description: t.Description, Color: string(t.Color)}
	case record.Document != nil:
		line.Document = documentLineOf(*record.Document)
	case record.Filing != nil:
		f := record.Filing
		line.Filing = &filingLine{Document: uuid.UUID(f.Document), Topic: uuid.UUID(f.Topic), Confirmed: f.Confirmed, Rejected: f.Rejected,
			Confidence: f.Confidence, SuggestedBy: f.By}
	}
	return line
}

func documentLineOf(d ports.DocumentRecord) *documentLine {
	line := &documentLine{
		ID: uuid.UUID(d.ID), Owner: uuid.UUID(d.Owner), Folder: uuid.UUID(d.Folder), Filename: string(d.Name), Object: d.Object.String(),
		ContentType: d.ContentType, Size: d.Size, SHA256: d.SHA256.String(), Backend: d.Backend, Status: string(d.Status),
		Attempts: int(d.Attempts), Requeues: d.Requeues, Task: string(d.Task), EnqueuedAt: d.EnqueuedAt, ReconcileAt: d.ReconcileAt,
		CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt, PageCount: d.PageCount, PageStarts: d.PageStarts, Truncated: d.Truncated,
		Title: d.About.Title, Author: d.About.Author, Language: d.About.Language, AuthoredAt: d.About.AuthoredAt, ModifiedAt: d.About.ModifiedAt,
		Warning: d.About.Warning, Thumbnail: d.Thumbnail.String(), IdempotencyKey: d.Key, Text: d.Text,
	}
	if d.Failure != nil {
		line.Failure = &failure{d.Failure.Code, d.Failure.Message}
	}
	return line
}

// record reads a line: one that is no row is damaged.
func (l recordLine) record() (ports.Record, error) {
	switch {
	case l.Folder != nil && l.Topic == nil && l.Document == nil && l.Filing == nil:
		f := l.Folder
		return ports.Record{Folder: &ports.FolderRecord{CreatedAt: f.CreatedAt, Folder: domain.Folder{
			ID: domain.FolderID(f.ID), Owner: domain.Owner(f.Owner), Parent: domain.FolderID(f.Parent), Name: domain.FolderName(f.Name),
		}}}, nil
	case l.Topic != nil && l.Document == nil && l.Filing == nil:
		t := l.Topic
		return ports.Record{Topic: &domain.Topic{ID: domain.TopicID(t.ID), Owner: domain.Owner(t.Owner), Name: domain.TopicName(t.Name),
			Description: t.Description, Color: domain.Color(t.Color)}}, nil
	case l.Document != nil && l.Filing == nil:
		record, err := l.Document.record()
		return ports.Record{Document: record}, err
	case l.Filing != nil:
		f := l.Filing
		return ports.Record{Filing: &ports.FilingRecord{Document: domain.DocumentID(f.Document), Topic: domain.TopicID(f.Topic),
			Confirmed: f.Confirmed, Rejected: f.Rejected, Confidence: f.Confidence, By: f.SuggestedBy}}, nil
	}
	return ports.Record{}, damaged(rowsName, "a line is no row")
}

func (l *documentLine) record() (*ports.DocumentRecord, error) {
	d := domain.Document{
		ID: domain.DocumentID(l.ID), Owner: domain.Owner(l.Owner), Folder: domain.FolderID(l.Folder), Name: domain.FileName(l.Filename),
		ContentType: l.ContentType, Size: l.Size, Backend: l.Backend, PageCount: l.PageCount, Truncated: l.Truncated, Key: l.IdempotencyKey,
		CreatedAt: l.CreatedAt, UpdatedAt: l.UpdatedAt,
		About: domain.About{Title: l.Title, Author: l.Author, Language: l.Language, AuthoredAt: l.AuthoredAt, ModifiedAt: l.ModifiedAt, Warning: l.Warning},
		Progress: domain.Progress{Status: domain.Status(l.Status), Attempts: domain.Attempt(l.Attempts), Requeues: l.Requeues,
			Task: domain.TaskID(l.Task), EnqueuedAt: l.EnqueuedAt, ReconcileAt: l.ReconcileAt},
	}
	if l.Failure != nil {
		d.Failure = &domain.Failure{Code: l.Failure.Code, Message: l.Failure.Message}
	}
	var err error
	if d.Object, err = parseKey(l.Object); err != nil {
		return nil, err
	}
	if d.Thumbnail, err = parseKey(l.Thumbnail); err != nil {
		return nil, err
	}
	if l.SHA256 != "" {
		if d.SHA256, err = domain.ParseDigest(l.SHA256); err != nil {
			return nil, damaged(rowsName, "a document has what is no hash")
		}
	}
	return &ports.DocumentRecord{Document: d, Text: l.Text, PageStarts: l.PageStarts}, nil
}

// parseKey reads a key, "" as the zero key.
func parseKey(text string) (domain.ObjectKey, error) {
	if text == "" {
		return domain.ObjectKey{}, nil
	}
	key, err := domain.ParseObjectKey(text)
	if err != nil {
		return domain.ObjectKey{}, damaged(rowsName, "a document names what is no object key")
	}
	return key, nil
}

// objectLine is a line of objects.jsonl.
type objectLine struct {
	Key         string `json:"key"`
	ContentType string `json:"content_type"`
	Size        int64  `json:"size"`
	SHA256      string `json:"sha256"`
}

func objectLineOf(o ports.BackupObject) objectLine {
	return objectLine{o.Key.String(), o.ContentType, o.Size, o.SHA256.String()}
}

func parseObject(line []byte) (ports.BackupObject, error) {
	var l objectLine
	if json.Unmarshal(line, &l) != nil {
		return ports.BackupObject{}, damaged(objectsName, "a line cannot be read")
	}
	key, keyErr := domain.ParseObjectKey(l.Key)
	digest, digestErr := domain.ParseDigest(l.SHA256)
	if keyErr != nil || digestErr != nil || l.Size < 0 {
		return ports.BackupObject{}, damaged(objectsName, "a line describes no object")
	}
	return ports.BackupObject{Key: key, ContentType: l.ContentType, Size: l.Size, SHA256: digest}, nil
}

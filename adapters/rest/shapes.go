package rest

import (
	"time"

	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// documentJSON is a document as lists show it. The object's key is never part of it.
type documentJSON struct {
	ID             string       `json:"id"`
	Filename       string       `json:"filename"`
	ContentType    string       `json:"content_type"`
	SizeBytes      int64        `json:"size_bytes"`
	SHA256         *string      `json:"sha256"`
	Status         string       `json:"status"`
	FolderID       *string      `json:"folder_id"`
	Topics         []filingJSON `json:"topics"`
	Failure        *failureJSON `json:"failure"`
	TaskID         *string      `json:"task_id"`
	PageCount      *int         `json:"page_count"`
	TextTruncated  bool         `json:"text_truncated"`
	Title          *string      `json:"title"`
	Author         *string      `json:"author"`
	Language       *string      `json:"language"`
	AuthoredAt     *string      `json:"authored_at"`
	ModifiedAt     *string      `json:"modified_at"`
	Warning        *string      `json:"warning"`
	ThumbnailURL   *string      `json:"thumbnail_url"`
	StorageBackend string       `json:"storage_backend"`
	CreatedAt      string       `json:"created_at"`
	UpdatedAt      string       `json:"updated_at"`
}

// documentReadOnly are the fields of a document that only we set.
func documentReadOnly() []string {
	return []string{"id", "content_type", "size_bytes", "sha256", "status", "topics", "failure", "task_id", "page_count",
		"text_truncated", "title", "author", "language", "authored_at", "modified_at", "warning", "thumbnail_url",
		"storage_backend", "created_at", "updated_at", "extracted_text", "page_starts"}
}

// filingJSON is a topic of a document. Confidence is null where no classifier measured, SuggestedBy where none suggested it.
type filingJSON struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Color       string   `json:"color"`
	Confirmed   bool     `json:"confirmed"`
	Confidence  *float64 `json:"confidence"`
	SuggestedBy *string  `json:"suggested_by"`
}

type failureJSON struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// documentDetailJSON is one document with its text, null while there is none.
type documentDetailJSON struct {
	documentJSON
	ExtractedText *string `json:"extracted_text"`
	PageStarts    []int   `json:"page_starts"` // null where they are not known
}

func toDocument(doc domain.Document) documentJSON {
	out := documentJSON{
		ID: doc.ID.String(), Filename: string(doc.Name), ContentType: bareType(doc.ContentType), SizeBytes: doc.Size,
		SHA256: orNull(doc.SHA256.String()), Status: string(doc.Status), Topics: []filingJSON{}, TaskID: orNull(string(doc.Task)),
		PageCount: doc.PageCount, TextTruncated: doc.Truncated, Title: orNull(doc.About.Title), Author: orNull(doc.About.Author),
		Language: orNull(doc.About.Language), AuthoredAt: timestampOrNull(doc.About.AuthoredAt),
		ModifiedAt: timestampOrNull(doc.About.ModifiedAt), Warning: orNull(doc.About.Warning), StorageBackend: doc.Backend, CreatedAt: timestamp(doc.CreatedAt), UpdatedAt: timestamp(doc.UpdatedAt),
	}
	if !doc.Folder.IsZero() {
		out.FolderID = orNull(doc.Folder.String())
	}
	if !doc.Thumbnail.IsZero() {
		out.ThumbnailURL = orNull(documentPath + doc.ID.String() + "/thumbnail")
	}
	for _, filing := range doc.Topics {
		out.Topics = append(out.Topics, filingJSON{ID: filing.Topic.String(), Name: string(filing.Name), Color: string(filing.Color),
			Confirmed: filing.Confirmed, Confidence: filing.Confidence, SuggestedBy: orNull(filing.By)})
	}
	if doc.Failure != nil {
		out.Failure = &failureJSON{Code: doc.Failure.Code, Message: doc.Failure.Message}
	}
	return out
}

func toDocuments(docs []domain.Document) []documentJSON {
	out := make([]documentJSON, 0, len(docs))
	for _, doc := range docs {
		out = append(out, toDocument(doc))
	}
	return out
}

func toDetail(doc app.DocumentDetail) documentDetailJSON {
	out := documentDetailJSON{documentJSON: toDocument(doc.Document), PageStarts: doc.PageStarts}
	if doc.Text != "" || doc.Status == domain.Ready {
		out.ExtractedText = &doc.Text
	}
	return out
}

// topicJSON is a topic. A document that the classifier filed counts like one that a person did.
type topicJSON struct {
	ID            string `json:"id"`
	Name          string `json:"name"`
	Description   string `json:"description"`
	Color         string `json:"color"`
	DocumentCount int    `json:"document_count"`
}

func toTopic(topic ports.CountedTopic) topicJSON {
	return topicJSON{ID: topic.ID.String(), Name: string(topic.Name), Description: topic.Description, Color: string(topic.Color), DocumentCount: topic.Documents}
}

// ideaJSON is a topic that there could be.
type ideaJSON struct {
	Name          string   `json:"name"`
	Keywords      []string `json:"keywords"`
	DocumentCount int      `json:"document_count"`
	DocumentIDs   []string `json:"document_ids"` // the newest
}

func toIdea(group ports.Group) ideaJSON {
	out := ideaJSON{Name: group.Name, Keywords: group.Keywords, DocumentCount: len(group.Documents), DocumentIDs: []string{}}
	for _, id := range group.Documents[:min(len(group.Documents), maxTopicIDs)] {
		out.DocumentIDs = append(out.DocumentIDs, id.String())
	}
	return out
}

// folderJSON is a folder. Path goes from the top down to the folder itself.
type folderJSON struct {
	ID            string   `json:"id"`
	Name          string   `json:"name"`
	ParentID      *string  `json:"parent_id"`
	Path          []string `json:"path"`
	DocumentCount int      `json:"document_count"`
}

func toFolder(folder ports.PlacedFolder) folderJSON {
	out := folderJSON{ID: folder.ID.String(), Name: string(folder.Name), Path: []string{}, DocumentCount: folder.Documents}
	if !folder.Parent.IsZero() {
		out.ParentID = orNull(folder.Parent.String())
	}
	for _, name := range folder.Path {
		out.Path = append(out.Path, string(name))
	}
	return out
}

type folderRemovalJSON struct {
	FoldersDeleted   int `json:"folders_deleted"`
	DocumentsUnfiled int `json:"documents_unfiled"`
}

type taskJSON struct {
	TaskID   string            `json:"task_id"`
	Status   string            `json:"status"`
	Result   *ports.TaskResult `json:"result"`
	Error    *string           `json:"error"`
	DateDone *string           `json:"date_done"`
}

func toTask(task ports.Task) taskJSON {
	out := taskJSON{TaskID: string(task.ID), Status: string(task.Status), Error: orNull(task.Error)}
	if task.Result != nil {
		result := *task.Result
		if result.Topics == nil {
			result.Topics = []string{}
		}
		out.Result = &result
	}
	if !task.DoneAt.IsZero() {
		out.DateDone = orNull(timestamp(task.DoneAt))
	}
	return out
}

type startedJSON struct {
	TaskID string `json:"task_id"`
}

type linkJSON struct {
	URL       string `json:"url"`
	ExpiresAt string `json:"expires_at"`
}

type healthJSON struct {
	Status string     `json:"status"`
	Checks checksJSON `json:"checks"`
}

type checksJSON struct {
	Postgres checkJSON `json:"postgres"`
	Storage  checkJSON `json:"storage"`
	Redis    checkJSON `json:"redis"`
}

type checkJSON struct {
	Status    string  `json:"status"`
	LatencyMS float64 `json:"latency_ms"`
	Error     *string `json:"error"`
}

func toCheck(check app.Check) checkJSON {
	out := checkJSON{Status: "ok", LatencyMS: milliseconds(check.Latency)}
	if !check.OK {
		out.Status, out.Error = "error", orNull(check.Error)
	}
	return out
}

type liveJSON struct {
	Status string `json:"status"`
}

type settingsJSON struct {
	Version        string     `json:"version"`
	Classifier     string     `json:"classifier"`
	MaxUploadBytes int64      `json:"max_upload_bytes"`
	AllowedTypes   []string   `json:"allowed_types"`
	DefaultColor   string     `json:"default_topic_color"`
	AI             aiJSON     `json:"ai"`
	Limits         limitsJSON `json:"limits"`
}

// aiJSON says where documents' texts are sent: nowhere unless a provider is configured.
type aiJSON struct {
	Provider string  `json:"provider"`
	Host     *string `json:"host"`
}

type limitsJSON struct {
	PageSizeDefault     int `json:"page_size_default"`
	PageSizeMax         int `json:"page_size_max"`
	FilenameBytes       int `json:"filename_bytes"`
	TopicsPerRequest    int `json:"topics_per_request"`
	TopicNameChars      int `json:"topic_name_characters"`
	TopicDescribedChars int `json:"topic_description_characters"`
	FolderNameChars     int `json:"folder_name_characters"`
	FolderDepth         int `json:"folder_depth"`
	LinkSecondsDefault  int `json:"link_seconds_default"`
	LinkSecondsMax      int `json:"link_seconds_max"`
	RequestBodyBytes    int `json:"request_body_bytes"`
}

// timestamp writes a time in UTC with microseconds, which is what the database keeps, so that equal times are equal texts and
// texts sort as times do.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z07:00") }

// timestampOrNull makes JSON's null of the zero time.
func timestampOrNull(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return orNull(timestamp(t))
}

// orNull makes JSON's null of an empty text.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

package domain

import (
	"encoding/hex"
	"slices"
	"time"
)

// Digest is the SHA-256 of a document's bytes. The zero Digest means "not known", as in rows that Python wrote.
type Digest [32]byte

// IsZero reports whether the digest is not known.
func (d Digest) IsZero() bool { return d == Digest{} }

// String returns lower-case hexadecimal, "" when not known.
func (d Digest) String() string {
	if d.IsZero() {
		return ""
	}
	return hex.EncodeToString(d[:])
}

// Document is what the vault knows of one uploaded file. Its bytes live in storage under Object; its text is long and is
// read on its own, so it is not a field here.
type Document struct {
	ID          DocumentID
	Owner       Owner
	Folder      FolderID // zero: in no folder
	Name        FileName
	Object      ObjectKey
	ContentType string // as found in the bytes, without parameters
	Size        int64  // bytes
	SHA256      Digest
	Backend     string // the storage the bytes are in, "minio" for any S3 server
	Topics      []Filing
	Rejected    []TopicID // topics that a person said it does not belong under, in order; classifiers suggest none of them
	PageCount   *int      // nil where the file has no pages, or nobody counted
	Truncated   bool      // the text was longer than the vault keeps
	About       About
	Thumbnail   ObjectKey // a picture of the first page; zero: there is none
	CreatedAt   time.Time
	UpdatedAt   time.Time

	Progress
}

// About is what processing found out about a document besides its text. Most of it the file says itself, which may be wrong;
// where it says nothing the field is zero.
type About struct {
	Title      string
	Author     string
	Language   string    // a BCP 47 tag, such as "de" or "en-GB"
	AuthoredAt time.Time // when the file says it was written
	ModifiedAt time.Time // when the file says it was last changed
	Warning    string    // what its owner should know before opening it
}

// Upload is what a new document is made of, all of it already validated or measured.
type Upload struct {
	ID          DocumentID
	Owner       Owner
	Folder      FolderID
	Name        FileName
	Object      ObjectKey
	ContentType string
	Size        int64
	SHA256      Digest
	Backend     string
	Topics      []TopicID // chosen by the person, so confirmed
	Task        TaskID    // the first task that will process it
}

// NewDocument makes the pending document of an upload, as of now.
func NewDocument(up Upload, now time.Time, recovery Recovery) Document {
	now = Moment(now)
	doc := Document{
		ID: up.ID, Owner: up.Owner, Folder: up.Folder, Name: up.Name, Object: up.Object, ContentType: up.ContentType,
		Size: up.Size, SHA256: up.SHA256, Backend: up.Backend, CreatedAt: now, UpdatedAt: now,
	}
	for _, topic := range up.Topics {
		doc.Topics = append(doc.Topics, Filing{Topic: topic, Confirmed: true})
	}
	doc.Progress = Progress{Status: Pending, Task: up.Task, EnqueuedAt: now, ReconcileAt: now.Add(recovery.Patience)}
	return doc
}

// FileUnder makes topics the document's confirmed topics and rejects every other that it was under.
func (d *Document) FileUnder(topics []TopicID) {
	for _, old := range d.Topics {
		if !slices.Contains(topics, old.Topic) {
			d.Reject(old.Topic)
		}
	}
	d.Topics = nil
	for _, topic := range topics {
		d.Accept(topic)
	}
}

// Accept makes a topic one of the document's confirmed topics, whether or not it was suggested, and leaves the others alone.
func (d *Document) Accept(topic TopicID) {
	d.Rejected = slices.DeleteFunc(slices.Clone(d.Rejected), func(t TopicID) bool { return t == topic })
	d.Topics = slices.Clone(d.Topics)
	for i := range d.Topics {
		if d.Topics[i].Topic == topic {
			d.Topics[i].Confirmed = true
			return
		}
	}
	d.Topics = append(d.Topics, Filing{Topic: topic, Confirmed: true})
}

// Reject takes the document out of a topic, if it is under it, and keeps classifiers from suggesting the topic again.
func (d *Document) Reject(topic TopicID) {
	d.Topics = slices.DeleteFunc(slices.Clone(d.Topics), func(f Filing) bool { return f.Topic == topic })
	if !slices.Contains(d.Rejected, topic) {
		d.Rejected = append(slices.Clone(d.Rejected), topic)
	}
}

// Moment is a time as the database keeps it: UTC, in microseconds. Every time the domain stores goes through it, so that a
// value read back equals the value written and cursors never skip a row.
func Moment(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

package ports

import (
	"context"
	"io"
	"time"

	"github.com/docuvault/docuvault/domain"
)

// Rows is every row there is, whoever owns it, as backups take it and bring it back.
type Rows interface {
	// CountRows says how many rows there are.
	CountRows(ctx context.Context) (RowCounts, error)

	// Snapshot calls each for every row, all as they were at one moment: folders after the folders they are in, then topics,
	// documents and filings. Memory does not grow with the number of rows. An error of each ends it and is passed on; each makes no
	// call of the Repository and waits for nobody. Inside Tx it is Internal.
	Snapshot(ctx context.Context, each func(Record) error) error

	// RestoreRows adds the rows that read hands to add, in the order of Snapshot and as they are: all of them or, after an error
	// of read or of add, none. Where there is a row already it is a Conflict with reason "not_empty", and read is not called. A row that
	// names a folder, topic, document or user that is not there is refused, NotFound or Invalid. Memory does not grow with the
	// number of rows; read makes no call of the Repository.
	RestoreRows(ctx context.Context, read func(add func(Record) error) error) error
}

// RowCounts are numbers of rows.
type RowCounts struct{ Folders, Topics, Documents, Filings int }

// Record is one row: exactly one of the fields is set.
type Record struct {
	Folder   *FolderRecord
	Topic    *domain.Topic
	Document *DocumentRecord
	Filing   *FilingRecord
}

// FolderRecord is all that is kept of a folder.
type FolderRecord struct {
	domain.Folder
	CreatedAt time.Time
}

// DocumentRecord is all that is kept of a document. Its topics are filings of their own: Topics and Rejected are empty.
type DocumentRecord struct {
	domain.Document
	Text       *string // nil: none yet
	PageStarts []int
}

// FilingRecord is all that is kept of a document's being under a topic, or with Rejected of its not belonging there. Of what is
// rejected a Repository may forget Confidence and By.
type FilingRecord struct {
	Document   domain.DocumentID
	Topic      domain.TopicID
	Confirmed  bool
	Rejected   bool
	Confidence *float64
	By         string
}

// BackupObject is an object as a backup holds it.
type BackupObject struct {
	Key         domain.ObjectKey
	ContentType string
	Size        int64 // bytes
	SHA256      domain.Digest
}

// BackupNotes is what a backup says of itself besides rows and objects.
type BackupNotes struct {
	CreatedAt time.Time          // when the rows were as they are in it
	Backend   string             // the storage whose objects are in it, as StorageBackend.Name
	Rows      RowCounts          // in it
	Gone      []domain.ObjectKey // that rows name and that are not in it: documents deleted meanwhile, thumbnails that were lost
}

// BackupSink takes a backup: PutRows, then EachRow and PutObject, then Finish, which alone makes it one that a BackupSource
// opens. It is not safe for concurrent use. Whoever opened it closes it.
type BackupSink interface {
	// PutRows keeps the rows that write hands to add; an error of write is passed on.
	PutRows(ctx context.Context, write func(add func(Record) error) error) error

	// EachRow calls each for the rows that PutRows kept, in their order; an error of each is passed on.
	EachRow(ctx context.Context, each func(Record) error) error

	// PutObject keeps the bytes that open yields, which must be want.Size long unless that is -1, and returns want with size and
	// hash as they are. Where an earlier try of the same backup left bytes with the hash of want they are kept, and open is not
	// called. An error of open or of its reader is passed on, and nothing is kept then.
	PutObject(ctx context.Context, want BackupObject, open func() (io.ReadCloser, error)) (got BackupObject, kept bool, err error)

	// Finish completes the backup, durably.
	Finish(ctx context.Context, notes BackupNotes) error
}

// BackupSource is a backup to read. Whatever in it is not as it was written is Malformed with reason "damaged"; what was never
// finished is Malformed with reason "unfinished". It is not safe for concurrent use. Whoever opened it closes it.
type BackupSource interface {
	// Streams says that the backup comes from a pipe: Objects can be called once, and has to be before anything else.
	Streams() bool

	// Objects calls each for every object. The reader yields Size bytes with that hash, or an error at or before their end; what each
	// leaves of it is read and checked all the same. An error of each is passed on.
	Objects(ctx context.Context, each func(BackupObject, io.Reader) error) error

	// Notes returns what the backup says of itself.
	Notes(ctx context.Context) (BackupNotes, error)

	// Rows calls each for every row. Only once it has returned nil are they known to be those that were written. An error of each is passed on.
	Rows(ctx context.Context, each func(Record) error) error
}

package ports

import (
	"context"
	"time"

	"github.com/docuvault/docuvault/domain"
)

// Repository keeps documents, topics and folders. Every method that takes an owner sees and changes that owner's rows alone:
// another's are NotFound. repotest.Run holds every promise against every implementation.
type Repository interface {
	Documents
	Processing
	Topics
	Folders
	Learning
	Rows

	// Tx runs fn in one transaction: all of it happens or nothing does. An error or a panic of fn rolls back and is passed on,
	// and a commit that fails is an error. fn must use the Repository it is given, must not keep it, and makes no network call
	// to anything else. A Tx inside a Tx is part of the outer one. After any error but NotFound, fn can only return: the
	// transaction may be lost already, and then its commit fails.
	Tx(ctx context.Context, fn func(Repository) error) error

	// Health makes one real call to the database.
	Health(ctx context.Context) error
}

// Documents is what people see and change of documents.
type Documents interface {
	// AddDocument adds a row with its topics. A folder or topic that this owner does not have is Invalid and names the field
	// ("folder_id", "topic_ids"), and nothing is added. A Key that one of the owner's documents has already is a Conflict with reason
	// "idempotency_key".
	AddDocument(ctx context.Context, doc domain.Document) error

	// LockContent makes sure that, until the transaction ends, no other transaction holds the lock for the same owner and
	// digest. It is only meaningful inside Tx.
	LockContent(ctx context.Context, owner domain.Owner, digest domain.Digest) error

	// Document returns one document with its topics, in order of their names.
	Document(ctx context.Context, owner domain.Owner, id domain.DocumentID) (domain.Document, error)

	// DocumentText returns the extracted text, "" while there is none.
	DocumentText(ctx context.Context, owner domain.Owner, id domain.DocumentID) (string, error)

	// PageStarts says where in the text each page begins, as Extraction.PageStarts does; nil where that is not known.
	PageStarts(ctx context.Context, owner domain.Owner, id domain.DocumentID) ([]int, error)

	// DocumentByContent returns the owner's oldest document with this digest.
	DocumentByContent(ctx context.Context, owner domain.Owner, digest domain.Digest) (domain.Document, error)

	// DocumentByKey returns the document that was uploaded under this key, which is not "".
	DocumentByKey(ctx context.Context, owner domain.Owner, key string) (domain.Document, error)

	// DocumentByTask returns the document whose latest task this is.
	DocumentByTask(ctx context.Context, owner domain.Owner, task domain.TaskID) (domain.Document, error)

	// ListDocuments returns a page of documents, without their texts, with their topics. Pages follow each other by position, so
	// that rows added or removed meanwhile neither repeat nor hide another row. A limit below 1 and an unknown sort are Invalid.
	ListDocuments(ctx context.Context, owner domain.Owner, query DocumentQuery) ([]domain.Document, error)

	// EditDocument lets edit change what a person may change (Name, Folder, Topics, Rejected) and stores it, with a new UpdatedAt, or
	// passes on edit's error and stores nothing. Concurrent edits follow one another. A folder or topic that this owner does not
	// have is Invalid and names the field. What processing writes meanwhile is not undone.
	EditDocument(ctx context.Context, owner domain.Owner, id domain.DocumentID, now time.Time, edit func(*domain.Document) error) (domain.Document, error)

	// DeleteDocument removes the row and returns what it was, without its topics. Of several concurrent calls exactly one
	// succeeds, the others find nothing.
	DeleteDocument(ctx context.Context, owner domain.Owner, id domain.DocumentID) (domain.Document, error)
}

// Processing is what background work sees and changes of documents, whoever owns them. Complete apart, its methods return
// documents without their topics.
type Processing interface {
	// Advance reads a document, lets move take it along its state machine, and stores its Progress. Moves of one document follow
	// one another: if somebody else moved it in between, move is called again on the new state, so it must do nothing but decide.
	// An error of move is passed on, with the document as it is, and nothing is stored.
	Advance(ctx context.Context, id domain.DocumentID, move func(*domain.Document) error) (domain.Document, error)

	// Complete stores the outcome that doc's holder came to: doc is as Advance left it for that holder and then moved on by
	// Finish or Fail, held is its attempt. Progress, everything in outcome, and suggested topics are stored together and replace
	// what the round before found; confirmed topics stay; topics that are gone meanwhile, and rejected ones, are left out. Of a
	// document that failed only Progress is stored: what an earlier round found out stays. If the attempt no longer holds the
	// document it is a Conflict with reason "lost_hold", or NotFound if the document is gone, and nothing is stored. It returns the
	// document as it is now.
	Complete(ctx context.Context, held domain.Attempt, doc domain.Document, outcome Outcome) (domain.Document, error)

	// RecoverOverdue takes the overdue documents, the longest overdue first, lets decide change their Progress, stores it, and
	// returns them as they are then with decide's verdicts. Documents that another caller is just taking are passed over, so
	// that each goes to one caller.
	RecoverOverdue(ctx context.Context, overdue Overdue, decide func(*domain.Document) domain.Verdict) ([]Recovered, error)

	// NamedObjects returns those of the keys that some row names, as its object or as its thumbnail.
	NamedObjects(ctx context.Context, keys []domain.ObjectKey) (map[domain.ObjectKey]bool, error)

	// DocumentsAfter returns up to limit documents of any owner in order of their ids, from the first one after the given id,
	// without topics. Nil starts at the beginning; the nil UUID is an id like any other.
	DocumentsAfter(ctx context.Context, after *domain.DocumentID, limit int) ([]domain.Document, error)
}

// Outcome is what one attempt made of a document.
type Outcome struct {
	Text        string // stored when the document is Ready; NUL is dropped, invalid UTF-8 replaced by U+FFFD
	Truncated   bool
	PageCount   *int
	PageStarts  []int            // as Extraction.PageStarts
	About       domain.About     // its texts are treated like Text, its times as domain.Moment
	Thumbnail   domain.ObjectKey // of an object that is stored already; zero: there is none
	Suggestions []domain.Suggestion
}

// Overdue selects documents that did not move on in time: those processing or pending whose ReconcileAt has come, or lies too far
// ahead to have been set by a clock that is right.
type Overdue struct {
	By     time.Time // ReconcileAt is this or earlier
	Beyond time.Time // unless zero, instead of By: ReconcileAt is later than this
	Limit  int       // at most so many; below 1 is none
	// QueuedSince, unless nil, leaves out pending documents that were enqueued then or later: their tasks wait in the queue, and
	// to look at every one of them would cost more the longer the queue is.
	QueuedSince *time.Time
}

// Recovered is a document that RecoverOverdue took.
type Recovered struct {
	Document domain.Document
	Verdict  domain.Verdict
}

// Topics keeps what documents are filed under.
type Topics interface {
	// AddTopic adds a topic; a name that the owner has already is a Conflict with reason "duplicate_name".
	AddTopic(ctx context.Context, topic domain.Topic) error
	// Topic returns one topic with its number of documents.
	Topic(ctx context.Context, owner domain.Owner, id domain.TopicID) (CountedTopic, error)
	// ListTopics returns all topics of the owner in order of their names, each with its number of documents.
	ListTopics(ctx context.Context, owner domain.Owner) ([]CountedTopic, error)
	// TopicsOf returns all topics of the owner in order of their names, without counting.
	TopicsOf(ctx context.Context, owner domain.Owner) ([]domain.Topic, error)
	// EditTopic stores what edit makes of the topic; errors as AddTopic and Topic.
	EditTopic(ctx context.Context, owner domain.Owner, id domain.TopicID, edit func(*domain.Topic) error) (CountedTopic, error)
	// DeleteTopic removes a topic; its documents stay, no longer filed under it.
	DeleteTopic(ctx context.Context, owner domain.Owner, id domain.TopicID) error
}

// CountedTopic is a topic with the number of documents filed under it, suggested ones included, rejected ones not.
type CountedTopic struct {
	domain.Topic
	Documents int
}

// Folders keeps the owner's tree of folders.
type Folders interface {
	// AddFolder adds a folder. A name that its parent has already is a Conflict with reason "duplicate_name"; a parent that this
	// owner does not have, or one already domain.MaxFolderDepth deep, is Invalid and names "parent_id".
	AddFolder(ctx context.Context, folder domain.Folder) error
	// Folder returns one folder.
	Folder(ctx context.Context, owner domain.Owner, id domain.FolderID) (PlacedFolder, error)
	// ListFolders returns the whole tree, parents before their children, siblings in order of their names.
	ListFolders(ctx context.Context, owner domain.Owner) ([]PlacedFolder, error)
	// EditFolder renames or moves a folder; errors as AddFolder and Folder. A move below itself is a Conflict with reason
	// "cycle", also when two moves that would only together make a cycle run at once.
	EditFolder(ctx context.Context, owner domain.Owner, id domain.FolderID, edit func(*domain.Folder) error) (PlacedFolder, error)
	// DeleteFolder removes a folder and everything below it; documents in them stay, in no folder. With onlyEmpty a folder that
	// holds a document or another folder is a Conflict with reason "not_empty" instead.
	DeleteFolder(ctx context.Context, owner domain.Owner, id domain.FolderID, onlyEmpty bool) (FolderRemoval, error)
}

// PlacedFolder is a folder with its place in the tree.
type PlacedFolder struct {
	domain.Folder
	Path      []domain.FolderName // from the top down to the folder itself
	Documents int                 // in the folder itself
}

// FolderRemoval says what DeleteFolder did.
type FolderRemoval struct {
	Folders   int // removed, the folder itself included
	Documents int // that are in no folder now
}

// Sort is an order of documents.
type Sort string

// The orders there are. Ties are broken by id, in the same direction.
const (
	NewestFirst Sort = "-created_at"
	OldestFirst Sort = "created_at"
	ByName      Sort = "filename" // in the database's collation
	BySize      Sort = "size_bytes"
)

// Sorts returns every order.
func Sorts() []Sort { return []Sort{NewestFirst, OldestFirst, ByName, BySize} }

// DocumentQuery selects a page of documents. The zero query is the newest documents; Limit must be at least 1.
type DocumentQuery struct {
	Status       domain.Status    // "": any
	Topic        domain.TopicID   // zero: any; suggested filings count
	Folder       *domain.FolderID // nil: any; the zero id: in no folder; subfolders do not count
	Content      domain.Digest    // zero: any
	NameContains string           // part of the file name in any case, taken literally; "": any
	Sort         Sort             // "": NewestFirst
	After        *Position        // nil: from the start
	Limit        int
}

// Position is a place in a sorted list: that of a document, whether or not it still exists. Only the field of the sort in use
// and ID matter.
type Position struct {
	CreatedAt time.Time
	Name      domain.FileName
	Size      int64
	ID        domain.DocumentID
}

// PositionOf returns a document's place.
func PositionOf(doc domain.Document) Position {
	return Position{CreatedAt: doc.CreatedAt, Name: doc.Name, Size: doc.Size, ID: doc.ID}
}

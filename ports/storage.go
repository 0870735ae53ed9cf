package ports

import (
	"context"
	"io"
	"time"

	"github.com/docuvault/docuvault/domain"
)

// StorageBackend keeps immutable objects by key. storagetest.Run holds every promise below against every backend.
type StorageBackend interface {
	// Name is what documents.storage_backend says: "minio" for any S3 server, "filesystem", "memory".
	Name() string

	// Put stores what r yields, from where r stands to io.EOF, and reports the number of bytes. Nobody rewinds r: a reader that
	// was consumed before stores 0 bytes. Size is the exact length, or -1 if unknown; another length than announced is
	// Malformed. Memory use does not grow with the length. If Put fails or ctx ends first, no object is visible under key, now
	// or later. An error of r's own is returned as it is, wrapped.
	//
	// Objects are never overwritten: a key that is taken is Conflict, and what is there stays. The zero key names nothing and
	// is an Internal error. Put does not return while a Read of r is under way, nor reads r afterwards; whoever owns r ends a
	// Read that hangs. A ctx that ends after the last byte was sent leaves Put to find out whether the object was stored: it
	// then reports success, or failure and nothing visible.
	Put(ctx context.Context, key domain.ObjectKey, r io.Reader, size int64, contentType string) (int64, error)

	// Get opens an object, or the part of it that the range names. The caller closes the reader, which is good for as long as
	// ctx. An absent key is NotFound, at once and not at the first Read; a range that starts at or after the end, or is
	// negative, is Invalid with reason "range". The Object describes the whole object.
	Get(ctx context.Context, key domain.ObjectKey, part Range) (io.ReadCloser, Object, error)

	// Stat describes an object; an absent key is NotFound.
	Stat(ctx context.Context, key domain.ObjectKey) (Object, error)

	// Delete removes the object. An absent key is no error: deleting twice is deleting.
	Delete(ctx context.Context, key domain.ObjectKey) error

	// List calls each for every object whose name starts with prefix, in no particular order, until each fails; its error is
	// returned. The empty prefix lists everything. An object that this vault did not make has a zero Key.
	List(ctx context.Context, prefix string, each func(Object) error) error

	// URL makes a link from which anyone can fetch the object until it expires, without coming through our API. Where the
	// backend or its configuration cannot, it is NotSupported. The object need not exist. No call is made to the backend. A
	// TTL below a second or above seven days is Invalid and names the field "ttl".
	URL(ctx context.Context, key domain.ObjectKey, link Link) (string, error)

	// AbortStale clears away uploads that were begun before the given time and never finished (nothing of them is visible as an
	// object), and reports how many. With dryRun it only counts. An upload that is aborted under way fails, Unavailable.
	AbortStale(ctx context.Context, before time.Time, dryRun bool) (int, error)

	// Health makes one real call that needs the bucket or folder to be there.
	Health(ctx context.Context) error
}

// Object describes a stored object.
type Object struct {
	Key         domain.ObjectKey // zero if Name is not of this vault's shape
	Name        string           // as the backend has it
	Size        int64            // bytes
	ContentType string           // as given to Put; a listing may leave it empty, and filesystem always does
	ModTime     time.Time
}

// Range selects part of an object. The zero Range is all of it.
type Range struct {
	Offset int64
	Length int64 // 0: to the end; longer than what is left: to the end
}

// Link says what a time-limited URL allows.
type Link struct {
	TTL         time.Duration
	Disposition string // Content-Disposition of the answer
	ContentType string // Content-Type of the answer
}

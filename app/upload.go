package app

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// OnDuplicate says what becomes of an upload whose bytes the owner has already.
type OnDuplicate string

// The ways to treat a duplicate.
const (
	KeepDuplicate   OnDuplicate = "keep"     // store it again, as a document of its own
	RejectDuplicate OnDuplicate = "reject"   // refuse it: Conflict with reason "duplicate_content"
	ReturnExisting  OnDuplicate = "existing" // answer with the document there is
)

// ParseOnDuplicate reads a policy; "" is KeepDuplicate.
func ParseOnDuplicate(s string) (OnDuplicate, error) {
	switch policy := OnDuplicate(s); policy {
	case "":
		return KeepDuplicate, nil
	case KeepDuplicate, RejectDuplicate, ReturnExisting:
		return policy, nil
	default:
		return "", domain.InvalidField("on_duplicate", "must be keep, reject or existing")
	}
}

// NewUpload is a document somebody brings in.
type NewUpload struct {
	Name        string
	Content     io.Reader // read to its end, once
	Size        int64     // bytes, or -1 if not known before
	OnDuplicate OnDuplicate
	// Details is asked once Content has been read, because in a form the other fields may follow the file. Nil means none.
	Details func() (UploadDetails, error)
}

// UploadDetails says where a new document goes.
type UploadDetails struct {
	Folder domain.FolderID
	Topics []domain.TopicID
}

// Upload stores a new document and asks for its processing. Bytes first, row second: a crash in between leaves an object that
// the sweeper finds, never a row without bytes. A queue that is down does not fail the upload; the reconciler asks again. The
// second result says that the owner had the bytes already and the document is that older one.
func (v *Vault) Upload(ctx context.Context, owner domain.Owner, in NewUpload) (domain.Document, bool, error) {
	name, err := domain.NewFileName(in.Name)
	if err != nil {
		return domain.Document{}, false, err
	}
	if in.Size > v.cfg.MaxUpload {
		return domain.Document{}, false, v.tooLarge()
	}
	body := heads.Get().(*bufio.Reader)
	body.Reset(&cappedReader{r: in.Content, left: v.cfg.MaxUpload, tooLarge: v.tooLarge})
	defer func() {
		body.Reset(nil)
		heads.Put(body)
	}()
	contentType, err := v.accept(body, name)
	if err != nil {
		return domain.Document{}, false, err
	}

	up := domain.Upload{ID: newDocumentID(), Owner: owner, Name: name, ContentType: contentType, Backend: v.storage.Name(), Task: newTaskID()}
	up.Object = domain.NewObjectKey(owner, up.ID, uuid.New(), name)
	sum := sha256.New()
	up.Size, err = v.storage.Put(ctx, up.Object, io.TeeReader(body, sum), in.Size, contentType)
	if err != nil {
		return domain.Document{}, false, fmt.Errorf("store the bytes of %s: %w", up.ID, err)
	}
	up.SHA256 = domain.Digest(sum.Sum(nil))

	doc, err := v.newDocument(ctx, up, in)
	if err != nil {
		v.discard(ctx, up.Object)
		return domain.Document{}, false, err
	}
	doc, existing, err := v.register(ctx, doc, in.OnDuplicate)
	switch {
	case err == nil && !existing:
		v.requestProcessing(ctx, doc)
		if len(doc.Topics) > 0 {
			v.learn(ctx, owner)
		}
	case err == nil, !domain.ErrorCode(err).Retryable():
		v.discard(ctx, up.Object)
	default:
		// The row may be there, or come to be: a commit whose answer was lost. Its bytes must then be there too.
		v.log.WarnContext(ctx, "an upload failed in the database, its object is left to the sweeper", "object_key", up.Object.String(), "error", err)
	}
	return doc, existing, err
}

// newDocument makes the document of an upload whose bytes are stored.
func (v *Vault) newDocument(ctx context.Context, up domain.Upload, in NewUpload) (domain.Document, error) {
	if in.Details == nil {
		return domain.NewDocument(up, v.now(), v.cfg.Recovery), nil
	}
	details, err := in.Details()
	if err != nil {
		return domain.Document{}, err
	}
	up.Folder = details.Folder
	doc := domain.NewDocument(up, v.now(), v.cfg.Recovery)
	if len(details.Topics) > 0 {
		doc.Topics, err = v.filings(ctx, up.Owner, details.Topics)
	}
	return doc, err
}

// registerTimeout bounds the row's way into the database. The caller's going away does not end it: the bytes are stored, and a
// commit that is cut off in the middle leaves nobody knowing.
const registerTimeout = 30 * time.Second

// register adds the document's row. After an error that is not Retryable there is certainly none.
func (v *Vault) register(ctx context.Context, added domain.Document, policy OnDuplicate) (doc domain.Document, existing bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), registerTimeout)
	defer cancel()
	if policy == KeepDuplicate || policy == "" {
		return added, false, v.repo.AddDocument(ctx, added)
	}
	err = v.repo.Tx(ctx, func(repo ports.Repository) error {
		doc, existing, err = addUnlessKnown(ctx, repo, added, policy)
		return err
	})
	return doc, existing, err
}

// filings confirms topics of the owner's, in the order of their names.
func (v *Vault) filings(ctx context.Context, owner domain.Owner, ids []domain.TopicID) ([]domain.Filing, error) {
	topics, err := v.repo.TopicsOf(ctx, owner)
	if err != nil {
		return nil, err
	}
	var filings []domain.Filing
	known := make(map[domain.TopicID]bool, len(topics))
	for _, topic := range topics {
		known[topic.ID] = true
		if slices.Contains(ids, topic.ID) {
			filings = append(filings, domain.Filing{Topic: topic.ID, Name: topic.Name, Color: topic.Color, Confirmed: true})
		}
	}
	for _, id := range ids {
		if !known[id] {
			return nil, domain.InvalidField("topic_ids", "there is no such topic")
		}
	}
	return filings, nil
}

// addUnlessKnown adds the document unless its owner has the same bytes. The lock makes two uploads of the same bytes take turns.
func addUnlessKnown(ctx context.Context, repo ports.Repository, doc domain.Document, policy OnDuplicate) (domain.Document, bool, error) {
	if err := repo.LockContent(ctx, doc.Owner, doc.SHA256); err != nil {
		return domain.Document{}, false, err
	}
	known, err := repo.DocumentByContent(ctx, doc.Owner, doc.SHA256)
	switch {
	case domain.ErrorCode(err) == domain.NotFound:
		return doc, false, repo.AddDocument(ctx, doc)
	case err != nil:
		return domain.Document{}, false, err
	case policy == ReturnExisting:
		return known, true, nil
	default:
		return domain.Document{}, false, domain.Errorf(domain.Conflict, "the vault has these bytes already, as document %s", known.ID).Because("duplicate_content")
	}
}

// accept finds the content type from the first bytes and refuses what the vault does not keep.
func (v *Vault) accept(body *bufio.Reader, name domain.FileName) (string, error) {
	head, err := body.Peek(ports.DetectBytes)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return "", fmt.Errorf("read the upload: %w", err)
	case len(head) == 0:
		return "", domain.InvalidField("file", "is empty; choose a file with something in it")
	}
	contentType := v.types.DetectType(head, name)
	if v.allowed != nil && !v.allowed[contentType] {
		return "", domain.Errorf(domain.UnsupportedType, "files of type %s are not accepted here", contentType)
	}
	return contentType, nil
}

func (v *Vault) tooLarge() error {
	return domain.Errorf(domain.TooLarge, "a document may have at most %d bytes", v.cfg.MaxUpload)
}

// discardTimeout bounds the clean-up after a failed upload. What it does not manage is the sweeper's.
const discardTimeout = 10 * time.Second

func (v *Vault) discard(ctx context.Context, key domain.ObjectKey) {
	discard(ctx, v.storage, key, v.log)
}

// discard removes an object that no row names, also when the caller went away.
func discard(ctx context.Context, storage ports.StorageBackend, key domain.ObjectKey, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discardTimeout)
	defer cancel()
	if err := storage.Delete(ctx, key); err != nil {
		log.WarnContext(ctx, "could not remove an object, the sweeper will", "object_key", key.String(), "error", err)
	}
}

// heads holds readers whose buffer is what a TypeDetector is shown.
var heads = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, ports.DetectBytes) }}

// cappedReader fails once more than left bytes were read, so that a stream of unknown length is cut off, not cut short.
type cappedReader struct {
	r        io.Reader
	left     int64
	tooLarge func() error
}

func (c *cappedReader) Read(p []byte) (int, error) {
	if c.left < 0 {
		return 0, c.tooLarge()
	}
	if int64(len(p)) > c.left+1 {
		p = p[:c.left+1]
	}
	n, err := c.r.Read(p)
	if c.left -= int64(n); c.left < 0 {
		return n, c.tooLarge()
	}
	return n, err
}

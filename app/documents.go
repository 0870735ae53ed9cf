package app

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// Document returns one document.
func (v *Vault) Document(ctx context.Context, owner domain.Owner, id domain.DocumentID) (domain.Document, error) {
	return v.repo.Document(ctx, owner, id)
}

// Documents returns a page of documents, and the position the next page starts after: nil when this page is the last.
func (v *Vault) Documents(ctx context.Context, owner domain.Owner, query ports.DocumentQuery) ([]domain.Document, *ports.Position, error) {
	limit := query.Limit
	query.Limit++ // one more tells whether there is another page
	docs, err := v.repo.ListDocuments(ctx, owner, query)
	if err != nil || len(docs) <= limit {
		return docs, nil, err
	}
	docs = docs[:limit]
	next := ports.PositionOf(docs[limit-1])
	return docs, &next, nil
}

// Text returns the extracted text of a document. Before it is ready there is none: Conflict with reason "not_ready".
func (v *Vault) Text(ctx context.Context, owner domain.Owner, id domain.DocumentID) (domain.Document, string, error) {
	doc, err := v.repo.Document(ctx, owner, id)
	if err != nil {
		return domain.Document{}, "", err
	}
	if doc.Status != domain.Ready {
		return doc, "", domain.Errorf(domain.Conflict, "the document is %s; its text can be read once it is ready", doc.Status).Because("not_ready")
	}
	text, err := v.repo.DocumentText(ctx, owner, id)
	return doc, text, err
}

// DocumentDetail is a document with what lists leave out because it is long.
type DocumentDetail struct {
	domain.Document
	Text       string // "" while there is none
	PageStarts []int  // where in Text each page begins, in characters; nil where that is not known
}

// DocumentDetail returns a document and what there is of its text.
func (v *Vault) DocumentDetail(ctx context.Context, owner domain.Owner, id domain.DocumentID) (detail DocumentDetail, err error) {
	if detail.Document, err = v.repo.Document(ctx, owner, id); err != nil || detail.Status == domain.Pending {
		return detail, err
	}
	if detail.Text, err = v.repo.DocumentText(ctx, owner, id); err != nil {
		return detail, err
	}
	detail.PageStarts, err = v.repo.PageStarts(ctx, owner, id)
	return detail, err
}

// OpenContent opens a document's bytes, or a part of them. The caller closes the reader.
func (v *Vault) OpenContent(ctx context.Context, doc domain.Document, part ports.Range) (io.ReadCloser, error) {
	if err := elsewhere(doc, v.storage); err != nil {
		return nil, err
	}
	if doc.Object.IsZero() {
		v.log.ErrorContext(ctx, "the object key in a document's row is damaged", "document_id", doc.ID.String())
		return nil, keyDamage(domain.NotFound)
	}
	content, _, err := v.storage.Get(ctx, doc.Object, part)
	if domain.ErrorCode(err) == domain.NotFound {
		v.log.ErrorContext(ctx, "the bytes of a document are missing", "document_id", doc.ID.String(), "object_key", doc.Object.String())
		return nil, missingContent()
	}
	if err != nil {
		return nil, fmt.Errorf("open the bytes of %s: %w", doc.ID, err)
	}
	return content, nil
}

func missingContent() error {
	return domain.Errorf(domain.NotFound, "the bytes of this document are missing from storage").Because("content_missing")
}

// DocumentChange is what a person changes of a document; nil fields stay as they are.
type DocumentChange struct {
	Name   *string
	Folder *domain.FolderID // the zero id takes it out of its folder
	Topics *[]domain.TopicID
}

// EditDocument renames, moves or files a document. Topics that a person names are confirmed and replace all others,
// which are rejected.
func (v *Vault) EditDocument(ctx context.Context, owner domain.Owner, id domain.DocumentID, change DocumentChange) (domain.Document, error) {
	var name domain.FileName
	if change.Name != nil {
		var err error
		if name, err = domain.NewFileName(*change.Name); err != nil {
			return domain.Document{}, err
		}
	}
	edited, err := v.repo.EditDocument(ctx, owner, id, v.now(), func(doc *domain.Document) error {
		if change.Name != nil {
			doc.Name = name
		}
		if change.Folder != nil {
			doc.Folder = *change.Folder
		}
		if change.Topics != nil {
			doc.FileUnder(*change.Topics)
		}
		return nil
	})
	if err == nil && change.Topics != nil {
		v.learn(ctx, owner)
	}
	return edited, err
}

// DeleteDocument removes a document: the row, then the bytes, its thumbnail's too. A crash in between leaves an object that the sweeper finds.
func (v *Vault) DeleteDocument(ctx context.Context, owner domain.Owner, id domain.DocumentID) error {
	doc, err := v.repo.DeleteDocument(ctx, owner, id)
	if err != nil {
		return err
	}
	if err := elsewhere(doc, v.storage); err != nil {
		v.log.WarnContext(ctx, "a deleted document's bytes stay in another backend, whose sweep will find them", "document_id", id.String(), "error", err)
		return nil
	}
	for _, key := range []domain.ObjectKey{doc.Object, doc.Thumbnail} {
		if !key.IsZero() {
			v.discard(ctx, key)
		}
	}
	return nil
}

// Reprocess sends a document round again and returns the task that does it. While it is on its way already, that task is
// returned and nothing else happens.
func (v *Vault) Reprocess(ctx context.Context, owner domain.Owner, id domain.DocumentID) (domain.TaskID, error) {
	if _, err := v.repo.Document(ctx, owner, id); err != nil {
		return "", err
	}
	task, sent := newTaskID(), false
	doc, err := v.repo.Advance(ctx, id, func(doc *domain.Document) error {
		if sent = doc.Status.Final(); sent {
			return doc.Reprocess(task, v.now(), v.cfg.Recovery)
		}
		if sent = doc.Task == ""; sent {
			return doc.Adopt(task, v.now(), v.cfg.Recovery)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	if sent {
		v.requestProcessing(ctx, doc)
	}
	return doc.Task, nil
}

// SharedLink is a time-limited way to a document's bytes.
type SharedLink struct {
	URL       string // absolute, or a token for our own API to redeem when Token is set
	Token     string
	ExpiresAt time.Time
}

// Link makes a time-limited link: the storage's own where it can, else a token of ours. A ttl of 0 is the default; longer than
// allowed is Invalid.
func (v *Vault) Link(ctx context.Context, owner domain.Owner, id domain.DocumentID, ttl time.Duration, describe func(domain.Document) ports.Link) (SharedLink, error) {
	if ttl == 0 {
		ttl = v.cfg.LinkTTL
	}
	if ttl < time.Second || ttl > v.cfg.MaxLinkTTL {
		return SharedLink{}, domain.InvalidField("expires_in", "must be from 1 to %d seconds", int(v.cfg.MaxLinkTTL.Seconds()))
	}
	doc, err := v.repo.Document(ctx, owner, id)
	if err != nil {
		return SharedLink{}, err
	}
	if err := elsewhere(doc, v.storage); err != nil {
		return SharedLink{}, err
	}
	if doc.Object.IsZero() {
		return SharedLink{}, keyDamage(domain.NotFound)
	}
	link := describe(doc)
	link.TTL = ttl
	expires := v.now().Add(ttl).UTC().Truncate(time.Second)
	url, err := v.storage.URL(ctx, doc.Object, link)
	switch {
	case err == nil:
		return SharedLink{URL: url, ExpiresAt: expires}, nil
	case domain.ErrorCode(err) == domain.NotSupported:
		return SharedLink{Token: v.links.Sign(owner, id, expires), ExpiresAt: expires}, nil
	default:
		return SharedLink{}, err
	}
}

// Redeem returns the document that a token of Link leads to.
func (v *Vault) Redeem(ctx context.Context, token string) (domain.Document, error) {
	owner, id, err := v.links.Verify(token, v.now())
	if err != nil {
		return domain.Document{}, err
	}
	return v.repo.Document(ctx, owner, id)
}

package app

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// ThumbnailType is the content type of every thumbnail.
const ThumbnailType = "image/jpeg"

// keepThumbnail stores a document's thumbnail as an object of its own: bytes first, the row that names it second. If the row
// never comes, the object is the sweeper's.
func (p *Processor) keepThumbnail(ctx context.Context, doc domain.Document, thumbnail []byte) (domain.ObjectKey, error) {
	if len(thumbnail) == 0 {
		return domain.ObjectKey{}, nil
	}
	key := domain.NewThumbnailKey(doc.Owner, doc.ID, uuid.New())
	if _, err := p.storage.Put(ctx, key, bytes.NewReader(thumbnail), int64(len(thumbnail)), ThumbnailType); err != nil {
		return domain.ObjectKey{}, fmt.Errorf("store the thumbnail: %w", err)
	}
	return key, nil
}

// discard removes an object that no row names any more. The zero key is none.
func (p *Processor) discard(ctx context.Context, key domain.ObjectKey) {
	if !key.IsZero() {
		discard(ctx, p.storage, key, p.log)
	}
}

// OpenThumbnail opens a document's thumbnail and returns how many bytes it has. A document without one is NotFound with reason
// "no_thumbnail", one whose thumbnail is missing from storage NotFound with reason "content_missing", and one that was given another
// since doc was read Unavailable. The caller closes the reader.
func (v *Vault) OpenThumbnail(ctx context.Context, doc domain.Document) (io.ReadCloser, int64, error) {
	if doc.Thumbnail.IsZero() {
		return nil, 0, noThumbnail()
	}
	if err := elsewhere(doc, v.storage); err != nil {
		return nil, 0, err
	}
	content, object, err := v.storage.Get(ctx, doc.Thumbnail, ports.Range{})
	if domain.ErrorCode(err) == domain.NotFound {
		now, again := v.repo.Document(ctx, doc.Owner, doc.ID)
		switch {
		case again != nil:
			return nil, 0, again
		case now.Thumbnail != doc.Thumbnail:
			return nil, 0, domain.Errorf(domain.Unavailable, "the thumbnail of this document was just replaced; ask again")
		}
		v.log.ErrorContext(ctx, "the thumbnail of a document is missing", "document_id", doc.ID.String(), "object_key", doc.Thumbnail.String())
		return nil, 0, domain.Errorf(domain.NotFound, "the thumbnail of this document is missing from storage; process the document again to get one").Because("content_missing")
	}
	if err != nil {
		return nil, 0, fmt.Errorf("open the thumbnail of %s: %w", doc.ID, err)
	}
	return content, object.Size, nil
}

func noThumbnail() error {
	return domain.Errorf(domain.NotFound, "there is no thumbnail of this document").Because("no_thumbnail")
}

package memory

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// AddDocument implements ports.Documents.
func (u unit) AddDocument(ctx context.Context, doc domain.Document) error {
	leave, err := u.enter(ctx, "AddDocument")
	if err != nil {
		return err
	}
	defer leave()
	if _, taken := u.rows.documents[doc.ID]; taken {
		return domain.Errorf(domain.Conflict, "there is a document %s already", doc.ID)
	}
	if err := u.mustHave(doc.Owner, doc.Folder, doc.Topics); err != nil {
		return err
	}
	u.rows.documents[doc.ID] = storedDocument{Document: asKept(doc)}
	return nil
}

// mustHave refuses folders and topics that are not the owner's.
func (u unit) mustHave(owner domain.Owner, folder domain.FolderID, filings []domain.Filing) error {
	if f, ok := u.rows.folders[folder]; !folder.IsZero() && (!ok || f.Owner != owner) {
		return domain.InvalidField("folder_id", "there is no folder %s", folder)
	}
	for _, filing := range filings {
		if t, ok := u.rows.topics[filing.Topic]; !ok || t.Owner != owner {
			return domain.InvalidField("topic_ids", "there is no topic %s", filing.Topic)
		}
	}
	return nil
}

// asKept returns a document as a database would keep it, sharing nothing with the caller's.
func asKept(doc domain.Document) domain.Document {
	doc.Topics = filings(doc.Topics)
	doc.Rejected = rejected(doc)
	doc.PageCount = clone(doc.PageCount)
	doc.About = storedAbout(doc.About)
	doc.CreatedAt, doc.UpdatedAt = domain.Moment(doc.CreatedAt), domain.Moment(doc.UpdatedAt)
	doc.Progress = storedProgress(doc.Progress)
	return doc
}

func storedAbout(a domain.About) domain.About {
	return domain.About{Title: storable(a.Title), Author: storable(a.Author), Language: storable(a.Language), Warning: storable(a.Warning),
		AuthoredAt: domain.Moment(a.AuthoredAt), ModifiedAt: domain.Moment(a.ModifiedAt)}
}

// storable is a text as a database can hold it.
func storable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}

func storedProgress(p domain.Progress) domain.Progress {
	p.Failure = clone(p.Failure)
	if p.Status != domain.Failed {
		p.Failure = nil
	}
	p.EnqueuedAt, p.ReconcileAt = domain.Moment(p.EnqueuedAt), domain.Moment(p.ReconcileAt)
	return p
}

// filings keeps the first of each topic, without what is the topic's.
func filings(all []domain.Filing) []domain.Filing {
	var kept []domain.Filing
	for _, f := range all {
		if !slices.ContainsFunc(kept, func(k domain.Filing) bool { return k.Topic == f.Topic }) {
			kept = append(kept, domain.Filing{Topic: f.Topic, Confirmed: f.Confirmed, Confidence: clone(f.Confidence), By: f.By})
		}
	}
	return kept
}

// rejected keeps each rejected topic once, in order, unless the document is filed under it.
func rejected(doc domain.Document) []domain.TopicID {
	var kept []domain.TopicID
	for _, id := range doc.Rejected {
		if !slices.Contains(kept, id) && !slices.ContainsFunc(doc.Topics, func(f domain.Filing) bool { return f.Topic == id }) {
			kept = append(kept, id)
		}
	}
	slices.SortFunc(kept, func(a, b domain.TopicID) int { return compareIDs(a, b) })
	return kept
}

func asFilings(topics []domain.TopicID) []domain.Filing {
	all := make([]domain.Filing, len(topics))
	for i, topic := range topics {
		all[i].Topic = topic
	}
	return all
}

func clone[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// bare returns a copy of a stored document without its topics.
func bare(s storedDocument) domain.Document {
	doc := asKept(s.Document)
	doc.Topics, doc.Rejected = nil, nil
	return doc
}

// full returns a copy of a stored document with its topics in order of their names.
func (u unit) full(s storedDocument) domain.Document {
	doc := asKept(s.Document)
	for i, f := range doc.Topics {
		topic := u.rows.topics[f.Topic]
		doc.Topics[i].Name, doc.Topics[i].Color = topic.Name, topic.Color
	}
	slices.SortFunc(doc.Topics, func(a, b domain.Filing) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), compareIDs(a.Topic, b.Topic))
	})
	return doc
}

func (u unit) owned(owner domain.Owner, id domain.DocumentID) (storedDocument, error) {
	s, ok := u.rows.documents[id]
	if !ok || s.Owner != owner {
		return storedDocument{}, notFound("document")
	}
	return s, nil
}

// LockContent implements ports.Documents: a transaction has everything to itself already.
func (u unit) LockContent(ctx context.Context, _ domain.Owner, _ domain.Digest) error {
	leave, err := u.enter(ctx, "LockContent")
	if err != nil {
		return err
	}
	leave()
	return nil
}

// Document implements ports.Documents.
func (u unit) Document(ctx context.Context, owner domain.Owner, id domain.DocumentID) (domain.Document, error) {
	leave, err := u.enter(ctx, "Document")
	if err != nil {
		return domain.Document{}, err
	}
	defer leave()
	s, err := u.owned(owner, id)
	if err != nil {
		return domain.Document{}, err
	}
	return u.full(s), nil
}

// DocumentText implements ports.Documents.
func (u unit) DocumentText(ctx context.Context, owner domain.Owner, id domain.DocumentID) (string, error) {
	leave, err := u.enter(ctx, "DocumentText")
	if err != nil {
		return "", err
	}
	defer leave()
	s, err := u.owned(owner, id)
	return s.text, err
}

// PageStarts implements ports.Documents.
func (u unit) PageStarts(ctx context.Context, owner domain.Owner, id domain.DocumentID) ([]int, error) {
	leave, err := u.enter(ctx, "PageStarts")
	if err != nil {
		return nil, err
	}
	defer leave()
	s, err := u.owned(owner, id)
	return slices.Clone(s.pageStarts), err
}

// DocumentByContent implements ports.Documents.
func (u unit) DocumentByContent(ctx context.Context, owner domain.Owner, digest domain.Digest) (domain.Document, error) {
	leave, err := u.enter(ctx, "DocumentByContent")
	if err != nil {
		return domain.Document{}, err
	}
	defer leave()
	return u.oldest(func(s storedDocument) bool { return s.Owner == owner && !digest.IsZero() && s.SHA256 == digest })
}

// DocumentByTask implements ports.Documents.
func (u unit) DocumentByTask(ctx context.Context, owner domain.Owner, task domain.TaskID) (domain.Document, error) {
	leave, err := u.enter(ctx, "DocumentByTask")
	if err != nil {
		return domain.Document{}, err
	}
	defer leave()
	return u.oldest(func(s storedDocument) bool { return s.Owner == owner && task != "" && s.Task == task })
}

func (u unit) oldest(wanted func(storedDocument) bool) (domain.Document, error) {
	found := u.documents(wanted)
	if len(found) == 0 {
		return domain.Document{}, notFound("document")
	}
	return u.full(slices.MinFunc(found, func(a, b storedDocument) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), compareIDs(a.ID, b.ID))
	})), nil
}

func (u unit) documents(wanted func(storedDocument) bool) []storedDocument {
	var found []storedDocument
	for _, s := range u.rows.documents {
		if wanted(s) {
			found = append(found, s)
		}
	}
	return found
}

// ListDocuments implements ports.Documents.
func (u unit) ListDocuments(ctx context.Context, owner domain.Owner, query ports.DocumentQuery) ([]domain.Document, error) {
	leave, err := u.enter(ctx, "ListDocuments")
	if err != nil {
		return nil, err
	}
	defer leave()
	if query.Limit < 1 {
		return nil, domain.InvalidField("limit", "must be at least 1")
	}
	if query.Sort == "" {
		query.Sort = ports.NewestFirst
	}
	if !slices.Contains(ports.Sorts(), query.Sort) {
		return nil, domain.InvalidField("sort", "must be one of -created_at, created_at, filename and size_bytes")
	}
	if !utf8.ValidString(query.NameContains) {
		return nil, nil // no name can hold that
	}
	found := u.documents(func(s storedDocument) bool { return s.Owner == owner && selects(query, s) })
	slices.SortFunc(found, func(a, b storedDocument) int {
		return comparePositions(query.Sort, ports.PositionOf(a.Document), ports.PositionOf(b.Document))
	})
	docs := make([]domain.Document, 0, min(query.Limit, len(found)))
	for _, s := range found {
		if query.After != nil && comparePositions(query.Sort, ports.PositionOf(s.Document), *query.After) <= 0 {
			continue
		}
		if docs = append(docs, u.full(s)); len(docs) == query.Limit {
			break
		}
	}
	return docs, nil
}

func selects(query ports.DocumentQuery, s storedDocument) bool {
	filed := func(f domain.Filing) bool { return f.Topic == query.Topic }
	switch {
	case query.Status != "" && s.Status != query.Status:
	case query.Topic != (domain.TopicID{}) && !slices.ContainsFunc(s.Topics, filed):
	case query.Folder != nil && s.Folder != *query.Folder:
	case !strings.Contains(strings.ToLower(string(s.Name)), strings.ToLower(query.NameContains)):
	default:
		return true
	}
	return false
}

func comparePositions(sort ports.Sort, a, b ports.Position) int {
	switch sort {
	case ports.OldestFirst:
		return cmp.Or(domain.Moment(a.CreatedAt).Compare(domain.Moment(b.CreatedAt)), compareIDs(a.ID, b.ID))
	case ports.ByName:
		return cmp.Or(cmp.Compare(a.Name, b.Name), compareIDs(a.ID, b.ID))
	case ports.BySize:
		return cmp.Or(cmp.Compare(a.Size, b.Size), compareIDs(a.ID, b.ID))
	default:
		return comparePositions(ports.OldestFirst, b, a)
	}
}

// EditDocument implements ports.Documents.
func (u unit) EditDocument(ctx context.Context, owner domain.Owner, id domain.DocumentID, now time.Time, edit func(*domain.Document) error) (domain.Document, error) {
	leave, err := u.enter(ctx, "EditDocument")
	if err != nil {
		return domain.Document{}, err
	}
	defer leave()
	s, err := u.owned(owner, id)
	if err != nil {
		return domain.Document{}, err
	}
	doc := u.full(s)
	if err := edit(&doc); err != nil {
		return domain.Document{}, err
	}
	if err := u.mustHave(owner, doc.Folder, doc.Topics); err != nil {
		return domain.Document{}, err
	}
	if err := u.mustHave(owner, doc.Folder, asFilings(doc.Rejected)); err != nil {
		return domain.Document{}, err
	}
	s.Name, s.Folder, s.Topics, s.Rejected, s.UpdatedAt = doc.Name, doc.Folder, filings(doc.Topics), rejected(doc), domain.Moment(now)
	u.rows.documents[id] = s
	return u.full(s), nil
}

// DeleteDocument implements ports.Documents.
func (u unit) DeleteDocument(ctx context.Context, owner domain.Owner, id domain.DocumentID) (domain.Document, error) {
	leave, err := u.enter(ctx, "DeleteDocument")
	if err != nil {
		return domain.Document{}, err
	}
	defer leave()
	s, err := u.owned(owner, id)
	if err != nil {
		return domain.Document{}, err
	}
	delete(u.rows.documents, id)
	return bare(s), nil
}

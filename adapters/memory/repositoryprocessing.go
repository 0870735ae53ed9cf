package memory

import (
	"context"
	"slices"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// Advance implements ports.Processing.
func (u unit) Advance(ctx context.Context, id domain.DocumentID, move func(*domain.Document) error) (domain.Document, error) {
	leave, err := u.enter(ctx, "Advance")
	if err != nil {
		return domain.Document{}, err
	}
	defer leave()
	s, ok := u.rows.documents[id]
	if !ok {
		return domain.Document{}, notFound("document")
	}
	doc := bare(s)
	if err := move(&doc); err != nil {
		return bare(s), err
	}
	return bare(u.progress(s, doc)), nil
}

// progress stores what processing changes.
func (u unit) progress(s storedDocument, doc domain.Document) storedDocument {
	s.Progress, s.UpdatedAt = storedProgress(doc.Progress), domain.Moment(doc.UpdatedAt)
	u.rows.documents[s.ID] = s
	return s
}

// Complete implements ports.Processing.
func (u unit) Complete(ctx context.Context, held domain.Attempt, doc domain.Document, outcome ports.Outcome) (domain.Document, error) {
	leave, err := u.enter(ctx, "Complete")
	if err != nil {
		return domain.Document{}, err
	}
	defer leave()
	s, ok := u.rows.documents[doc.ID]
	if !ok {
		return domain.Document{}, notFound("document")
	}
	if s.Status != domain.Processing || s.Attempts != held {
		return domain.Document{}, domain.Errorf(domain.Conflict, "attempt %d no longer holds the document", held).Because("lost_hold")
	}
	s.Status, s.Failure, s.Requeues, s.UpdatedAt = doc.Status, doc.Failure, doc.Requeues, domain.Moment(doc.UpdatedAt)
	s.Progress = storedProgress(s.Progress)
	if doc.Status == domain.Ready {
		s.text, s.pageStarts = storable(outcome.Text), slices.Clone(outcome.PageStarts)
		s.Truncated, s.PageCount = outcome.Truncated, clone(outcome.PageCount)
		s.About, s.Thumbnail = storedAbout(outcome.About), outcome.Thumbnail
		s.Topics = u.suggested(s, outcome.Suggestions)
	}
	u.rows.documents[s.ID] = s
	return u.full(s), nil
}

// suggested returns the confirmed filings and, for other topics that the owner has, the suggested ones.
func (u unit) suggested(s storedDocument, suggestions []domain.Suggestion) []domain.Filing {
	kept := slices.DeleteFunc(filings(s.Topics), func(f domain.Filing) bool { return !f.Confirmed })
	for _, suggestion := range suggestions {
		if topic, ok := u.rows.topics[suggestion.Topic]; ok && topic.Owner == s.Owner && !slices.Contains(s.Rejected, topic.ID) {
			kept = append(kept, domain.Filing{Topic: suggestion.Topic, Confidence: &suggestion.Confidence, By: suggestion.By})
		}
	}
	return filings(kept)
}

// RecoverOverdue implements ports.Processing.
func (u unit) RecoverOverdue(ctx context.Context, want ports.Overdue, decide func(*domain.Document) domain.Verdict) ([]ports.Recovered, error) {
	leave, err := u.enter(ctx, "RecoverOverdue")
	if err != nil {
		return nil, err
	}
	defer leave()
	overdue := u.documents(func(s storedDocument) bool {
		queued := want.QueuedSince != nil && s.Status == domain.Pending && !s.EnqueuedAt.IsZero() && !s.EnqueuedAt.Before(domain.Moment(*want.QueuedSince))
		due := !s.ReconcileAt.After(domain.Moment(want.By))
		if !want.Beyond.IsZero() {
			due = s.ReconcileAt.After(domain.Moment(want.Beyond))
		}
		return !s.Status.Final() && due && !queued
	})
	slices.SortFunc(overdue, func(a, b storedDocument) int { return a.ReconcileAt.Compare(b.ReconcileAt) })
	var recovered []ports.Recovered
	var moved []storedDocument
	for _, s := range overdue[:min(max(want.Limit, 0), len(overdue))] {
		doc := bare(s)
		verdict := decide(&doc)
		s.Progress, s.UpdatedAt = storedProgress(doc.Progress), domain.Moment(doc.UpdatedAt)
		moved = append(moved, s)
		recovered = append(recovered, ports.Recovered{Document: bare(s), Verdict: verdict})
	}
	for _, s := range moved { // after all decisions: one that panics leaves everything as it was
		u.rows.documents[s.ID] = s
	}
	return recovered, nil
}

// NamedObjects implements ports.Processing.
func (u unit) NamedObjects(ctx context.Context, keys []domain.ObjectKey) (map[domain.ObjectKey]bool, error) {
	leave, err := u.enter(ctx, "NamedObjects")
	if err != nil {
		return nil, err
	}
	defer leave()
	named := map[domain.ObjectKey]bool{}
	for _, s := range u.rows.documents {
		for _, key := range []domain.ObjectKey{s.Object, s.Thumbnail} {
			if !key.IsZero() && slices.Contains(keys, key) {
				named[key] = true
			}
		}
	}
	return named, nil
}

// DocumentsAfter implements ports.Processing.
func (u unit) DocumentsAfter(ctx context.Context, after *domain.DocumentID, limit int) ([]domain.Document, error) {
	leave, err := u.enter(ctx, "DocumentsAfter")
	if err != nil {
		return nil, err
	}
	defer leave()
	found := u.documents(func(s storedDocument) bool {
		return after == nil || compareIDs(s.ID, *after) > 0
	})
	slices.SortFunc(found, func(a, b storedDocument) int { return compareIDs(a.ID, b.ID) })
	var docs []domain.Document
	for _, s := range found[:min(max(limit, 0), len(found))] {
		docs = append(docs, bare(s))
	}
	return docs, nil
}

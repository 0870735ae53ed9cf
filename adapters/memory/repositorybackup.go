package memory

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// CountRows implements ports.Rows.
func (u unit) CountRows(ctx context.Context) (ports.RowCounts, error) {
	leave, err := u.enter(ctx, "CountRows")
	if err != nil {
		return ports.RowCounts{}, err
	}
	defer leave()
	return u.countRows(), nil
}

func (u unit) countRows() ports.RowCounts {
	counts := ports.RowCounts{Folders: len(u.rows.folders), Topics: len(u.rows.topics), Documents: len(u.rows.documents)}
	for _, s := range u.rows.documents {
		counts.Filings += len(s.Topics) + len(s.Rejected)
	}
	return counts
}

// Snapshot implements ports.Rows. Folders have no time of their making here: it is the zero time.
func (u unit) Snapshot(ctx context.Context, each func(ports.Record) error) error {
	leave, err := u.enter(ctx, "Snapshot")
	if err != nil {
		return err
	}
	defer leave()
	if u.mu == nil {
		return domain.Errorf(domain.Internal, "a snapshot is a transaction of its own")
	}
	for _, record := range u.records() {
		if err := each(record); err != nil {
			return err
		}
	}
	return nil
}

func (u unit) records() (all []ports.Record) {
	depth := func(f domain.Folder) (n int) {
		for ; !f.Parent.IsZero(); f = u.rows.folders[f.Parent] {
			n++
		}
		return n
	}
	for _, folder := range slices.SortedFunc(maps.Values(u.rows.folders), func(a, b domain.Folder) int {
		return cmp.Or(cmp.Compare(depth(a), depth(b)), compareIDs(a.ID, b.ID))
	}) {
		all = append(all, ports.Record{Folder: &ports.FolderRecord{Folder: folder}})
	}
	for _, topic := range slices.SortedFunc(maps.Values(u.rows.topics), func(a, b domain.Topic) int { return compareIDs(a.ID, b.ID) }) {
		all = append(all, ports.Record{Topic: &topic})
	}
	documents := slices.SortedFunc(maps.Values(u.rows.documents), func(a, b storedDocument) int { return compareIDs(a.ID, b.ID) })
	for _, s := range documents {
		record := &ports.DocumentRecord{Document: bare(s), PageStarts: slices.Clone(s.pageStarts)}
		if s.text != "" {
			record.Text = &s.text
		}
		all = append(all, ports.Record{Document: record})
	}
	for _, s := range documents {
		for _, f := range s.Topics {
			all = append(all, ports.Record{Filing: &ports.FilingRecord{Document: s.ID, Topic: f.Topic, Confirmed: f.Confirmed, Confidence: clone(f.Confidence), By: f.By}})
		}
		for _, topic := range s.Rejected {
			all = append(all, ports.Record{Filing: &ports.FilingRecord{Document: s.ID, Topic: topic, Rejected: true}})
		}
	}
	return all
}

// RestoreRows implements ports.Rows.
func (u unit) RestoreRows(ctx context.Context, read func(add func(ports.Record) error) error) error {
	leave, err := u.enter(ctx, "RestoreRows")
	if err != nil {
		return err
	}
	defer leave()
	if counts := u.countRows(); counts != (ports.RowCounts{}) {
		return domain.Errorf(domain.Conflict, "there are %d documents, %d folders and %d topics already", counts.Documents, counts.Folders, counts.Topics).Because("not_empty")
	}
	restored := false
	defer func() { // also on a panic, which goes on
		if !restored {
			clear(u.rows.documents)
			clear(u.rows.topics)
			clear(u.rows.folders)
		}
	}()
	if err := read(func(record ports.Record) error { return u.restore(record) }); err != nil {
		return err
	}
	restored = true
	return nil
}

func (u unit) restore(record ports.Record) error {
	switch {
	case record.Folder != nil:
		if _, ok := u.rows.folders[record.Folder.Parent]; !record.Folder.Parent.IsZero() && !ok {
			return domain.InvalidField("parent_id", "there is no such folder")
		}
		u.rows.folders[record.Folder.ID] = record.Folder.Folder
	case record.Topic != nil:
		u.rows.topics[record.Topic.ID] = *record.Topic
	case record.Document != nil:
		if _, ok := u.rows.folders[record.Document.Folder]; !record.Document.Folder.IsZero() && !ok {
			return domain.InvalidField("folder_id", "there is no such folder")
		}
		stored := storedDocument{Document: asKept(record.Document.Document), pageStarts: slices.Clone(record.Document.PageStarts)}
		if record.Document.Text != nil {
			stored.text = *record.Document.Text
		}
		u.rows.documents[stored.ID] = stored
	case record.Filing != nil:
		f := record.Filing
		stored, ok := u.rows.documents[f.Document]
		if !ok {
			return notFound("document")
		}
		if _, ok := u.rows.topics[f.Topic]; !ok {
			return domain.InvalidField("topic_ids", "there is no such topic")
		}
		if f.Rejected {
			stored.Rejected = append(slices.Clone(stored.Rejected), f.Topic)
		} else {
			stored.Topics = append(slices.Clone(stored.Topics), domain.Filing{Topic: f.Topic, Confirmed: f.Confirmed, Confidence: clone(f.Confidence), By: f.By})
		}
		u.rows.documents[f.Document] = stored
	}
	return nil
}

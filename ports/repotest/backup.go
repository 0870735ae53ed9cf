package repotest

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

func backupTests() map[string]func(*fixture) {
	return map[string]func(*fixture){
		"backup/everything comes back as it was":    everythingBack,
		"backup/a snapshot is of one moment":        oneMoment,
		"backup/an error of each":                   snapshotError,
		"backup/rows there are already":             notEmpty,
		"backup/all of the rows or none":            allOrNone,
		"backup/rows that name what is not there":   namesNothing,
		"backup/a snapshot inside a transaction":    snapshotInTx,
		"backup/more rows than one statement reads": manyRows,
	}
}

// snapshot returns every row.
func (f *fixture) snapshot() (all []ports.Record) {
	f.Helper()
	f.ok(f.Repo.Snapshot(f, func(record ports.Record) error {
		all = append(all, record)
		return nil
	}))
	return all
}

// restoring hands records to add.
func restoring(records []ports.Record) func(add func(ports.Record) error) error {
	return func(add func(ports.Record) error) error {
		for _, record := range records {
			if err := add(record); err != nil {
				return err
			}
		}
		return nil
	}
}

// fill makes rows of every kind, of two owners, and returns them.
func (f *fixture) fill() []ports.Record {
	f.Helper()
	top := f.folder(f.owner, domain.FolderID{}, "top \u202e\U0001f4c1")
	inner := f.folder(f.owner, top.ID, "inner")
	f.folder(f.owner, inner.ID, "innermost")
	f.folder(f.other, domain.FolderID{}, "another's")
	ape, bee, cat := f.topic(f.owner, "ape"), f.topic(f.owner, "bee"), f.topic(f.owner, "cat")
	f.topic(f.other, "another's")

	f.add("pending", inFolder(inner.ID), under(ape), func(up *domain.Upload) { up.Key = "named by its client" })
	f.addFor(f.other, "another's")
	done := f.add("done '; \\ \u00fc")
	held, mine := f.finished(done)
	pages, sure := 3, 1.0/3
	_, err := f.Repo.Complete(f, held, mine, ports.Outcome{Text: "the \"text\" <\u2028> \U0001f4c1", Truncated: true, PageCount: &pages, PageStarts: []int{0, 4, 4},
		About:       domain.About{Title: "t", Author: "a", Language: "de", Warning: "w", AuthoredAt: time.Date(1, 1, 1, 1, 1, 1, 1000, time.UTC), ModifiedAt: epoch},
		Thumbnail:   domain.NewThumbnailKey(f.owner, done.ID, uuid.New()),
		Suggestions: []domain.Suggestion{{Topic: ape.ID, Confidence: sure, By: "somebody"}, {Topic: bee.ID, Confidence: sure, By: "somebody"}}})
	f.ok(err)
	f.edit(done, func(d *domain.Document) {
		d.Accept(bee.ID)
		d.Reject(cat.ID)
	})
	failed := f.add("failed", func(up *domain.Upload) { up.Task, up.SHA256 = "", domain.Digest{} })
	attempt, broken := f.claim(failed.ID, f.now())
	f.ok(broken.Fail(attempt, domain.Failure{Code: "encrypted", Message: "it has a password"}, f.now()))
	_, err = f.Repo.Complete(f, attempt, broken, ports.Outcome{})
	f.ok(err)
	f.claim(f.add("processing").ID, f.now())
	return f.snapshot()
}

// empty removes every row of a snapshot.
func (f *fixture) empty(records []ports.Record) {
	f.Helper()
	for _, record := range records {
		var err error
		switch {
		case record.Document != nil:
			_, err = f.Repo.DeleteDocument(f, record.Document.Owner, record.Document.ID)
		case record.Topic != nil:
			err = f.Repo.DeleteTopic(f, record.Topic.Owner, record.Topic.ID)
		case record.Folder != nil && record.Folder.Parent.IsZero():
			_, err = f.Repo.DeleteFolder(f, record.Folder.Owner, record.Folder.ID, false)
		}
		f.ok(err)
	}
	f.counts(ports.RowCounts{})
}

func (f *fixture) counts(want ports.RowCounts) {
	f.Helper()
	got, err := f.Repo.CountRows(f)
	f.ok(err)
	f.equal("rows", got, want)
}

func everythingBack(f *fixture) {
	records := f.fill()
	f.counts(ports.RowCounts{Folders: 4, Topics: 4, Documents: 5, Filings: 4})
	var listed []domain.Document
	for _, record := range records {
		if record.Document != nil {
			listed = append(listed, f.read(record.Document.Document))
		}
	}
	f.empty(records)
	f.ok(f.Repo.RestoreRows(f, restoring(records)))
	f.equal("rows", f.snapshot(), records)
	for _, doc := range listed {
		f.equal("a document", f.read(doc), doc)
	}
}

// oneMoment: what happens while a snapshot is taken is not in it, nor is half of it.
func oneMoment(f *fixture) {
	if f.Serial {
		return // nothing happens meanwhile
	}
	before := f.fill()
	var got []ports.Record
	f.ok(f.Repo.Snapshot(f, func(record ports.Record) error {
		if len(got) == 0 {
			f.add("meanwhile", under(f.topic(f.owner, "meanwhile")))
			for _, record := range before {
				if record.Document != nil {
					_, err := f.Repo.DeleteDocument(f, record.Document.Owner, record.Document.ID)
					f.ok(err)
				}
			}
		}
		got = append(got, record)
		return nil
	}))
	f.equal("rows", got, before)
}

func snapshotError(f *fixture) {
	records := f.fill()
	for i := range records {
		seen := 0
		err := f.Repo.Snapshot(f, func(ports.Record) error {
			if seen++; seen > i {
				return errOwn
			}
			return nil
		})
		if err != errOwn || seen != i+1 { //nolint:errorlint // passed on as it is
			f.Fatalf("row %d: %v after %d rows", i, err, seen)
		}
	}
}

func notEmpty(f *fixture) {
	topic := f.topic(f.other, "another's")
	f.code(f.Repo.RestoreRows(f, func(func(ports.Record) error) error {
		f.Error("read was called")
		return nil
	}), domain.Conflict, "not_empty")
	f.ok(f.Repo.DeleteTopic(f, f.other, topic.ID))
	f.ok(f.Repo.RestoreRows(f, restoring(nil)))
}

func allOrNone(f *fixture) {
	records := f.fill()
	f.empty(records)
	err := f.Repo.RestoreRows(f, func(add func(ports.Record) error) error {
		f.ok(restoring(records)(add))
		return errOwn
	})
	if err != errOwn { //nolint:errorlint // passed on as it is
		f.Fatal(err)
	}
	f.counts(ports.RowCounts{})
}

func namesNothing(f *fixture) {
	folder := newFolder(f.owner, domain.FolderID{1}, "in no folder there is")
	doc := f.upload(f.owner, "a")
	lost := doc
	lost.Folder = folder.ID
	for i, records := range [][]ports.Record{
		{{Folder: &ports.FolderRecord{Folder: folder, CreatedAt: epoch}}},
		{{Document: &ports.DocumentRecord{Document: lost}}},
		{{Document: &ports.DocumentRecord{Document: doc}}, {Filing: &ports.FilingRecord{Document: doc.ID, Topic: domain.TopicID{1}}}},
		{{Filing: &ports.FilingRecord{Document: doc.ID, Topic: domain.TopicID{1}}}},
	} {
		err := f.Repo.RestoreRows(f, restoring(records))
		if code := domain.ErrorCode(err); code != domain.Invalid && code != domain.NotFound {
			f.Fatalf("%d: %v", i, err)
		}
		f.counts(ports.RowCounts{})
	}
}

func snapshotInTx(f *fixture) {
	f.code(f.Repo.Tx(f, func(tx ports.Repository) error {
		return tx.Snapshot(f, func(ports.Record) error { return nil })
	}), domain.Internal, "")
}

func manyRows(f *fixture) {
	var topics []domain.Topic
	for i := range 7 {
		topics = append(topics, f.topic(f.owner, fmt.Sprint(i)))
	}
	var want, got []domain.DocumentID
	for i := range 150 {
		want = append(want, f.add(fmt.Sprint(i), under(topics...)).ID)
	}
	filings := map[ports.FilingRecord]int{}
	for _, record := range f.snapshot() {
		switch {
		case record.Document != nil:
			got = append(got, record.Document.ID)
		case record.Filing != nil:
			filings[*record.Filing]++
		}
	}
	f.equal("documents", got, want)
	f.equal("filings", len(filings), len(want)*len(topics))
	for filing, times := range filings {
		f.equal(fmt.Sprint(filing), times, 1)
	}
}

package repotest

import (
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

func processingTests() map[string]func(*fixture) {
	return map[string]func(*fixture){
		"advance/stores progress and nothing else":    advanceStoresProgress,
		"advance/every field of progress reads back":  progressReadsBack,
		"advance/error of the move":                   advanceError,
		"advance/unknown document":                    advanceUnknown,
		"advance/one of 32 claims wins":               oneClaimWins,
		"advance/moves follow one another":            movesFollow,
		"advance/a move that changes nothing":         moveChangesNothing,
		"objects/those that rows name":                namedObjects,
		"objects/documents after, of every owner":     documentsAfter,
		"objects/no limit, no documents":              noLimit,
		"advance/failure is forgotten when moved on":  failureForgotten,
		"advance/a deleted document is not recreated": advanceDeleted,
	}
}

func advanceStoresProgress(f *fixture) {
	topic := f.topic(f.owner, "topic")
	doc, now := f.add("a", under(topic)), f.now()
	got, err := f.Repo.Advance(f, doc.ID, func(d *domain.Document) error {
		d.Name, d.Size, d.Topics, d.Folder = "no", 1, nil, domain.FolderID(uuid.New())
		_, err := d.Claim(now, recovery)
		return err
	})
	f.ok(err)
	want := doc
	_, err = want.Claim(now, recovery)
	f.ok(err)
	f.equal("stored", f.read(doc), want)
	want.Topics = nil
	f.equal("returned", got, want)
}

func progressReadsBack(f *fixture) {
	doc := f.add("a")
	for _, progress := range []domain.Progress{
		{Status: domain.Processing, Attempts: 7, Requeues: 3, Task: "x", EnqueuedAt: domain.Moment(f.now()), ReconcileAt: domain.Moment(f.now())},
		{Status: domain.Failed, Failure: &domain.Failure{Code: "no_text", Message: "nothing in it"}, ReconcileAt: domain.Moment(f.now())},
		{Status: domain.Failed, Failure: &domain.Failure{}, ReconcileAt: domain.Moment(f.now())},
		{Status: "odd", Task: "y", ReconcileAt: domain.Moment(f.now())},
	} {
		updated := domain.Moment(f.now())
		got, err := f.Repo.Advance(f, doc.ID, func(d *domain.Document) error {
			d.Progress, d.UpdatedAt = progress, updated
			return nil
		})
		f.ok(err)
		f.equal("returned", got.Progress, progress)
		f.equal("stored", f.read(doc).Progress, progress)
		f.equal("updated_at", f.read(doc).UpdatedAt, updated)
	}
	precise := f.now() // nanoseconds and a zone of its own
	got, err := f.Repo.Advance(f, doc.ID, func(d *domain.Document) error { d.ReconcileAt = precise; return nil })
	f.ok(err)
	f.equal("a time is returned as it is stored", got, f.read(doc))
	f.equal("a time is stored in microseconds", got.ReconcileAt, domain.Moment(precise))
}

func advanceError(f *fixture) {
	doc := f.add("a")
	got, err := f.Repo.Advance(f, doc.ID, func(d *domain.Document) error {
		d.Requeues = 99
		return errOwn
	})
	if err != errOwn { //nolint:errorlint // passed on as it is
		f.Fatalf("got %v, want the move's own error", err)
	}
	f.equal("document with the error", got, doc)
	f.equal("stored", f.read(doc), doc)

	f.claim(doc.ID, f.now())
	got, err = f.Repo.Advance(f, doc.ID, func(d *domain.Document) error {
		_, err := d.Claim(f.now(), recovery)
		return err
	})
	var held *domain.HeldError
	if !errors.As(err, &held) || got.Status != domain.Processing {
		f.Fatalf("a second claim gives %v and a document that is %s", err, got.Status)
	}
}

func advanceUnknown(f *fixture) {
	_, err := f.Repo.Advance(f, domain.DocumentID(uuid.New()), func(*domain.Document) error {
		f.Error("move is called for nothing")
		return nil
	})
	f.code(err, domain.NotFound, "")
}

func advanceDeleted(f *fixture) {
	doc := f.add("a")
	errs := atOnce(16, func(i int) error {
		if i == 0 {
			_, err := f.Repo.DeleteDocument(f, f.owner, doc.ID)
			return err
		}
		_, err := f.Repo.Advance(f, doc.ID, func(d *domain.Document) error { d.Requeues++; return nil })
		return err
	})
	counts := splitByCode(errs)
	if counts[""]+counts[domain.NotFound] != 16 {
		f.Fatalf("results %v", counts)
	}
	f.gone(doc.ID)
}

func oneClaimWins(f *fixture) {
	for range 3 {
		doc, now := f.add("a"), f.now()
		var attempts [32]domain.Attempt
		errs := atOnce(32, func(i int) error {
			_, err := f.Repo.Advance(f, doc.ID, func(d *domain.Document) (err error) {
				attempts[i], err = d.Claim(now, recovery)
				return err
			})
			return err
		})
		won := 0
		for i, err := range errs {
			var held *domain.HeldError
			switch {
			case err == nil && attempts[i] == 1:
				won++
			case !errors.As(err, &held):
				f.Errorf("claim %d: attempt %d, %v", i, attempts[i], err)
			}
		}
		f.equal("claims that won", won, 1)
		f.equal("attempts", f.read(doc).Attempts, domain.Attempt(1))
	}
}

func movesFollow(f *fixture) {
	doc := f.add("a")
	errs := atOnce(32, func(int) error {
		_, err := f.Repo.Advance(f, doc.ID, func(d *domain.Document) error { d.Requeues++; return nil })
		return err
	})
	f.equal("results", splitByCode(errs), map[domain.Code]int{"": 32})
	f.equal("moves", f.read(doc).Requeues, 32)

	// Also when all that differs is a time or the task.
	errs = atOnce(16, func(int) error {
		_, err := f.Repo.Advance(f, doc.ID, func(d *domain.Document) error { d.EnqueuedAt = d.EnqueuedAt.Add(time.Second); return nil })
		return err
	})
	f.equal("results", splitByCode(errs), map[domain.Code]int{"": 16})
	f.equal("enqueued_at", f.read(doc).EnqueuedAt, doc.EnqueuedAt.Add(16*time.Second))
	errs = atOnce(16, func(int) error {
		_, err := f.Repo.Advance(f, doc.ID, func(d *domain.Document) error { d.Task += "x"; return nil })
		return err
	})
	f.equal("results", splitByCode(errs), map[domain.Code]int{"": 16})
	f.equal("task", f.read(doc).Task, doc.Task+"xxxxxxxxxxxxxxxx")
}

func moveChangesNothing(f *fixture) {
	doc := f.add("a")
	got, err := f.Repo.Advance(f, doc.ID, func(*domain.Document) error { return nil })
	f.ok(err)
	f.equal("returned", got, doc)
	f.equal("stored", f.read(doc), doc)
}

func failureForgotten(f *fixture) {
	doc := f.add("a")
	_, err := f.Repo.Advance(f, doc.ID, func(d *domain.Document) error { return d.GiveUp(domain.Failure{Code: "c", Message: "m"}, f.now()) })
	f.ok(err)
	f.equal("failure", f.read(doc).Failure, &domain.Failure{Code: "c", Message: "m"})
	_, err = f.Repo.Advance(f, doc.ID, func(d *domain.Document) error { return d.Reprocess("again", f.now(), recovery) })
	f.ok(err)
	f.equal("failure after another round began", f.read(doc).Failure, (*domain.Failure)(nil))
}

func namedObjects(f *fixture) {
	mine, theirs := f.add("a"), f.addFor(f.other, "b")
	gone := f.add("c")
	_, err := f.Repo.DeleteDocument(f, f.owner, gone.ID)
	f.ok(err)
	thumbnail, older := domain.NewThumbnailKey(f.owner, mine.ID, uuid.New()), domain.NewThumbnailKey(f.owner, mine.ID, uuid.New())
	for _, key := range []domain.ObjectKey{older, thumbnail} {
		held, doc := f.finished(mine)
		_, err := f.Repo.Complete(f, held, doc, ports.Outcome{Thumbnail: key})
		f.ok(err)
		_, err = f.Repo.Advance(f, mine.ID, func(d *domain.Document) error { return d.Reprocess("again", f.now(), recovery) })
		f.ok(err)
	}
	keys := []domain.ObjectKey{thumbnail, older, mine.Object, theirs.Object, gone.Object, domain.NewObjectKey(f.owner, mine.ID, uuid.New(), "a")}
	named, err := f.Repo.NamedObjects(f, keys)
	f.ok(err)
	f.equal("named", named, map[domain.ObjectKey]bool{mine.Object: true, theirs.Object: true, thumbnail: true})
	named, err = f.Repo.NamedObjects(f, nil)
	f.ok(err)
	f.equal("named of none", len(named), 0)
}

func documentsAfter(f *fixture) {
	topic := f.topic(f.owner, "topic")
	var all []domain.Document
	for i := range 7 {
		doc := f.upload(f.owner, "a", under(topic))
		if i%2 == 0 {
			doc = f.upload(f.other, "b")
		}
		f.ok(f.Repo.AddDocument(f, doc))
		doc.Topics = nil
		all = append(all, doc)
	}
	slices.SortFunc(all, byID)
	walked, after := []domain.Document(nil), (*domain.DocumentID)(nil)
	for range 10 {
		page, err := f.Repo.DocumentsAfter(f, after, 1)
		f.ok(err)
		if len(page) == 0 {
			break
		}
		walked, after = append(walked, page...), &page[len(page)-1].ID
	}
	f.equal("all documents in order", walked, all)
	page, err := f.Repo.DocumentsAfter(f, &all[2].ID, 3)
	f.ok(err)
	f.equal("a page", page, all[3:6])
}

func noLimit(f *fixture) {
	f.add("a")
	docs, err := f.Repo.DocumentsAfter(f, nil, 0)
	f.ok(err)
	f.equal("documents", len(docs), 0)
	recovered, err := f.Repo.RecoverOverdue(f, ports.Overdue{By: f.now().Add(time.Hour)}, func(*domain.Document) domain.Verdict { return domain.LeaveIt })
	f.ok(err)
	f.equal("recovered", recovered, []ports.Recovered(nil))
}

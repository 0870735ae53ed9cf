package repotest

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

func documentTests() map[string]func(*fixture) {
	return map[string]func(*fixture){
		"documents/one of a key and an owner":          oneOfAKey,
		"documents/added reads back equal":             addedReadsBack,
		"documents/add in unknown folder":              addInUnknownFolder,
		"documents/add under unknown topic":            addUnderUnknownTopic,
		"documents/text is empty at first":             textEmptyAtFirst,
		"documents/by content":                         byContent,
		"documents/by task":                            byTask,
		"documents/unknown status reads":               unknownStatusReads,
		"documents/lock content excludes":              lockContentExcludes,
		"documents/edit":                               editDocument,
		"documents/edit error stores nothing":          editErrorStoresNothing,
		"documents/edit into unknown folder or topic":  editIntoUnknown,
		"documents/edit files anew":                    editFilesAnew,
		"documents/edits follow one another":           editsFollow,
		"documents/edits leave processing alone":       editsLeaveProcessing,
		"documents/delete":                             deleteDocument,
		"documents/delete once of 16":                  deleteOnce,
		"documents/values that no database holds well": hostileValues,
	}
}

func addedReadsBack(f *fixture) {
	folder := f.folder(f.owner, domain.FolderID{}, "letters")
	zebra, ape := f.topic(f.owner, "zebra"), f.topic(f.owner, "ape")
	plain := f.upload(f.owner, "plain.pdf")
	f.ok(f.Repo.AddDocument(f, plain))
	f.equal("a plain document", f.read(plain), plain)

	doc := f.upload(f.owner, "Ünïcode 文書.pdf", inFolder(folder.ID), under(zebra, ape))
	f.ok(f.Repo.AddDocument(f, doc))
	doc.Topics = []domain.Filing{filed(ape, nil), filed(zebra, nil)}
	got := f.read(doc)
	f.equal("with folder and topics in order of their names", got, doc)
	if !got.CreatedAt.Equal(epoch.Add(2*time.Second).Truncate(time.Microsecond)) || got.CreatedAt.Location() != time.UTC {
		f.Fatalf("created_at reads back as %v", got.CreatedAt)
	}

	bare := f.upload(f.owner, "bare", func(up *domain.Upload) { up.SHA256, up.Task = domain.Digest{}, "" })
	bare.EnqueuedAt = time.Time{}
	f.ok(f.Repo.AddDocument(f, bare))
	f.equal("without digest, task and enqueued_at", f.read(bare), bare)

	pages, sure := 12, 0.25
	full := f.upload(f.owner, "full")
	full.Progress = domain.Progress{Status: domain.Failed, Failure: &domain.Failure{Code: "c", Message: "m"}, Attempts: 3, Requeues: 2,
		Task: "t", EnqueuedAt: domain.Moment(f.now()), ReconcileAt: domain.Moment(f.now())}
	full.PageCount, full.Truncated, full.Topics = &pages, true, []domain.Filing{filed(ape, &sure)}
	f.ok(f.Repo.AddDocument(f, full))
	f.equal("with everything set", f.read(full), full)
}

func addInUnknownFolder(f *fixture) {
	topic := f.topic(f.owner, "topic")
	doc := f.upload(f.owner, "a", inFolder(domain.FolderID(uuid.New())), under(topic))
	f.invalid(f.Repo.AddDocument(f, doc), "folder_id")
	f.gone(doc.ID)
	foreign := f.folder(f.other, domain.FolderID{}, "theirs")
	doc = f.upload(f.owner, "a", inFolder(foreign.ID))
	f.invalid(f.Repo.AddDocument(f, doc), "folder_id")
	f.gone(doc.ID)
}

func addUnderUnknownTopic(f *fixture) {
	known, foreign := f.topic(f.owner, "known"), f.topic(f.other, "theirs")
	for _, unknown := range []domain.Topic{{ID: domain.TopicID(uuid.New())}, foreign} {
		doc := f.upload(f.owner, "a", under(known, unknown))
		f.invalid(f.Repo.AddDocument(f, doc), "topic_ids")
		f.gone(doc.ID)
	}
	counted, err := f.Repo.Topic(f, f.owner, known.ID)
	f.ok(err)
	f.equal("documents under the known topic", counted.Documents, 0)
}

func textEmptyAtFirst(f *fixture) {
	text, err := f.Repo.DocumentText(f, f.owner, f.add("a").ID)
	f.ok(err)
	f.equal("text", text, "")
	_, err = f.Repo.DocumentText(f, f.owner, domain.DocumentID(uuid.New()))
	f.code(err, domain.NotFound, "")
}

func byContent(f *fixture) {
	digest := domain.Digest(sha256.Sum256([]byte("same")))
	same := func(up *domain.Upload) { up.SHA256 = digest }
	f.addFor(f.other, "theirs and older", same)
	topic := f.topic(f.owner, "topic")
	old := f.add("old", same, under(topic))
	f.add("new", same)
	f.add("none", func(up *domain.Upload) { up.SHA256 = domain.Digest{} })
	got, err := f.Repo.DocumentByContent(f, f.owner, digest)
	f.ok(err)
	f.equal("the oldest", got, old)
	for _, unknown := range []domain.Digest{{}, sha256.Sum256([]byte("unknown"))} {
		_, err = f.Repo.DocumentByContent(f, f.owner, unknown)
		f.code(err, domain.NotFound, "")
	}
}

func byTask(f *fixture) {
	topic := f.topic(f.owner, "topic")
	doc := f.add("a", under(topic))
	f.add("no task", func(up *domain.Upload) { up.Task = "" })
	got, err := f.Repo.DocumentByTask(f, f.owner, doc.Task)
	f.ok(err)
	f.equal("by task", got, doc)
	f.setStatus(doc.ID, domain.Failed)
	_, err = f.Repo.Advance(f, doc.ID, func(d *domain.Document) error { return d.Reprocess("celery takes any text: ü", f.now(), recovery) })
	f.ok(err)
	got, err = f.Repo.DocumentByTask(f, f.owner, "celery takes any text: ü")
	f.ok(err)
	f.equal("by the latest task", got.ID, doc.ID)
	for _, task := range []domain.TaskID{doc.Task, "", "unknown", "\x00", "\xff"} {
		_, err = f.Repo.DocumentByTask(f, f.owner, task)
		f.code(err, domain.NotFound, "")
	}
}

func unknownStatusReads(f *fixture) {
	doc := f.add("a")
	f.setStatus(doc.ID, "quarantined by Python")
	f.equal("status", f.read(doc).Status, domain.Status("quarantined by Python"))
	page, err := f.Repo.ListDocuments(f, f.owner, ports.DocumentQuery{Status: "quarantined by Python", Limit: 5})
	f.ok(err)
	f.equal("listed", idsOf(page), []domain.DocumentID{doc.ID})
}

func lockContentExcludes(f *fixture) {
	digest := domain.Digest(sha256.Sum256([]byte("same")))
	var inside, added atomic.Int32
	errs := atOnce(16, func(i int) error {
		doc := f.upload(f.owner, fmt.Sprint("copy ", i), func(up *domain.Upload) { up.SHA256 = digest })
		return f.Repo.Tx(f, func(tx ports.Repository) error {
			if err := tx.LockContent(f, f.owner, digest); err != nil {
				return err
			}
			if inside.Add(1) != 1 {
				f.Error("two transactions hold the lock")
			}
			defer inside.Add(-1)
			_, err := tx.DocumentByContent(f, f.owner, digest)
			if domain.ErrorCode(err) == domain.NotFound {
				added.Add(1)
				return tx.AddDocument(f, doc)
			}
			return err
		})
	})
	f.equal("results", splitByCode(errs), map[domain.Code]int{"": 16})
	f.equal("documents added", added.Load(), int32(1))
}

func editDocument(f *fixture) {
	folder := f.folder(f.owner, domain.FolderID{}, "folder")
	doc, now := f.add("old"), f.now()
	got, err := f.Repo.EditDocument(f, f.owner, doc.ID, now, func(d *domain.Document) error {
		f.equal("what edit sees", *d, doc)
		d.Name, d.Folder = "new", folder.ID
		d.Size, d.Status, d.ContentType = 1, domain.Failed, "not a person's to change"
		return nil
	})
	f.ok(err)
	want := doc
	want.Name, want.Folder, want.UpdatedAt = "new", folder.ID, domain.Moment(now)
	f.equal("returned", got, want)
	f.equal("stored", f.read(doc), want)
	got, err = f.Repo.EditDocument(f, f.owner, doc.ID, now, func(d *domain.Document) error {
		d.Folder = domain.FolderID{}
		return nil
	})
	f.ok(err)
	f.equal("in no folder again", got.Folder, domain.FolderID{})
}

func editErrorStoresNothing(f *fixture) {
	doc := f.add("a", under(f.topic(f.owner, "topic")))
	_, err := f.Repo.EditDocument(f, f.owner, doc.ID, f.now(), func(d *domain.Document) error {
		d.Name, d.Topics[0].Confirmed, d.Topics = "b", false, d.Topics[:0]
		return errOwn
	})
	if err != errOwn { //nolint:errorlint // passed on as it is
		f.Fatalf("got %v, want the edit's own error", err)
	}
	f.equal("after a failed edit", f.read(doc), doc)
	_, err = f.Repo.EditDocument(f, f.owner, domain.DocumentID(uuid.New()), f.now(), func(*domain.Document) error {
		f.Error("edit is called for nothing")
		return nil
	})
	f.code(err, domain.NotFound, "")
}

func editIntoUnknown(f *fixture) {
	doc := f.add("a", under(f.topic(f.owner, "mine")))
	for _, folder := range []domain.FolderID{domain.FolderID(uuid.New()), f.folder(f.other, domain.FolderID{}, "theirs").ID} {
		_, err := f.Repo.EditDocument(f, f.owner, doc.ID, f.now(), func(d *domain.Document) error {
			d.Name, d.Folder = "b", folder
			return nil
		})
		f.invalid(err, "folder_id")
	}
	for _, topic := range []domain.TopicID{domain.TopicID(uuid.New()), f.topic(f.other, "theirs").ID} {
		_, err := f.Repo.EditDocument(f, f.owner, doc.ID, f.now(), func(d *domain.Document) error {
			d.Name = "b"
			d.FileUnder([]domain.TopicID{topic})
			return nil
		})
		f.invalid(err, "topic_ids")
	}
	f.equal("after refused edits", f.read(doc), doc)
}

func editFilesAnew(f *fixture) {
	ape, bee, cat := f.topic(f.owner, "ape"), f.topic(f.owner, "bee"), f.topic(f.owner, "cat")
	doc := f.add("a", under(ape))
	held, mine := f.claim(doc.ID, f.now())
	f.ok(mine.Finish(held, f.now()))
	sure := 0.5
	doc, err := f.Repo.Complete(f, held, mine, ports.Outcome{Suggestions: []domain.Suggestion{{Topic: bee.ID, Confidence: sure}}})
	f.ok(err)
	f.equal("confirmed and suggested", doc.Topics, []domain.Filing{filed(ape, nil), filed(bee, &sure)})

	doc, err = f.Repo.EditDocument(f, f.owner, doc.ID, f.now(), func(d *domain.Document) error { d.Name = "b"; return nil })
	f.ok(err)
	f.equal("an edit of the name keeps them", doc.Topics, []domain.Filing{filed(ape, nil), filed(bee, &sure)})

	doc, err = f.Repo.EditDocument(f, f.owner, doc.ID, f.now(), func(d *domain.Document) error {
		d.FileUnder([]domain.TopicID{cat.ID, bee.ID, cat.ID})
		return nil
	})
	f.ok(err)
	f.equal("filed anew", doc.Topics, []domain.Filing{filed(bee, nil), filed(cat, nil)})
	f.equal("stored", f.read(doc), doc)
	doc, err = f.Repo.EditDocument(f, f.owner, doc.ID, f.now(), func(d *domain.Document) error { d.FileUnder(nil); return nil })
	f.ok(err)
	f.equal("filed under nothing", len(doc.Topics), 0)
}

func editsFollow(f *fixture) {
	doc := f.add("a")
	errs := atOnce(16, func(int) error {
		_, err := f.Repo.EditDocument(f, f.owner, doc.ID, f.now(), func(d *domain.Document) error {
			d.Name += "x"
			return nil
		})
		return err
	})
	f.equal("results", splitByCode(errs), map[domain.Code]int{"": 16})
	f.equal("name after 16 edits", string(f.read(doc).Name), "a"+strings.Repeat("x", 16))
}

func editsLeaveProcessing(f *fixture) {
	doc := f.add("a")
	errs := atOnce(32, func(i int) error {
		if i%2 == 0 {
			_, err := f.Repo.Advance(f, doc.ID, func(d *domain.Document) error { d.Requeues++; return nil })
			return err
		}
		_, err := f.Repo.EditDocument(f, f.owner, doc.ID, f.now(), func(d *domain.Document) error {
			d.Name += "x"
			return nil
		})
		return err
	})
	f.equal("results", splitByCode(errs), map[domain.Code]int{"": 32})
	got := f.read(doc)
	f.equal("moves kept", got.Requeues, 16)
	f.equal("edits kept", string(got.Name), "a"+strings.Repeat("x", 16))
	edited := got.UpdatedAt
	_, err := f.Repo.Advance(f, doc.ID, func(d *domain.Document) error { d.Requeues++; return nil })
	f.ok(err)
	f.equal("updated_at after a move that leaves it alone", f.read(doc).UpdatedAt, edited)
}

func deleteDocument(f *fixture) {
	topic := f.topic(f.owner, "topic")
	doc := f.add("a", under(topic))
	got, err := f.Repo.DeleteDocument(f, f.owner, doc.ID)
	f.ok(err)
	doc.Topics = nil
	f.equal("what it was", got, doc)
	f.gone(doc.ID)
	_, err = f.Repo.DeleteDocument(f, f.owner, doc.ID)
	f.code(err, domain.NotFound, "")
	counted, err := f.Repo.Topic(f, f.owner, topic.ID)
	f.ok(err)
	f.equal("documents under its topic", counted.Documents, 0)
}

func deleteOnce(f *fixture) {
	doc := f.add("a")
	errs := atOnce(16, func(int) error {
		_, err := f.Repo.DeleteDocument(f, f.owner, doc.ID)
		return err
	})
	f.equal("results", splitByCode(errs), map[domain.Code]int{"": 1, domain.NotFound: 15})
}

// hostileValues: what PostgreSQL cannot hold is refused or cleaned, never a fault of ours.
func hostileValues(f *fixture) {
	for _, bad := range []string{"nul \x00 byte", "not \xff utf-8"} {
		for what, err := range map[string]error{
			"file name": f.Repo.AddDocument(f, f.upload(f.owner, "x", func(up *domain.Upload) { up.Name = domain.FileName(bad) })),
			"topic":     f.Repo.AddTopic(f, domain.Topic{ID: domain.TopicID(uuid.New()), Owner: f.owner, Name: domain.TopicName(bad), Color: domain.DefaultColor}),
			"folder":    f.Repo.AddFolder(f, newFolder(f.owner, domain.FolderID{}, bad)),
		} {
			if code := domain.ErrorCode(err); code != "" && code != domain.Invalid {
				f.Errorf("%s %q gives %v", what, bad, err)
			}
		}
		page, err := f.Repo.ListDocuments(f, f.owner, ports.DocumentQuery{NameContains: "zz" + bad, Status: domain.Status(bad), Limit: 1})
		f.ok(err)
		f.equal("found by "+bad, len(page), 0)
		doc := f.add("a")
		_, err = f.Repo.Advance(f, doc.ID, func(d *domain.Document) error {
			return d.GiveUp(domain.Failure{Code: "bad", Message: bad}, f.now())
		})
		f.ok(err)
		if got := f.read(doc); got.Failure == nil || !strings.HasPrefix(got.Failure.Message, bad[:4]) {
			f.Errorf("the failure reads back as %+v", got.Failure)
		}
	}
}

func oneOfAKey(f *fixture) {
	named := func(key string) func(*domain.Upload) { return func(up *domain.Upload) { up.Key = key } }
	doc := f.add("a", named("key"))
	f.equal("key", doc.Key, "key")
	f.add("without", named(""))
	f.add("without, too", named(""))
	f.addFor(f.other, "theirs", named("key"))
	errs := atOnce(6, func(int) error { return f.Repo.AddDocument(f, f.upload(f.owner, "b", named("key"))) })
	for _, err := range errs {
		f.code(err, domain.Conflict, "idempotency_key")
	}
	got, err := f.Repo.DocumentByKey(f, f.owner, "key")
	f.ok(err)
	f.equal("by key", got, doc)
	for _, key := range []string{"another", "KEY", "k\x00", "\xff"} {
		_, err = f.Repo.DocumentByKey(f, f.owner, key)
		f.code(err, domain.NotFound, "")
	}
	_, err = f.Repo.DeleteDocument(f, f.owner, doc.ID)
	f.ok(err)
	f.add("c", named("key"))
}

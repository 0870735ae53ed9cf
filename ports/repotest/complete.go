package repotest

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

func completeTests() map[string]func(*fixture) {
	return map[string]func(*fixture){
		"complete/stores everything together":      completeStores,
		"complete/a failure keeps what was there":  completeFailure,
		"complete/a lost hold stores nothing":      completeLostHold,
		"complete/a deleted document":              completeDeleted,
		"complete/confirmed topics stay":           completeConfirmed,
		"complete/topics that are gone or foreign": completeTopicsGone,
		"complete/what others did meanwhile stays": completeMeanwhile,
		"complete/bytes that no text can hold":     completeBadBytes,
		"complete/one of two holders of one hold":  completeOnce,
		"complete/collides with edits and deletes": completeCollides,
		"complete/a long text":                     completeLongText,
	}
}

// finished claims a document and finishes it, without storing that.
func (f *fixture) finished(doc domain.Document) (domain.Attempt, domain.Document) {
	f.Helper()
	held, mine := f.claim(doc.ID, f.now())
	f.ok(mine.Finish(held, f.now()))
	return held, mine
}

func completeStores(f *fixture) {
	ape, bee, cat := f.topic(f.owner, "ape"), f.topic(f.owner, "bee"), f.topic(f.owner, "cat")
	doc := f.add("a")
	held, mine := f.finished(doc)
	pages, high, low := 3, 0.9, 0.0
	about := domain.About{Title: "the title", Author: "the author", Language: "de", Warning: "mind the step",
		AuthoredAt: time.Date(1999, 12, 31, 23, 59, 59, 0, time.UTC), ModifiedAt: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)}
	thumbnail := domain.NewThumbnailKey(f.owner, doc.ID, uuid.New())
	got, err := f.Repo.Complete(f, held, mine, ports.Outcome{Text: "the text", Truncated: true, PageCount: &pages,
		PageStarts: []int{0, 4, 4}, About: about, Thumbnail: thumbnail,
		Suggestions: []domain.Suggestion{{Topic: cat.ID, Confidence: low}, {Topic: ape.ID, Confidence: high}, {Topic: ape.ID, Confidence: 0.1}}})
	f.ok(err)
	want := mine
	want.PageCount, want.Truncated, want.Topics = &pages, true, []domain.Filing{filed(ape, &high), filed(cat, &low)}
	want.About, want.Thumbnail = about, thumbnail
	f.equal("returned", got, want)
	f.equal("stored", f.read(doc), want)
	text, err := f.Repo.DocumentText(f, f.owner, doc.ID)
	f.ok(err)
	f.equal("text", text, "the text")
	f.pageStarts(doc, []int{0, 4, 4})
	listed, err := f.Repo.ListDocuments(f, f.owner, ports.DocumentQuery{Limit: 1})
	f.ok(err)
	f.equal("listed", listed, []domain.Document{want})

	// The next round replaces all of it.
	_, err = f.Repo.Advance(f, doc.ID, func(d *domain.Document) error { return d.Reprocess("again", f.now(), recovery) })
	f.ok(err)
	held, mine = f.finished(doc)
	got, err = f.Repo.Complete(f, held, mine, ports.Outcome{Suggestions: []domain.Suggestion{{Topic: bee.ID, Confidence: high}, {Topic: cat.ID, Confidence: high}}})
	f.ok(err)
	want = mine
	want.About, want.Thumbnail = domain.About{}, domain.ObjectKey{}
	want.PageCount, want.Truncated, want.Topics = nil, false, []domain.Filing{filed(bee, &high), filed(cat, &high)}
	f.equal("after another round", got, want)
	f.equal("stored after another round", f.read(doc), want)
	text, err = f.Repo.DocumentText(f, f.owner, doc.ID)
	f.ok(err)
	f.equal("text", text, "")
	f.pageStarts(doc, nil)
}

func completeFailure(f *fixture) {
	ape := f.topic(f.owner, "ape")
	doc := f.add("a")
	held, mine := f.finished(doc)
	pages, sure := 3, 0.9
	about, thumbnail := domain.About{Title: "the title"}, domain.NewThumbnailKey(f.owner, doc.ID, uuid.New())
	_, err := f.Repo.Complete(f, held, mine, ports.Outcome{Text: "the text", PageCount: &pages, PageStarts: []int{0}, About: about, Thumbnail: thumbnail, Suggestions: []domain.Suggestion{{Topic: ape.ID, Confidence: sure}}})
	f.ok(err)
	_, err = f.Repo.Advance(f, doc.ID, func(d *domain.Document) error { return d.Reprocess("again", f.now(), recovery) })
	f.ok(err)
	held, mine = f.claim(doc.ID, f.now())
	f.ok(mine.Fail(held, domain.Failure{Code: "encrypted", Message: "it has a password"}, f.now()))
	got, err := f.Repo.Complete(f, held, mine, ports.Outcome{})
	f.ok(err)
	want := mine
	want.PageCount, want.Topics = &pages, []domain.Filing{filed(ape, &sure)}
	want.About, want.Thumbnail = about, thumbnail
	f.equal("returned", got, want)
	f.equal("stored", f.read(doc), want)
	text, err := f.Repo.DocumentText(f, f.owner, doc.ID)
	f.ok(err)
	f.equal("text", text, "the text")
	f.pageStarts(doc, []int{0})
}

func (f *fixture) pageStarts(doc domain.Document, want []int) {
	f.Helper()
	got, err := f.Repo.PageStarts(f, doc.Owner, doc.ID)
	f.ok(err)
	f.equal("page starts", got, want)
}

func completeLostHold(f *fixture) {
	ape := f.topic(f.owner, "ape")
	doc := f.add("a")
	late, lost := f.finished(doc)
	later := f.now().Add(recovery.Lease * 2)
	held, mine := f.claim(doc.ID, later)
	outcome := ports.Outcome{Text: "late", Suggestions: []domain.Suggestion{{Topic: ape.ID, Confidence: 1}}}
	before := f.read(doc)
	_, err := f.Repo.Complete(f, late, lost, outcome)
	f.code(err, domain.Conflict, "lost_hold")
	f.equal("after a late outcome", f.read(doc), before)

	f.ok(mine.Finish(held, later))
	_, err = f.Repo.Complete(f, held, mine, ports.Outcome{Text: "in time"})
	f.ok(err)
	before = f.read(doc)
	f.ok(lost.Reprocess("x", later, recovery)) // whatever state the loser comes with
	lost.Failure = &domain.Failure{Code: "c"}
	for _, status := range []domain.Status{domain.Ready, domain.Failed} {
		lost.Status = status
		_, err = f.Repo.Complete(f, late, lost, outcome)
		f.code(err, domain.Conflict, "lost_hold")
		_, err = f.Repo.Complete(f, held, lost, outcome)
		f.code(err, domain.Conflict, "lost_hold")
	}
	f.equal("after late outcomes", f.read(doc), before)
	text, err := f.Repo.DocumentText(f, f.owner, doc.ID)
	f.ok(err)
	f.equal("text", text, "in time")
}

func completeDeleted(f *fixture) {
	doc := f.add("a")
	held, mine := f.finished(doc)
	_, err := f.Repo.DeleteDocument(f, f.owner, doc.ID)
	f.ok(err)
	_, err = f.Repo.Complete(f, held, mine, ports.Outcome{Text: "t", Suggestions: []domain.Suggestion{{Topic: f.topic(f.owner, "ape").ID}}})
	f.code(err, domain.NotFound, "")
	mine.Status = domain.Failed
	_, err = f.Repo.Complete(f, held, mine, ports.Outcome{})
	f.code(err, domain.NotFound, "")
	f.gone(doc.ID)
}

func completeConfirmed(f *fixture) {
	ape, bee := f.topic(f.owner, "ape"), f.topic(f.owner, "bee")
	doc := f.add("a", under(ape))
	held, mine := f.finished(doc)
	sure := 0.4
	got, err := f.Repo.Complete(f, held, mine, ports.Outcome{Suggestions: []domain.Suggestion{{Topic: ape.ID, Confidence: sure}, {Topic: bee.ID, Confidence: sure}}})
	f.ok(err)
	f.equal("topics", got.Topics, []domain.Filing{filed(ape, nil), filed(bee, &sure)})
}

func completeTopicsGone(f *fixture) {
	ape, gone, theirs := f.topic(f.owner, "ape"), f.topic(f.owner, "gone"), f.topic(f.other, "theirs")
	f.ok(f.Repo.DeleteTopic(f, f.owner, gone.ID))
	held, mine := f.finished(f.add("a"))
	sure := 1.0
	got, err := f.Repo.Complete(f, held, mine, ports.Outcome{Suggestions: []domain.Suggestion{
		{Topic: gone.ID, Confidence: sure}, {Topic: theirs.ID, Confidence: sure}, {Topic: domain.TopicID(uuid.New())}, {Topic: ape.ID, Confidence: sure}}})
	f.ok(err)
	f.equal("topics", got.Topics, []domain.Filing{filed(ape, &sure)})
}

// completeMeanwhile: the holder's copy of the document is old by the time it is done.
func completeMeanwhile(f *fixture) {
	folder, topic := f.folder(f.owner, domain.FolderID{}, "folder"), f.topic(f.owner, "topic")
	doc := f.add("a", func(up *domain.Upload) { up.Task = "" })
	held, mine := f.finished(doc)
	_, err := f.Repo.EditDocument(f, f.owner, doc.ID, f.now(), func(d *domain.Document) error {
		d.Name, d.Folder = "b", folder.ID
		d.FileUnder([]domain.TopicID{topic.ID})
		return nil
	})
	f.ok(err)
	extended, err := f.Repo.Advance(f, doc.ID, func(d *domain.Document) error {
		d.Task = "given by somebody who found none"
		return d.Extend(held, f.now(), recovery)
	})
	f.ok(err)
	got, err := f.Repo.Complete(f, held, mine, ports.Outcome{})
	f.ok(err)
	want := mine
	want.Name, want.Folder, want.Topics = "b", folder.ID, []domain.Filing{filed(topic, nil)}
	want.Task, want.ReconcileAt = extended.Task, extended.ReconcileAt
	f.equal("returned", got, want)
	f.equal("stored", f.read(doc), want)
}

func completeBadBytes(f *fixture) {
	doc := f.add("a")
	held, mine := f.finished(doc)
	_, err := f.Repo.Complete(f, held, mine, ports.Outcome{Text: "a\x00b\xffc", About: domain.About{Title: "a\x00b\xffc"}})
	f.ok(err)
	f.equal("what is left of a title", f.read(doc).About.Title, "ab\uFFFDc")
	text, err := f.Repo.DocumentText(f, f.owner, doc.ID)
	f.ok(err)
	f.equal("what is left", text, "ab\uFFFDc")
}

func completeOnce(f *fixture) {
	doc := f.add("a")
	held, mine := f.finished(doc)
	errs := atOnce(8, func(int) error {
		_, err := f.Repo.Complete(f, held, mine, ports.Outcome{Text: "t"})
		return err
	})
	f.equal("results", splitByCode(errs), map[domain.Code]int{"": 1, domain.Conflict: 7})
}

// completeCollides lets everything that touches filings happen at once: whoever is last, each ends in a good way.
func completeCollides(f *fixture) {
	for range 12 {
		name := uuid.NewString()
		ape, bee := f.topic(f.owner, "ape "+name), f.topic(f.owner, "bee "+name)
		doc := f.add("a", under(ape))
		held, mine := f.finished(doc)
		suggestions := []domain.Suggestion{{Topic: ape.ID, Confidence: 1}, {Topic: bee.ID, Confidence: 1}}
		_, err := f.Repo.Complete(f, held, mine, ports.Outcome{Suggestions: suggestions})
		f.ok(err)
		_, err = f.Repo.Advance(f, doc.ID, func(d *domain.Document) error { return d.Reprocess("again", f.now(), recovery) })
		f.ok(err)
		held, mine = f.finished(doc)
		errs := atOnce(4, func(i int) (err error) {
			switch i {
			case 0:
				_, err = f.Repo.Complete(f, held, mine, ports.Outcome{Suggestions: suggestions})
			case 1:
				_, err = f.Repo.EditDocument(f, f.owner, doc.ID, f.now(), func(d *domain.Document) error {
					d.FileUnder([]domain.TopicID{bee.ID})
					return nil
				})
			case 2:
				err = f.Repo.DeleteTopic(f, f.owner, ape.ID)
			case 3:
				err = f.Repo.DeleteTopic(f, f.owner, bee.ID)
			}
			return err
		})
		for i, err := range errs {
			if code := domain.ErrorCode(err); code != "" && (i != 1 || code != domain.Invalid) {
				f.Errorf("call %d: %v", i, err)
			}
		}
		f.equal("topics left", len(f.read(doc).Topics), 0)
		f.equal("status", f.read(doc).Status, domain.Ready)
	}
}

func completeLongText(f *fixture) {
	doc := f.add("a")
	held, mine := f.finished(doc)
	long := strings.Repeat("Grüße, 文書! ", 200_000)
	_, err := f.Repo.Complete(f, held, mine, ports.Outcome{Text: long})
	f.ok(err)
	text, err := f.Repo.DocumentText(f, f.owner, doc.ID)
	f.ok(err)
	if text != long {
		f.Fatalf("%d bytes read back as %d", len(long), len(text))
	}
}

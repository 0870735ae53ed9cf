package repotest

import (
	"context"
	"fmt"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

func txTests() map[string]func(*fixture) {
	return map[string]func(*fixture){
		"tx/all of it happens":            txCommits,
		"tx/an error rolls back":          txError,
		"tx/a panic rolls back":           txPanic,
		"tx/a failing commit is an error": txFailingCommit,
		"tx/a tx inside is part of it":    txNested,
		"tx/swallowed errors":             txSwallowed,
		"tx/a context that ends":          txContext,
		"tx/every method works inside":    txEverything,
		"tx/health":                       health,
	}
}

func txCommits(f *fixture) {
	a, b := f.upload(f.owner, "a"), f.upload(f.owner, "b")
	f.ok(f.Repo.Tx(f, func(tx ports.Repository) error {
		if err := tx.AddDocument(f, a); err != nil {
			return err
		}
		if _, err := tx.Document(f, f.owner, a.ID); err != nil {
			return fmt.Errorf("it does not see its own row: %w", err)
		}
		return tx.AddDocument(f, b)
	}))
	f.read(a)
	f.read(b)
}

func txError(f *fixture) {
	kept, topic := f.add("kept"), f.topic(f.owner, "topic")
	doc := f.upload(f.owner, "a", under(topic))
	err := f.Repo.Tx(f, func(tx ports.Repository) error {
		f.ok(tx.AddDocument(f, doc))
		_, err := tx.DeleteDocument(f, f.owner, kept.ID)
		f.ok(err)
		f.ok(tx.DeleteTopic(f, f.owner, topic.ID))
		f.ok(tx.AddFolder(f, newFolder(f.owner, domain.FolderID{}, "folder")))
		return errOwn
	})
	if err != errOwn { //nolint:errorlint // passed on as it is
		f.Fatalf("got %v, want fn's own error", err)
	}
	f.gone(doc.ID)
	f.equal("a deleted row", f.read(kept), kept)
	f.equal("folders", len(f.tree()), 0)
	_, err = f.Repo.Topic(f, f.owner, topic.ID)
	f.ok(err)
}

func txPanic(f *fixture) {
	for i := range 40 { // more often than there are connections
		doc := f.upload(f.owner, fmt.Sprint(i))
		value := f.panics(func() {
			_ = f.Repo.Tx(f, func(tx ports.Repository) error { // it does not return
				f.ok(tx.AddDocument(f, doc))
				panic("the test's own")
			})
		})
		f.equal("panic", value, any("the test's own"))
		f.gone(doc.ID)
	}
}

func txFailingCommit(f *fixture) {
	doc := f.upload(f.owner, "a")
	err := f.Repo.Tx(f, func(tx ports.Repository) error {
		f.ok(tx.AddDocument(f, doc))
		return f.BreakCommit(f, tx)
	})
	if err == nil {
		f.Fatal("a commit that failed was reported as done")
	}
	f.code(err, domain.Unavailable, "")
	f.gone(doc.ID)
}

func txNested(f *fixture) {
	a, b := f.upload(f.owner, "a"), f.upload(f.owner, "b")
	nested := func(end error) error {
		return f.Repo.Tx(f, func(tx ports.Repository) error {
			f.ok(tx.AddDocument(f, a))
			f.ok(tx.Tx(f, func(inner ports.Repository) error {
				_, err := inner.Document(f, f.owner, a.ID)
				f.ok(err)
				return inner.AddDocument(f, b)
			}))
			return end
		})
	}
	if err := nested(errOwn); err != errOwn { //nolint:errorlint // passed on as it is
		f.Fatalf("got %v, want fn's own error", err)
	}
	f.gone(a.ID)
	f.gone(b.ID)
	f.ok(nested(nil))
	f.read(a)
	f.read(b)
}

// txSwallowed: NotFound is no harm. After another error that fn swallows there is all or nothing, never a half.
func txSwallowed(f *fixture) {
	topic := f.topic(f.owner, "topic")
	a, b := f.upload(f.owner, "a"), f.upload(f.owner, "b")
	f.ok(f.Repo.Tx(f, func(tx ports.Repository) error {
		_, err := tx.Document(f, f.owner, a.ID)
		f.code(err, domain.NotFound, "")
		return tx.AddDocument(f, a)
	}))
	f.read(a)
	err := f.Repo.Tx(f, func(tx ports.Repository) error {
		f.ok(tx.AddDocument(f, b))
		f.code(tx.AddTopic(f, domain.Topic{ID: domain.TopicID(b.ID), Owner: f.owner, Name: topic.Name, Color: topic.Color}), domain.Conflict, "duplicate_name")
		return nil
	})
	if err != nil {
		f.gone(b.ID)
	} else {
		f.read(b)
	}
}

func txContext(f *fixture) {
	doc := f.upload(f.owner, "a")
	ctx, cancel := context.WithCancel(f.Context)
	defer cancel()
	err := f.Repo.Tx(ctx, func(tx ports.Repository) error {
		f.ok(tx.AddDocument(ctx, doc))
		cancel()
		return nil
	})
	f.code(err, domain.Canceled, "")
	f.gone(doc.ID)
}

func txEverything(f *fixture) {
	topic, folder := f.topic(f.owner, "topic"), f.folder(f.owner, domain.FolderID{}, "folder")
	doc := f.upload(f.owner, "a", under(topic), inFolder(folder.ID))
	f.ok(f.Repo.Tx(f, func(tx ports.Repository) error {
		inner := &fixture{T: f.T, Context: f.Context, Harness: Harness{Repo: tx}, owner: f.owner, other: f.other, clock: f.now()}
		f.ok(tx.AddDocument(f, doc))
		held, mine := inner.finished(doc)
		_, err := tx.Complete(f, held, mine, ports.Outcome{Text: "t", Suggestions: []domain.Suggestion{{Topic: topic.ID}}})
		f.ok(err)
		_, err = tx.EditDocument(f, f.owner, doc.ID, f.now(), func(d *domain.Document) error { d.Name, d.Topics = "b", nil; return nil })
		f.ok(err)
		inner.recover(f.now(), 5, func(*domain.Document) domain.Verdict { return domain.LeaveIt })
		_, err = tx.EditTopic(f, f.owner, topic.ID, func(t *domain.Topic) error { t.Name = "u"; return nil })
		f.ok(err)
		_, err = tx.EditFolder(f, f.owner, folder.ID, func(d *domain.Folder) error { d.Name = "g"; return nil })
		f.ok(err)
		_, err = tx.DeleteFolder(f, f.owner, folder.ID, false)
		f.ok(err)
		return tx.Health(f)
	}))
	got := f.read(doc)
	f.equal("name", got.Name, domain.FileName("b"))
	f.equal("folder", got.Folder, domain.FolderID{})
	f.equal("status", got.Status, domain.Ready)
}

func health(f *fixture) { f.ok(f.Repo.Health(f)) }

func named(method string, err error) error {
	if err == nil {
		return fmt.Errorf("%s succeeded", method)
	}
	return fmt.Errorf("%s: %w", method, err)
}

package repotest

import (
	"context"
	"reflect"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

func reachTests() map[string]func(*fixture) {
	return map[string]func(*fixture){
		"reach/a canceled context, each method": canceledContext,
		"reach/out of reach, each method":       outOfReach,
	}
}

// canceledContext: a caller that went away is Canceled, one whose time is up Unavailable, and nothing happens for either.
func canceledContext(f *fixture) {
	doc, calls := f.everyCall()
	canceled, cancel := context.WithCancel(f.Context)
	cancel()
	late, cancelLate := context.WithDeadline(f.Context, epoch)
	defer cancelLate()
	for name, call := range calls {
		f.code(named(name, call(canceled)), domain.Canceled, "")
		f.code(named(name, call(late)), domain.Unavailable, "")
	}
	f.equal("the document", f.read(doc), doc)
}

// outOfReach: while the database cannot be reached every method is Unavailable, and nothing of it has happened when it is back.
func outOfReach(f *fixture) {
	doc, calls := f.everyCall()
	mend := f.Break()
	for name, call := range calls {
		f.code(named(name, call(f)), domain.Unavailable, "")
	}
	mend()
	f.equal("the document", f.read(doc), doc)
	docs, err := f.Repo.ListDocuments(f, f.owner, ports.DocumentQuery{Limit: 10})
	f.ok(err)
	f.equal("documents", idsOf(docs), []domain.DocumentID{doc.ID})
}

// everyCall adds a document and returns it with a call of every method, each of which would succeed and change or show it.
func (f *fixture) everyCall() (domain.Document, map[string]func(context.Context) error) {
	f.Helper()
	topic, folder := f.topic(f.owner, "topic"), f.folder(f.owner, domain.FolderID{}, "folder")
	doc := f.add("a", under(topic), inFolder(folder.ID))
	held, mine := f.finished(doc)
	doc = f.read(doc)
	calls := f.calls(doc, topic, folder)
	for name, call := range map[string]func(context.Context) error{
		"AddDocument": func(ctx context.Context) error { return f.Repo.AddDocument(ctx, f.upload(f.owner, "b")) },
		"LockContent": func(ctx context.Context) error { return f.Repo.LockContent(ctx, f.owner, doc.SHA256) },
		"ListDocuments": func(ctx context.Context) error {
			_, err := f.Repo.ListDocuments(ctx, f.owner, ports.DocumentQuery{Limit: 1})
			return err
		},
		"Advance": func(ctx context.Context) error {
			_, err := f.Repo.Advance(ctx, doc.ID, func(d *domain.Document) error { d.Requeues++; return nil })
			return err
		},
		"Complete": func(ctx context.Context) error {
			_, err := f.Repo.Complete(ctx, held, mine, ports.Outcome{})
			return err
		},
		"RecoverOverdue": func(ctx context.Context) error {
			overdue := ports.Overdue{By: doc.ReconcileAt, Limit: 1}
			_, err := f.Repo.RecoverOverdue(ctx, overdue, func(*domain.Document) domain.Verdict { return domain.LeaveIt })
			return err
		},
		"NamedObjects": func(ctx context.Context) error {
			_, err := f.Repo.NamedObjects(ctx, []domain.ObjectKey{doc.Object})
			return err
		},
		"DocumentsAfter": func(ctx context.Context) error { _, err := f.Repo.DocumentsAfter(ctx, nil, 1); return err },
		"AddTopic": func(ctx context.Context) error {
			return f.Repo.AddTopic(ctx, domain.Topic{ID: domain.TopicID{1}, Owner: f.owner, Name: "new", Color: domain.DefaultColor})
		},
		"ListTopics":    func(ctx context.Context) error { _, err := f.Repo.ListTopics(ctx, f.owner); return err },
		"TopicsOf":      func(ctx context.Context) error { _, err := f.Repo.TopicsOf(ctx, f.owner); return err },
		"LearningState": func(ctx context.Context) error { _, err := f.Repo.LearningState(ctx, f.owner); return err },
		"Examples": func(ctx context.Context) error {
			return f.Repo.Examples(ctx, f.owner, ports.ExampleQuery{MaxText: 1, Limit: 1}, func(ports.Example) error { return nil })
		},
		"TopicOwners": func(ctx context.Context) error { _, err := f.Repo.TopicOwners(ctx, nil, 1); return err },
		"AddFolder": func(ctx context.Context) error {
			return f.Repo.AddFolder(ctx, newFolder(f.owner, domain.FolderID{}, "new"))
		},
		"CountRows":   func(ctx context.Context) error { _, err := f.Repo.CountRows(ctx); return err },
		"Snapshot":    func(ctx context.Context) error { return f.Repo.Snapshot(ctx, func(ports.Record) error { return nil }) },
		"RestoreRows": func(ctx context.Context) error { return f.Repo.RestoreRows(ctx, restoring(nil)) },
		"ListFolders": func(ctx context.Context) error { _, err := f.Repo.ListFolders(ctx, f.owner); return err },
		"Health":      f.Repo.Health,
		"Tx":          func(ctx context.Context) error { return f.Repo.Tx(ctx, func(ports.Repository) error { return nil }) },
	} {
		calls[name] = call
	}
	methods := reflect.TypeFor[ports.Repository]()
	for i := range methods.NumMethod() {
		if name := methods.Method(i).Name; calls[name] == nil {
			f.Fatalf("the suite does not call %s", name)
		}
	}
	return doc, calls
}

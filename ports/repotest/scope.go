package repotest

import (
	"context"
	"time"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

func scopeTests() map[string]func(*fixture) {
	return map[string]func(*fixture){
		"scope/another owner's rows are not found": scopeNotFound,
		"scope/lists show the owner's rows alone":  scopeLists,
	}
}

// calls returns every method that takes an owner and names a row, each as that owner's call on these rows.
func (f *fixture) calls(doc domain.Document, topic domain.Topic, folder domain.Folder) map[string]func(context.Context) error {
	return f.callsAs(f.owner, doc, topic, folder)
}

func (f *fixture) callsAs(owner domain.Owner, doc domain.Document, topic domain.Topic, folder domain.Folder) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Document": func(ctx context.Context) error { _, err := f.Repo.Document(ctx, owner, doc.ID); return err },
		"DocumentText": func(ctx context.Context) error {
			_, err := f.Repo.DocumentText(ctx, owner, doc.ID)
			return err
		},
		"PageStarts": func(ctx context.Context) error {
			_, err := f.Repo.PageStarts(ctx, owner, doc.ID)
			return err
		},
		"DocumentByContent": func(ctx context.Context) error {
			_, err := f.Repo.DocumentByContent(ctx, owner, doc.SHA256)
			return err
		},
		"DocumentByTask": func(ctx context.Context) error {
			_, err := f.Repo.DocumentByTask(ctx, owner, doc.Task)
			return err
		},
		"EditDocument": func(ctx context.Context) error {
			_, err := f.Repo.EditDocument(ctx, owner, doc.ID, time.Unix(0, 0), func(d *domain.Document) error { d.Name = "stolen"; return nil })
			return err
		},
		"DeleteDocument": func(ctx context.Context) error {
			_, err := f.Repo.DeleteDocument(ctx, owner, doc.ID)
			return err
		},
		"Topic": func(ctx context.Context) error { _, err := f.Repo.Topic(ctx, owner, topic.ID); return err },
		"EditTopic": func(ctx context.Context) error {
			_, err := f.Repo.EditTopic(ctx, owner, topic.ID, func(t *domain.Topic) error { t.Name = "stolen"; return nil })
			return err
		},
		"DeleteTopic": func(ctx context.Context) error { return f.Repo.DeleteTopic(ctx, owner, topic.ID) },
		"Folder":      func(ctx context.Context) error { _, err := f.Repo.Folder(ctx, owner, folder.ID); return err },
		"EditFolder": func(ctx context.Context) error {
			_, err := f.Repo.EditFolder(ctx, owner, folder.ID, func(d *domain.Folder) error { d.Name = "stolen"; return nil })
			return err
		},
		"DeleteFolder": func(ctx context.Context) error {
			_, err := f.Repo.DeleteFolder(ctx, owner, folder.ID, false)
			return err
		},
	}
}

func scopeNotFound(f *fixture) {
	topic, folder := f.topic(f.owner, "topic"), f.folder(f.owner, domain.FolderID{}, "folder")
	doc := f.add("a", under(topic), inFolder(folder.ID))
	for _, stranger := range []domain.Owner{domain.Nobody, f.People[0], f.People[1]} {
		if stranger == f.owner {
			continue
		}
		for name, call := range f.callsAs(stranger, doc, topic, folder) {
			f.code(named(name, call(f)), domain.NotFound, "")
		}
	}
	f.equal("the document", f.read(doc), doc)
	one, err := f.Repo.Topic(f, f.owner, topic.ID)
	f.ok(err)
	f.equal("the topic", one, ports.CountedTopic{Topic: topic, Documents: 1})
	placed, err := f.Repo.Folder(f, f.owner, folder.ID)
	f.ok(err)
	f.equal("the folder", placed, ports.PlacedFolder{Folder: folder, Path: path("folder"), Documents: 1})
}

func scopeLists(f *fixture) {
	topic, folder := f.topic(f.other, "topic"), f.folder(f.other, domain.FolderID{}, "folder")
	f.addFor(f.other, "a", under(topic), inFolder(folder.ID))
	for _, query := range []ports.DocumentQuery{
		{}, {Status: domain.Pending}, {Topic: topic.ID}, {Folder: &folder.ID}, {NameContains: "a"}, {Sort: ports.ByName}, {Sort: ports.BySize},
	} {
		query.Limit = 10
		docs, err := f.Repo.ListDocuments(f, f.owner, query)
		f.ok(err)
		f.equal("documents", len(docs), 0)
	}
	counted, err := f.Repo.ListTopics(f, f.owner)
	f.ok(err)
	f.equal("topics", len(counted), 0)
	topics, err := f.Repo.TopicsOf(f, f.owner)
	f.ok(err)
	f.equal("topics", len(topics), 0)
	f.equal("folders", len(f.tree()), 0)
}

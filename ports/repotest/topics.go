package repotest

import (
	"fmt"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

func topicTests() map[string]func(*fixture) {
	return map[string]func(*fixture){
		"topics/read, list and count":                topicsRead,
		"topics/names are the owner's own":           topicNames,
		"topics/edit":                                topicEdit,
		"topics/delete leaves the documents":         topicDelete,
		"topics/one of 8 of a name":                  topicOnce,
		"topics/a document is counted once per kind": topicSuggestedCounts,
	}
}

func topicsRead(f *fixture) {
	bee, ape := f.topic(f.owner, "bee"), f.topic(f.owner, "ape")
	f.topic(f.other, "theirs")
	f.add("a", under(bee, ape))
	f.add("b", under(bee))
	list, err := f.Repo.ListTopics(f, f.owner)
	f.ok(err)
	f.equal("list", list, []ports.CountedTopic{{Topic: ape, Documents: 1}, {Topic: bee, Documents: 2}})
	one, err := f.Repo.Topic(f, f.owner, bee.ID)
	f.ok(err)
	f.equal("one", one, ports.CountedTopic{Topic: bee, Documents: 2})
	topics, err := f.Repo.TopicsOf(f, f.owner)
	f.ok(err)
	f.equal("without counts", topics, []domain.Topic{ape, bee})
	_, err = f.Repo.Topic(f, f.owner, domain.TopicID(uuid.New()))
	f.code(err, domain.NotFound, "")
}

func topicSuggestedCounts(f *fixture) {
	ape := f.topic(f.owner, "ape")
	f.add("confirmed", under(ape))
	held, mine := f.finished(f.add("suggested"))
	_, err := f.Repo.Complete(f, held, mine, ports.Outcome{Suggestions: []domain.Suggestion{{Topic: ape.ID, Confidence: 0.5}}})
	f.ok(err)
	one, err := f.Repo.Topic(f, f.owner, ape.ID)
	f.ok(err)
	f.equal("documents", one.Documents, 2)
}

func topicNames(f *fixture) {
	ape := f.topic(f.owner, "ape")
	again := ape
	again.ID = domain.TopicID(uuid.New())
	f.code(f.Repo.AddTopic(f, again), domain.Conflict, "duplicate_name")
	again.Owner = f.other
	f.ok(f.Repo.AddTopic(f, again))
	f.topic(f.owner, "APE")
}

func topicEdit(f *fixture) {
	ape, bee := f.topic(f.owner, "ape"), f.topic(f.owner, "bee")
	doc := f.add("a", under(ape))
	got, err := f.Repo.EditTopic(f, f.owner, ape.ID, func(t *domain.Topic) error {
		f.equal("what edit sees", *t, ape)
		t.Name, t.Description, t.Color = "zoo", "", "#000000"
		t.ID, t.Owner = domain.TopicID(uuid.New()), f.other // not for edit to change
		return nil
	})
	f.ok(err)
	ape.Name, ape.Description, ape.Color = "zoo", "", "#000000"
	f.equal("returned", got, ports.CountedTopic{Topic: ape, Documents: 1})
	one, err := f.Repo.Topic(f, f.owner, ape.ID)
	f.ok(err)
	f.equal("stored", one, got)
	f.equal("on its document", f.read(doc).Topics, []domain.Filing{filed(ape, nil)})

	_, err = f.Repo.EditTopic(f, f.owner, ape.ID, func(t *domain.Topic) error { t.Name = bee.Name; return nil })
	f.code(err, domain.Conflict, "duplicate_name")
	_, err = f.Repo.EditTopic(f, f.owner, ape.ID, func(t *domain.Topic) error { t.Name = "no"; return errOwn })
	if err != errOwn { //nolint:errorlint // passed on as it is
		f.Fatalf("got %v, want the edit's own error", err)
	}
	_, err = f.Repo.EditTopic(f, f.owner, ape.ID, func(*domain.Topic) error { return nil })
	f.ok(err)
	one, err = f.Repo.Topic(f, f.owner, ape.ID)
	f.ok(err)
	f.equal("after refused edits", one.Topic, ape)
	_, err = f.Repo.EditTopic(f, f.owner, domain.TopicID(uuid.New()), func(*domain.Topic) error { return nil })
	f.code(err, domain.NotFound, "")
}

func topicDelete(f *fixture) {
	ape, bee := f.topic(f.owner, "ape"), f.topic(f.owner, "bee")
	doc := f.add("a", under(ape, bee))
	f.ok(f.Repo.DeleteTopic(f, f.owner, ape.ID))
	f.equal("topics left", f.read(doc).Topics, []domain.Filing{filed(bee, nil)})
	f.code(f.Repo.DeleteTopic(f, f.owner, ape.ID), domain.NotFound, "")
}

func topicOnce(f *fixture) {
	errs := atOnce(8, func(i int) error {
		return f.Repo.AddTopic(f, domain.Topic{ID: domain.TopicID(uuid.New()), Owner: f.owner, Name: "same", Description: fmt.Sprint(i), Color: domain.DefaultColor})
	})
	f.equal("results", splitByCode(errs), map[domain.Code]int{"": 1, domain.Conflict: 7})
}

package repotest

import (
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

func learningTests() map[string]func(*fixture) {
	return map[string]func(*fixture){
		"learning/rejected topics do not come back":  rejectedStays,
		"learning/rejected topics are not filed":     rejectedCounts,
		"learning/an accepted topic is confirmed":    acceptedStays,
		"learning/who suggested it":                  suggestedBy,
		"learning/a rejected topic of another owner": rejectedForeign,
		"learning/examples by kind, newest first":    examplesByKind,
		"learning/examples are bounded":              examplesBounded,
		"learning/an error of each":                  exampleError,
		"learning/the state changes when it should":  stateChanges,
		"learning/owners of topics":                  topicOwners,
	}
}

// suggest processes a document so that these topics are suggested.
func (f *fixture) suggest(doc domain.Document, text string, topics ...domain.Topic) domain.Document {
	f.Helper()
	if f.read(doc).Status.Final() {
		_, err := f.Repo.Advance(f, doc.ID, func(d *domain.Document) error { return d.Reprocess("again", f.now(), recovery) })
		f.ok(err)
	}
	held, mine := f.finished(doc)
	outcome := ports.Outcome{Text: text}
	for _, topic := range topics {
		outcome.Suggestions = append(outcome.Suggestions, domain.Suggestion{Topic: topic.ID, Confidence: 0.5, By: "somebody"})
	}
	done, err := f.Repo.Complete(f, held, mine, outcome)
	f.ok(err)
	return done
}

func (f *fixture) edit(doc domain.Document, edit func(*domain.Document)) domain.Document {
	f.Helper()
	edited, err := f.Repo.EditDocument(f, doc.Owner, doc.ID, f.now(), func(d *domain.Document) error {
		edit(d)
		return nil
	})
	f.ok(err)
	f.equal("stored", f.read(doc), edited)
	return edited
}

func namesOf(doc domain.Document) string {
	var names []string
	for _, filing := range doc.Topics {
		names = append(names, string(filing.Name))
	}
	return strings.Join(names, " ")
}

func rejectedStays(f *fixture) {
	ape, bee := f.topic(f.owner, "ape"), f.topic(f.owner, "bee")
	doc := f.suggest(f.add("a"), "text", ape, bee)
	f.equal("suggested", namesOf(doc), "ape bee")
	doc = f.edit(doc, func(d *domain.Document) { d.Reject(ape.ID) })
	f.equal("after rejecting one", namesOf(doc), "bee")
	f.equal("rejected", doc.Rejected, []domain.TopicID{ape.ID})
	again := f.suggest(doc, "text", ape, bee)
	f.equal("suggested again", namesOf(again), "bee")
	f.equal("still rejected", again.Rejected, []domain.TopicID{ape.ID})
	f.equal("stored", f.read(doc), again)

	// A person who names other topics takes the document out of those it was under.
	doc = f.edit(doc, func(d *domain.Document) { d.FileUnder([]domain.TopicID{ape.ID}) })
	f.equal("named", namesOf(doc), "ape")
	f.equal("instead of", doc.Rejected, []domain.TopicID{bee.ID})
	f.equal("suggested once more", namesOf(f.suggest(doc, "text", ape, bee)), "ape")

	f.ok(f.Repo.DeleteTopic(f, f.owner, bee.ID))
	f.equal("without the topic", len(f.read(doc).Rejected), 0)
}

func rejectedCounts(f *fixture) {
	ape, bee := f.topic(f.owner, "ape"), f.topic(f.owner, "bee")
	doc := f.suggest(f.add("a"), "text", ape, bee)
	f.suggest(f.add("b"), "text", ape)
	f.edit(doc, func(d *domain.Document) { d.Reject(ape.ID) })
	list, err := f.Repo.ListTopics(f, f.owner)
	f.ok(err)
	f.equal("counts", list, []ports.CountedTopic{{Topic: ape, Documents: 1}, {Topic: bee, Documents: 1}})
	one, err := f.Repo.Topic(f, f.owner, ape.ID)
	f.ok(err)
	f.equal("count", one.Documents, 1)
	docs, err := f.Repo.ListDocuments(f, f.owner, ports.DocumentQuery{Topic: ape.ID, Limit: 10})
	f.ok(err)
	f.equal("documents of the topic", len(docs), 1)
	f.equal("which", string(docs[0].Name), "b")
	docs, err = f.Repo.ListDocuments(f, f.owner, ports.DocumentQuery{Limit: 10, Sort: ports.OldestFirst})
	f.ok(err)
	f.equal("topics in a list", namesOf(docs[0]), "bee")
	f.equal("rejected in a list", docs[0].Rejected, []domain.TopicID{ape.ID})
}

func acceptedStays(f *fixture) {
	ape, bee := f.topic(f.owner, "ape"), f.topic(f.owner, "bee")
	doc := f.suggest(f.add("a"), "text", ape)
	doc = f.edit(doc, func(d *domain.Document) { d.Accept(ape.ID); d.Accept(bee.ID); d.Accept(bee.ID) })
	sure := 0.5
	want := []domain.Filing{filed(ape, &sure), filed(bee, nil)}
	want[0].Confirmed, want[0].By = true, "somebody"
	f.equal("accepted", doc.Topics, want)
	f.equal("after another round", f.suggest(doc, "text").Topics, want)
	doc = f.edit(doc, func(d *domain.Document) { d.Reject(bee.ID) })
	doc = f.edit(doc, func(d *domain.Document) { d.Accept(bee.ID) })
	f.equal("accepted after all", doc.Topics, want)
	f.equal("rejected", len(doc.Rejected), 0)
}

func suggestedBy(f *fixture) {
	ape := f.topic(f.owner, "ape")
	doc := f.suggest(f.add("a"), "text", ape)
	f.equal("by", doc.Topics[0].By, "somebody")
	f.equal("as read", f.read(doc).Topics[0].By, "somebody")
	held, mine := func() (domain.Attempt, domain.Document) {
		_, err := f.Repo.Advance(f, doc.ID, func(d *domain.Document) error { return d.Reprocess("again", f.now(), recovery) })
		f.ok(err)
		return f.finished(doc)
	}()
	doc, err := f.Repo.Complete(f, held, mine, ports.Outcome{Suggestions: []domain.Suggestion{{Topic: ape.ID, Confidence: 1, By: "another"}}})
	f.ok(err)
	f.equal("by, the next time", doc.Topics[0].By, "another")
}

func rejectedForeign(f *fixture) {
	doc, theirs := f.add("a"), f.topic(f.other, "theirs")
	for _, id := range []domain.TopicID{theirs.ID, domain.TopicID(uuid.New())} {
		_, err := f.Repo.EditDocument(f, f.owner, doc.ID, f.now(), func(d *domain.Document) error { d.Reject(id); return nil })
		f.invalid(err, "topic_ids")
	}
	f.equal("unchanged", f.read(doc), doc)
}

// examples collects what the repository gives.
func (f *fixture) examples(query ports.ExampleQuery) []ports.Example {
	f.Helper()
	var all []ports.Example
	f.ok(f.Repo.Examples(f, f.owner, query, func(e ports.Example) error {
		all = append(all, e)
		return nil
	}))
	return all
}

func examplesByKind(f *fixture) {
	ape, bee, cat := f.topic(f.owner, "ape"), f.topic(f.owner, "bee"), f.topic(f.owner, "cat")
	decided := f.suggest(f.add("decided", under(ape)), "one", bee, cat)
	f.edit(decided, func(d *domain.Document) { d.Reject(cat.ID) })
	suggested := f.suggest(f.add("suggested"), "two", bee)
	unfiled := f.suggest(f.add("unfiled"), "three")
	refused := f.suggest(f.add("refused"), "four", bee)
	f.edit(refused, func(d *domain.Document) { d.Reject(bee.ID) })
	f.suggest(f.add("empty"), "", bee)
	f.add("pending", under(ape))
	f.suggest(f.addFor(f.other, "theirs"), "five")

	first := ports.Example{Document: decided.ID, Text: "one", Confirmed: []domain.TopicID{ape.ID}, Rejected: []domain.TopicID{cat.ID}, Suggested: []domain.TopicID{bee.ID}}
	second := ports.Example{Document: suggested.ID, Text: "two", Suggested: []domain.TopicID{bee.ID}}
	third := ports.Example{Document: unfiled.ID, Text: "three"}
	fourth := ports.Example{Document: refused.ID, Text: "four", Rejected: []domain.TopicID{bee.ID}}
	const all, many = 100, 10
	f.equal("decided", f.examples(ports.ExampleQuery{Kind: ports.Decided, MaxText: all, Limit: many}), []ports.Example{fourth, first})
	f.equal("undecided", f.examples(ports.ExampleQuery{Kind: ports.Undecided, MaxText: all, Limit: many}), []ports.Example{third, second})
	f.equal("unfiled", f.examples(ports.ExampleQuery{Kind: ports.Unfiled, MaxText: all, Limit: many}), []ports.Example{fourth, third})
}

func examplesBounded(f *fixture) {
	var newest domain.Document
	for i := range 3 {
		newest = f.suggest(f.add(fmt.Sprint(i)), "Grüße von hier")
	}
	got := f.examples(ports.ExampleQuery{Kind: ports.Undecided, MaxText: 4, Limit: 1})
	f.equal("the newest", got, []ports.Example{{Document: newest.ID, Text: "Grüß"}})
	f.equal("none", len(f.examples(ports.ExampleQuery{Kind: ports.Undecided, MaxText: 4})), 0)
}

func exampleError(f *fixture) {
	f.suggest(f.add("a"), "text")
	f.suggest(f.add("b"), "text")
	calls := 0
	err := f.Repo.Examples(f, f.owner, ports.ExampleQuery{Kind: ports.Undecided, MaxText: 10, Limit: 10}, func(ports.Example) error {
		calls++
		return errOwn
	})
	if err != errOwn || calls != 1 { //nolint:errorlint // passed on as it is
		f.Fatalf("got %v after %d calls, want each's own error after one", err, calls)
	}
}

func stateChanges(f *fixture) {
	ready := 0
	state := func() domain.Digest {
		f.Helper()
		state, err := f.Repo.LearningState(f, f.owner)
		f.ok(err)
		f.equal("ready documents", state.Documents, ready)
		return state.Basis
	}
	seen := map[domain.Digest]string{state(): "nothing"}
	changed := func(what string) {
		f.Helper()
		now := state()
		if before, ok := seen[now]; ok {
			f.Fatalf("after %s the state is the same as after %s", what, before)
		}
		seen[now] = what
	}
	same := func(what string, before domain.Digest) {
		f.Helper()
		f.equal("state after "+what, state(), before)
	}
	ape, bee := f.topic(f.owner, "ape"), f.topic(f.owner, "bee")
	changed("new topics")
	doc := f.suggest(f.add("a"), "text", ape, bee)
	ready++
	changed("a first document")
	f.edit(doc, func(d *domain.Document) { d.Accept(ape.ID) })
	changed("an acceptance")
	f.edit(doc, func(d *domain.Document) { d.Reject(ape.ID) })
	changed("a rejection")
	f.edit(doc, func(d *domain.Document) { d.FileUnder([]domain.TopicID{bee.ID}) })
	changed("a person's list")
	_, err := f.Repo.EditTopic(f, f.owner, ape.ID, func(t *domain.Topic) error { t.Description = "another"; return nil })
	f.ok(err)
	changed("a topic's description")
	before := state()
	_, err = f.Repo.EditTopic(f, f.owner, ape.ID, func(t *domain.Topic) error { t.Color = "#000000"; return nil })
	f.ok(err)
	same("a topic's colour", before)
	f.edit(doc, func(d *domain.Document) { d.Name = "b" })
	same("a new name", before)
	f.add("pending", under(ape))
	same("a document that is not ready", before)
	f.topic(f.other, "theirs")
	f.suggest(f.addFor(f.other, "theirs"), "text")
	same("what others do", before)
	f.suggest(f.add("c"), "text", ape)
	ready++
	changed("twice as many documents")
	before = state()
	f.suggest(f.add("d"), "text", ape)
	ready++
	same("one more document of three", before)
}

func topicOwners(f *fixture) {
	f.equal("nobody's", len(f.owners(nil, 10)), 0)
	f.topic(f.owner, "ape")
	f.topic(f.owner, "bee")
	f.topic(f.other, "theirs")
	all := f.owners(nil, 10)
	f.equal("how many", len(all), 2)
	f.equal("a page", f.owners(nil, 1), all[:1])
	f.equal("the next", f.owners(&all[0], 10), all[1:])
	f.equal("the last", len(f.owners(&all[1], 10)), 0)
	f.equal("none", len(f.owners(nil, 0)), 0)
	if f.owner.IsNobody() {
		f.equal("the first", all[0], domain.Nobody)
	}
}

func (f *fixture) owners(after *domain.Owner, limit int) []domain.Owner {
	f.Helper()
	owners, err := f.Repo.TopicOwners(f, after, limit)
	f.ok(err)
	return owners
}

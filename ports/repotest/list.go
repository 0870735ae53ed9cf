package repotest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

func listTests() map[string]func(*fixture) {
	return map[string]func(*fixture){
		"list/every sort and filter as the model":     listAsModel,
		"list/part of a name is literal":              listLiteral,
		"list/walk while rows come and go":            listWhileChanging,
		"list/after a document that is gone":          listAfterGone,
		"list/limit and sort are checked":             listChecks,
		"list/a page has topics and the newest first": listDefaults,
	}
}

// library is a set of documents with ties in everything, and what the model knows of it. File names are of a-z and 0-9 alone,
// because every collation sorts those alike.
type library struct {
	docs    []domain.Document
	topics  []domain.Topic
	folders []domain.Folder
}

func (f *fixture) library(n int) library {
	f.Helper()
	lib := library{
		topics:  []domain.Topic{f.topic(f.owner, "ape"), f.topic(f.owner, "bee"), f.topic(f.owner, "cat")},
		folders: []domain.Folder{f.folder(f.owner, domain.FolderID{}, "one"), f.folder(f.owner, domain.FolderID{}, "two")},
	}
	nested := f.folder(f.owner, lib.folders[0].ID, "nested")
	lib.folders = append(lib.folders, nested)
	sure := 0.75
	statuses := []domain.Status{domain.Pending, domain.Ready, domain.Failed, "odd", domain.Ready}
	for i := range n {
		doc := f.upload(f.owner, fmt.Sprintf("%c%02dfile", 'a'+i%3, i*7%20))
		doc.Size = int64(i * 13 % 11)
		doc.CreatedAt = domain.Moment(epoch.Add(time.Duration(i*7%13) * time.Microsecond))
		doc.Status = statuses[i%len(statuses)]
		if i%4 > 0 {
			doc.Folder = lib.folders[i%4-1].ID
		}
		for j, topic := range lib.topics {
			switch {
			case i%(j+2) == 0:
				doc.Topics = append(doc.Topics, filed(topic, nil))
			case i%(j+3) == 0:
				doc.Topics = append(doc.Topics, filed(topic, &sure))
			}
		}
		f.ok(f.Repo.AddDocument(f, doc))
		lib.docs = append(lib.docs, doc)
	}
	f.addFor(f.other, "a00file")
	return lib
}

// queries returns every combination of filters.
func (lib library) queries() []ports.DocumentQuery {
	var all []ports.DocumentQuery
	none := domain.FolderID{}
	for _, status := range []domain.Status{"", domain.Ready, "odd", "unheard of"} {
		for _, topic := range []domain.TopicID{{}, lib.topics[0].ID, lib.topics[2].ID, domain.TopicID(uuid.New())} {
			for _, folder := range []*domain.FolderID{nil, &none, &lib.folders[0].ID} {
				for _, part := range []string{"", "A0", "1", "file", "nowhere"} {
					all = append(all, ports.DocumentQuery{Status: status, Topic: topic, Folder: folder, NameContains: part})
				}
			}
		}
	}
	for _, doc := range []domain.Document{lib.docs[0], lib.docs[1]} {
		all = append(all, ports.DocumentQuery{Content: doc.SHA256}, ports.DocumentQuery{Content: doc.SHA256, Status: domain.Ready})
	}
	return append(all, ports.DocumentQuery{Content: domain.Digest{1}})
}

// model answers a query by looking at everything.
func model(docs []domain.Document, query ports.DocumentQuery) []domain.DocumentID {
	var found []domain.Document
	for _, doc := range docs {
		if (query.Status == "" || doc.Status == query.Status) &&
			(query.Topic == domain.TopicID{} || slices.ContainsFunc(doc.Topics, func(g domain.Filing) bool { return g.Topic == query.Topic })) &&
			(query.Folder == nil || doc.Folder == *query.Folder) &&
			(query.Content.IsZero() || doc.SHA256 == query.Content) &&
			strings.Contains(strings.ToLower(string(doc.Name)), strings.ToLower(query.NameContains)) {
			found = append(found, doc)
		}
	}
	slices.SortFunc(found, func(a, b domain.Document) int {
		switch query.Sort {
		case ports.OldestFirst:
			return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), byID(a, b))
		case ports.ByName:
			return cmp.Or(cmp.Compare(a.Name, b.Name), byID(a, b))
		case ports.BySize:
			return cmp.Or(cmp.Compare(a.Size, b.Size), byID(a, b))
		default:
			return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), byID(b, a))
		}
	})
	return idsOf(found)
}

// walk reads a list to its end, page by page.
func (f *fixture) walk(query ports.DocumentQuery, between func(page []domain.Document)) []domain.DocumentID {
	f.Helper()
	var ids []domain.DocumentID
	for pages := 0; ; pages++ {
		page, err := f.Repo.ListDocuments(f, f.owner, query)
		f.ok(err)
		if len(page) > query.Limit || pages > 1000 {
			f.Fatalf("page %d has %d documents, limit %d", pages, len(page), query.Limit)
		}
		if len(page) == 0 {
			return ids
		}
		ids = append(ids, idsOf(page)...)
		after := ports.PositionOf(page[len(page)-1])
		query.After = &after
		if between != nil {
			between(page)
		}
	}
}

func listAsModel(f *fixture) {
	lib := f.library(50)
	for i, query := range lib.queries() {
		for _, sort := range ports.Sorts() {
			query.Sort = sort
			want := model(lib.docs, query)
			query.Limit = []int{1, 3, 7, 1000}[i%4]
			if query.Limit == 1 && len(want) > 12 {
				query.Limit = 5
			}
			if got := f.walk(query, nil); !slices.Equal(got, want) {
				f.Fatalf("%+v:\n got %v\nwant %v", query, got, want)
			}
		}
	}
	for _, sort := range ports.Sorts() { // one at a time, all of it
		query := ports.DocumentQuery{Sort: sort, Limit: 1}
		f.equal(fmt.Sprint("one at a time by ", sort), f.walk(query, nil), model(lib.docs, query))
	}
}

func listLiteral(f *fixture) {
	names := []string{"100% sure.txt", "1000 sure.txt", "under_score.txt", "underXscore.txt", `back.txt`, "MiXeD Case.TXT", "quo'te.txt", "*.txt"}
	for _, name := range names {
		f.add(name)
	}
	for part, want := range map[string][]string{
		"0% s": {"100% sure.txt"}, "%": {"100% sure.txt"}, "_": {"under_score.txt"}, `\`: nil, "mixed CASE": {"MiXeD Case.TXT"},
		"'": {"quo'te.txt"}, "*": {"*.txt"}, "r_s": {"under_score.txt"}, ".TXT": names, `%%`: nil, "d c": {"MiXeD Case.TXT"},
	} {
		page, err := f.Repo.ListDocuments(f, f.owner, ports.DocumentQuery{NameContains: part, Sort: ports.OldestFirst, Limit: 100})
		f.ok(err)
		var got []string
		for _, doc := range page {
			got = append(got, string(doc.Name))
		}
		f.equal(fmt.Sprintf("names with %q", part), got, want)
	}
}

func listWhileChanging(f *fixture) {
	lib := f.library(30)
	for _, sort := range ports.Sorts() {
		present := map[domain.DocumentID]int{}
		for _, doc := range lib.docs {
			present[doc.ID] = 0
		}
		deleted := map[domain.DocumentID]bool{}
		var added []domain.Document
		n := 0
		walked := f.walk(ports.DocumentQuery{Sort: sort, Limit: 3}, func(page []domain.Document) {
			last := page[len(page)-1]
			if n++; n > 40 {
				f.Fatal("the walk does not end")
			}
			if n%3 == 0 && !slices.ContainsFunc(added, func(d domain.Document) bool { return d.ID == last.ID }) {
				_, err := f.Repo.DeleteDocument(f, f.owner, last.ID)
				f.ok(err)
				deleted[last.ID] = true
			}
			if len(added) < 12 { // with the same sort keys as the page's first row: some before the cursor, some after
				doc := f.upload(f.owner, string(page[0].Name))
				doc.CreatedAt, doc.Size = page[0].CreatedAt, page[0].Size
				f.ok(f.Repo.AddDocument(f, doc))
				added = append(added, doc)
			}
		})
		seen := map[domain.DocumentID]bool{}
		for _, id := range walked {
			if seen[id] {
				f.Errorf("by %s: %s comes twice", sort, id)
			}
			seen[id] = true
		}
		var left []domain.Document
		for _, doc := range lib.docs {
			if !seen[doc.ID] {
				f.Errorf("by %s: %s is never shown", sort, doc.ID)
			}
			if !deleted[doc.ID] {
				left = append(left, doc)
			}
		}
		lib.docs = append(left, added...)
	}
}

func listAfterGone(f *fixture) {
	a, b, c := f.add("a"), f.add("b"), f.add("c")
	_, err := f.Repo.DeleteDocument(f, f.owner, b.ID)
	f.ok(err)
	for _, sort := range ports.Sorts() {
		if sort == ports.BySize {
			continue // all are of one size: ids decide, as the walk above has it
		}
		after := ports.PositionOf(b)
		page, err := f.Repo.ListDocuments(f, f.owner, ports.DocumentQuery{Sort: sort, After: &after, Limit: 10})
		f.ok(err)
		want := c.ID
		if sort == ports.NewestFirst {
			want = a.ID
		}
		f.equal(fmt.Sprint("after the one that is gone, by ", sort), idsOf(page), []domain.DocumentID{want})
	}
}

func listChecks(f *fixture) {
	f.add("a")
	for _, limit := range []int{0, -1} {
		_, err := f.Repo.ListDocuments(f, f.owner, ports.DocumentQuery{Limit: limit})
		f.invalid(err, "limit")
	}
	_, err := f.Repo.ListDocuments(f, f.owner, ports.DocumentQuery{Sort: "extracted_text; DROP TABLE documents", Limit: 1})
	f.invalid(err, "sort")
}

func listDefaults(f *fixture) {
	ape, bee := f.topic(f.owner, "ape"), f.topic(f.owner, "bee")
	old, young := f.add("b", under(bee, ape)), f.add("a", under(bee))
	page, err := f.Repo.ListDocuments(f, f.owner, ports.DocumentQuery{Limit: 10})
	f.ok(err)
	f.equal("page", page, []domain.Document{young, old})
	page, err = f.Repo.ListDocuments(f, f.owner, ports.DocumentQuery{Topic: ape.ID, Limit: 10})
	f.ok(err)
	f.equal("a filter by topic shows the other topics too", page, []domain.Document{old})
}

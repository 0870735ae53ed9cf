package repotest

import (
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

func folderTests() map[string]func(*fixture) {
	return map[string]func(*fixture){
		"folders/read and list":                         foldersRead,
		"folders/names are unique in a parent":          folderNames,
		"folders/one of 8 of a name":                    folderOnce,
		"folders/unknown parent":                        folderUnknownParent,
		"folders/depth":                                 folderDepth,
		"folders/edit":                                  folderEdit,
		"folders/cycle":                                 folderCycle,
		"folders/cycle of two moves at once":            folderCycleAtOnce,
		"folders/moves at once keep the depth":          folderDepthAtOnce,
		"folders/delete keeps the documents":            folderDelete,
		"folders/delete only empty":                     folderDeleteOnlyEmpty,
		"folders/delete collides with what comes in":    folderDeleteCollides,
		"folders/delete and moves of documents collide": folderDeleteMoves,
	}
}

func path(names ...domain.FolderName) []domain.FolderName { return names }

func foldersRead(f *fixture) {
	var none domain.FolderID
	b := f.folder(f.owner, none, "b")
	a := f.folder(f.owner, none, "a")
	bz := f.folder(f.owner, b.ID, "z")
	by := f.folder(f.owner, b.ID, "y")
	byx := f.folder(f.owner, by.ID, "x")
	f.folder(f.other, none, "theirs")
	f.add("1", inFolder(by.ID))
	f.add("2", inFolder(by.ID))
	f.add("3", inFolder(byx.ID))
	f.add("4")
	want := map[domain.FolderID]ports.PlacedFolder{
		a.ID: {Folder: a, Path: path("a")}, b.ID: {Folder: b, Path: path("b")}, bz.ID: {Folder: bz, Path: path("b", "z")},
		by.ID: {Folder: by, Path: path("b", "y"), Documents: 2}, byx.ID: {Folder: byx, Path: path("b", "y", "x"), Documents: 1},
	}
	list := f.tree()
	f.equal("folders", len(list), len(want))
	for _, folder := range list {
		f.equal("listed", folder, want[folder.ID])
		one, err := f.Repo.Folder(f, f.owner, folder.ID)
		f.ok(err)
		f.equal("one", one, folder)
	}
	_, err := f.Repo.Folder(f, f.owner, domain.FolderID(uuid.New()))
	f.code(err, domain.NotFound, "")
}

// tree lists the folders and makes sure that parents come first and siblings in order of their names.
func (f *fixture) tree() []ports.PlacedFolder {
	f.Helper()
	list, err := f.Repo.ListFolders(f, f.owner)
	f.ok(err)
	seen, last := map[domain.FolderID]bool{{}: true}, map[domain.FolderID]domain.FolderName{}
	for _, folder := range list {
		if !seen[folder.Parent] {
			f.Errorf("%v comes before its parent", folder.Path)
		}
		if folder.Name <= last[folder.Parent] {
			f.Errorf("%v comes after its sibling %s", folder.Path, last[folder.Parent])
		}
		seen[folder.ID], last[folder.Parent] = true, folder.Name
	}
	return list
}

func folderNames(f *fixture) {
	var none domain.FolderID
	a := f.folder(f.owner, none, "a")
	f.code(f.Repo.AddFolder(f, newFolder(f.owner, none, "a")), domain.Conflict, "duplicate_name")
	in := f.folder(f.owner, a.ID, "a")
	f.code(f.Repo.AddFolder(f, newFolder(f.owner, a.ID, "a")), domain.Conflict, "duplicate_name")
	f.folder(f.other, none, "a")
	b := f.folder(f.owner, none, "b")
	_, err := f.Repo.EditFolder(f, f.owner, b.ID, func(d *domain.Folder) error { d.Name = "a"; return nil })
	f.code(err, domain.Conflict, "duplicate_name")
	_, err = f.Repo.EditFolder(f, f.owner, in.ID, func(d *domain.Folder) error { d.Parent = none; return nil })
	f.code(err, domain.Conflict, "duplicate_name")
}

func folderOnce(f *fixture) {
	a := f.folder(f.owner, domain.FolderID{}, "a")
	for _, parent := range []domain.FolderID{{}, a.ID} {
		errs := atOnce(8, func(int) error { return f.Repo.AddFolder(f, newFolder(f.owner, parent, "same")) })
		f.equal("results", splitByCode(errs), map[domain.Code]int{"": 1, domain.Conflict: 7})
	}
}

func folderUnknownParent(f *fixture) {
	a := f.folder(f.owner, domain.FolderID{}, "a")
	for _, parent := range []domain.FolderID{domain.FolderID(uuid.New()), f.folder(f.other, domain.FolderID{}, "theirs").ID} {
		f.invalid(f.Repo.AddFolder(f, newFolder(f.owner, parent, "b")), "parent_id")
		_, err := f.Repo.EditFolder(f, f.owner, a.ID, func(d *domain.Folder) error { d.Parent = parent; return nil })
		f.invalid(err, "parent_id")
	}
	f.equal("folders", len(f.tree()), 1)
}

// chain makes folders each in the one before.
func (f *fixture) chain(name string, n int) []domain.Folder {
	f.Helper()
	var folders []domain.Folder
	var parent domain.FolderID
	for i := range n {
		folder := f.folder(f.owner, parent, fmt.Sprintf("%s%02d", name, i))
		folders, parent = append(folders, folder), folder.ID
	}
	return folders
}

func folderDepth(f *fixture) {
	deep := f.chain("a", domain.MaxFolderDepth)
	f.invalid(f.Repo.AddFolder(f, newFolder(f.owner, deep[len(deep)-1].ID, "below")), "parent_id")
	f.folder(f.owner, deep[len(deep)-2].ID, "beside")
	two := f.chain("b", 2)
	into := func(parent domain.Folder) error {
		_, err := f.Repo.EditFolder(f, f.owner, two[0].ID, func(d *domain.Folder) error { d.Parent = parent.ID; return nil })
		return err
	}
	f.invalid(into(deep[domain.MaxFolderDepth-1]), "parent_id")
	f.invalid(into(deep[domain.MaxFolderDepth-2]), "parent_id")
	f.ok(into(deep[domain.MaxFolderDepth-3]))
	one, err := f.Repo.Folder(f, f.owner, two[1].ID)
	f.ok(err)
	f.equal("depth", len(one.Path), domain.MaxFolderDepth)
	one, err = f.Repo.EditFolder(f, f.owner, deep[0].ID, func(d *domain.Folder) error { d.Name = "renamed"; return nil })
	f.ok(err)
	f.equal("renamed", one.Path, path("renamed"))
}

func folderEdit(f *fixture) {
	a := f.chain("a", 2)
	b := f.folder(f.owner, domain.FolderID{}, "b")
	f.add("1", inFolder(b.ID))
	got, err := f.Repo.EditFolder(f, f.owner, b.ID, func(d *domain.Folder) error {
		f.equal("what edit sees", *d, b)
		d.Name, d.Parent = "c", a[1].ID
		d.ID, d.Owner = domain.FolderID(uuid.New()), f.other // not for edit to change
		return nil
	})
	f.ok(err)
	b.Name, b.Parent = "c", a[1].ID
	f.equal("returned", got, ports.PlacedFolder{Folder: b, Path: path("a00", "a01", "c"), Documents: 1})
	one, err := f.Repo.Folder(f, f.owner, b.ID)
	f.ok(err)
	f.equal("stored", one, got)
	_, err = f.Repo.EditFolder(f, f.owner, b.ID, func(d *domain.Folder) error { d.Name = "no"; return errOwn })
	if err != errOwn { //nolint:errorlint // passed on as it is
		f.Fatalf("got %v, want the edit's own error", err)
	}
	got, err = f.Repo.EditFolder(f, f.owner, b.ID, func(d *domain.Folder) error { d.Parent = domain.FolderID{}; return nil })
	f.ok(err)
	f.equal("back at the top", got.Path, path("c"))
	_, err = f.Repo.EditFolder(f, f.owner, domain.FolderID(uuid.New()), func(*domain.Folder) error { return nil })
	f.code(err, domain.NotFound, "")
}

func folderCycle(f *fixture) {
	chain := f.chain("a", 4)
	before := f.tree()
	for _, below := range chain {
		_, err := f.Repo.EditFolder(f, f.owner, chain[0].ID, func(d *domain.Folder) error { d.Parent = below.ID; return nil })
		f.code(err, domain.Conflict, "cycle")
	}
	f.equal("tree", f.tree(), before)
}

func folderCycleAtOnce(f *fixture) {
	for i := range 10 {
		a, b := f.chain(fmt.Sprintf("a%d", i), 2), f.chain(fmt.Sprintf("b%d", i), 2)
		into := func(what, where domain.Folder) error {
			_, err := f.Repo.EditFolder(f, f.owner, what.ID, func(d *domain.Folder) error { d.Parent = where.ID; return nil })
			return err
		}
		errs := atOnce(2, func(i int) error {
			if i == 0 {
				return into(a[0], b[1])
			}
			return into(b[0], a[1])
		})
		f.equal("results", splitByCode(errs), map[domain.Code]int{"": 1, domain.Conflict: 1})
		f.equal("folders that can be reached", len(f.tree()), 4*(i+1))
	}
}

func folderDepthAtOnce(f *fixture) {
	half := domain.MaxFolderDepth / 2
	a, b, c := f.chain("a", half), f.chain("b", half), f.chain("c", half)
	into := func(what, where domain.Folder) error {
		_, err := f.Repo.EditFolder(f, f.owner, what.ID, func(d *domain.Folder) error { d.Parent = where.ID; return nil })
		return err
	}
	errs := atOnce(2, func(i int) error {
		if i == 0 {
			return into(b[0], a[half-1])
		}
		return into(c[0], b[half-1])
	})
	f.equal("results", splitByCode(errs), map[domain.Code]int{"": 1, domain.Invalid: 1})
	for _, folder := range f.tree() {
		if len(folder.Path) > domain.MaxFolderDepth {
			f.Fatalf("%v is too deep", folder.Path)
		}
	}
}

func folderDelete(f *fixture) {
	chain := f.chain("a", 3)
	other := f.folder(f.owner, domain.FolderID{}, "b")
	in := []domain.Document{f.add("1", inFolder(chain[1].ID)), f.add("2", inFolder(chain[2].ID))}
	above, beside := f.add("3", inFolder(chain[0].ID)), f.add("4", inFolder(other.ID))
	removal, err := f.Repo.DeleteFolder(f, f.owner, chain[1].ID, false)
	f.ok(err)
	f.equal("removal", removal, ports.FolderRemoval{Folders: 2, Documents: 2})
	for _, doc := range in {
		doc.Folder = domain.FolderID{}
		f.equal("a document from it", f.read(doc), doc)
	}
	f.equal("a document above it", f.read(above), above)
	f.equal("a document beside it", f.read(beside), beside)
	var left []string
	for _, folder := range f.tree() {
		left = append(left, string(folder.Name))
	}
	f.equal("folders left", left, []string{"a00", "b"})
	_, err = f.Repo.DeleteFolder(f, f.owner, chain[1].ID, false)
	f.code(err, domain.NotFound, "")
}

func folderDeleteOnlyEmpty(f *fixture) {
	chain := f.chain("a", 2)
	_, err := f.Repo.DeleteFolder(f, f.owner, chain[0].ID, true)
	f.code(err, domain.Conflict, "not_empty")
	doc := f.add("1", inFolder(chain[1].ID))
	_, err = f.Repo.DeleteFolder(f, f.owner, chain[1].ID, true)
	f.code(err, domain.Conflict, "not_empty")
	f.equal("the document", f.read(doc), doc)
	_, err = f.Repo.DeleteDocument(f, f.owner, doc.ID)
	f.ok(err)
	for _, folder := range slices.Backward(chain) {
		removal, err := f.Repo.DeleteFolder(f, f.owner, folder.ID, true)
		f.ok(err)
		f.equal("removal", removal, ports.FolderRemoval{Folders: 1})
	}
	_, err = f.Repo.DeleteFolder(f, f.owner, chain[0].ID, true)
	f.code(err, domain.NotFound, "")
}

func folderDeleteCollides(f *fixture) {
	for i := range 10 {
		folder := f.folder(f.owner, domain.FolderID{}, fmt.Sprint(i))
		doc := f.upload(f.owner, "a", inFolder(folder.ID))
		child := newFolder(f.owner, folder.ID, "child")
		errs := atOnce(3, func(i int) error {
			switch i {
			case 0:
				_, err := f.Repo.DeleteFolder(f, f.owner, folder.ID, true)
				return err
			case 1:
				return f.Repo.AddDocument(f, doc)
			default:
				return f.Repo.AddFolder(f, child)
			}
		})
		_, err := f.Repo.Folder(f, f.owner, folder.ID)
		if errs[0] == nil {
			f.invalid(errs[1], "folder_id")
			f.invalid(errs[2], "parent_id")
			f.code(err, domain.NotFound, "")
			continue
		}
		f.code(errs[0], domain.Conflict, "not_empty")
		f.ok(err)
		if errs[1] == nil {
			f.equal("the document's folder", f.read(doc).Folder, folder.ID)
		}
	}
}

// folderDeleteMoves: a document that is moved into what is being deleted ends in no folder or is refused.
func folderDeleteMoves(f *fixture) {
	for i := range 10 {
		chain := f.chain(fmt.Sprintf("a%d", i), 2)
		docs := []domain.Document{f.add("1", inFolder(chain[0].ID)), f.add("2", inFolder(chain[0].ID)), f.add("3")}
		errs := atOnce(1+len(docs), func(i int) error {
			if i == len(docs) {
				_, err := f.Repo.DeleteFolder(f, f.owner, chain[0].ID, false)
				return err
			}
			_, err := f.Repo.EditDocument(f, f.owner, docs[i].ID, f.now(), func(d *domain.Document) error {
				d.Folder = chain[1].ID
				return nil
			})
			return err
		})
		f.ok(errs[len(docs)])
		for i, doc := range docs {
			if errs[i] != nil {
				f.invalid(errs[i], "folder_id")
			}
			f.equal("folder", f.read(doc).Folder, domain.FolderID{})
		}
	}
}

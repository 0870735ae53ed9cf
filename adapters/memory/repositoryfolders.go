package memory

import (
	"context"
	"slices"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

func (u unit) folder(owner domain.Owner, id domain.FolderID) (domain.Folder, error) {
	folder, ok := u.rows.folders[id]
	if !ok || folder.Owner != owner {
		return domain.Folder{}, notFound("folder")
	}
	return folder, nil
}

// line returns the folders from the top down to the folder itself.
func (u unit) line(id domain.FolderID) []domain.Folder {
	var line []domain.Folder
	for !id.IsZero() {
		folder := u.rows.folders[id]
		line = append(line, folder)
		id = folder.Parent
	}
	slices.Reverse(line)
	return line
}

func (u unit) placed(folder domain.Folder) ports.PlacedFolder {
	placed := ports.PlacedFolder{Folder: folder}
	for _, f := range u.line(folder.ID) {
		placed.Path = append(placed.Path, f.Name)
	}
	placed.Documents = len(u.documents(func(s storedDocument) bool { return s.Folder == folder.ID }))
	return placed
}

// below returns the folder and all below it, and how many levels they are.
func (u unit) below(id domain.FolderID) (ids []domain.FolderID, levels int) {
	depth := len(u.line(id))
	for other := range u.rows.folders {
		line := u.line(other)
		if slices.ContainsFunc(line, func(f domain.Folder) bool { return f.ID == id }) {
			ids, levels = append(ids, other), max(levels, len(line)-depth+1)
		}
	}
	return ids, levels
}

// putFolder stores a folder, with so many levels, where its Parent says.
func (u unit) putFolder(folder domain.Folder, levels int, moved bool) error {
	if moved && !folder.Parent.IsZero() {
		if _, err := u.folder(folder.Owner, folder.Parent); err != nil {
			return domain.InvalidField("parent_id", "there is no folder %s", folder.Parent)
		}
		line := u.line(folder.Parent)
		if slices.ContainsFunc(line, func(f domain.Folder) bool { return f.ID == folder.ID }) {
			return domain.Errorf(domain.Conflict, "a folder cannot be moved below itself").Because("cycle")
		}
		if len(line)+levels > domain.MaxFolderDepth {
			return domain.InvalidField("parent_id", "folders nest at most %d deep", domain.MaxFolderDepth)
		}
	}
	for _, other := range u.rows.folders {
		if other.ID != folder.ID && other.Owner == folder.Owner && other.Parent == folder.Parent && other.Name == folder.Name {
			return domain.Errorf(domain.Conflict, "there is a folder of this name here already").Because("duplicate_name")
		}
	}
	u.rows.folders[folder.ID] = folder
	return nil
}

// AddFolder implements ports.Folders.
func (u unit) AddFolder(ctx context.Context, folder domain.Folder) error {
	leave, err := u.enter(ctx, "AddFolder")
	if err != nil {
		return err
	}
	defer leave()
	if _, taken := u.rows.folders[folder.ID]; taken {
		return domain.Errorf(domain.Conflict, "there is a folder %s already", folder.ID)
	}
	return u.putFolder(folder, 1, true)
}

// Folder implements ports.Folders.
func (u unit) Folder(ctx context.Context, owner domain.Owner, id domain.FolderID) (ports.PlacedFolder, error) {
	leave, err := u.enter(ctx, "Folder")
	if err != nil {
		return ports.PlacedFolder{}, err
	}
	defer leave()
	folder, err := u.folder(owner, id)
	if err != nil {
		return ports.PlacedFolder{}, err
	}
	return u.placed(folder), nil
}

// ListFolders implements ports.Folders.
func (u unit) ListFolders(ctx context.Context, owner domain.Owner) ([]ports.PlacedFolder, error) {
	leave, err := u.enter(ctx, "ListFolders")
	if err != nil {
		return nil, err
	}
	defer leave()
	var folders []ports.PlacedFolder
	for _, folder := range u.rows.folders {
		if folder.Owner == owner {
			folders = append(folders, u.placed(folder))
		}
	}
	slices.SortFunc(folders, func(a, b ports.PlacedFolder) int { return slices.Compare(a.Path, b.Path) })
	return folders, nil
}

// EditFolder implements ports.Folders.
func (u unit) EditFolder(ctx context.Context, owner domain.Owner, id domain.FolderID, edit func(*domain.Folder) error) (ports.PlacedFolder, error) {
	leave, err := u.enter(ctx, "EditFolder")
	if err != nil {
		return ports.PlacedFolder{}, err
	}
	defer leave()
	folder, err := u.folder(owner, id)
	if err != nil {
		return ports.PlacedFolder{}, err
	}
	edited := folder
	if err := edit(&edited); err != nil {
		return ports.PlacedFolder{}, err
	}
	edited.ID, edited.Owner = folder.ID, folder.Owner
	_, levels := u.below(id)
	if err := u.putFolder(edited, levels, edited.Parent != folder.Parent); err != nil {
		return ports.PlacedFolder{}, err
	}
	return u.placed(edited), nil
}

// DeleteFolder implements ports.Folders.
func (u unit) DeleteFolder(ctx context.Context, owner domain.Owner, id domain.FolderID, onlyEmpty bool) (ports.FolderRemoval, error) {
	leave, err := u.enter(ctx, "DeleteFolder")
	if err != nil {
		return ports.FolderRemoval{}, err
	}
	defer leave()
	if _, err := u.folder(owner, id); err != nil {
		return ports.FolderRemoval{}, err
	}
	ids, _ := u.below(id)
	inside := u.documents(func(s storedDocument) bool { return slices.Contains(ids, s.Folder) })
	if onlyEmpty && (len(ids) > 1 || len(inside) > 0) {
		return ports.FolderRemoval{}, domain.Errorf(domain.Conflict, "the folder is not empty").Because("not_empty")
	}
	for _, s := range inside {
		s.Folder = domain.FolderID{}
		u.rows.documents[s.ID] = s
	}
	for _, folder := range ids {
		delete(u.rows.folders, folder)
	}
	return ports.FolderRemoval{Folders: len(ids), Documents: len(inside)}, nil
}

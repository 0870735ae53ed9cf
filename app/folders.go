package app

import (
	"context"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// Folders returns the owner's tree of folders, parents first.
func (v *Vault) Folders(ctx context.Context, owner domain.Owner) ([]ports.PlacedFolder, error) {
	return v.repo.ListFolders(ctx, owner)
}

// Folder returns one folder.
func (v *Vault) Folder(ctx context.Context, owner domain.Owner, id domain.FolderID) (ports.PlacedFolder, error) {
	return v.repo.Folder(ctx, owner, id)
}

// AddFolder adds a folder in a parent, or at the top if the parent is zero.
func (v *Vault) AddFolder(ctx context.Context, owner domain.Owner, parent domain.FolderID, name string) (ports.PlacedFolder, error) {
	folder, err := domain.NewFolder(domain.FolderID(uuid.New()), owner, parent, name)
	if err != nil {
		return ports.PlacedFolder{}, err
	}
	if err := v.repo.AddFolder(ctx, folder); err != nil {
		return ports.PlacedFolder{}, err
	}
	return v.repo.Folder(ctx, owner, folder.ID)
}

// FolderChange is what a person changes of a folder; nil fields stay as they are.
type FolderChange struct {
	Name   *string
	Parent *domain.FolderID // the zero id moves it to the top
}

// EditFolder renames or moves a folder.
func (v *Vault) EditFolder(ctx context.Context, owner domain.Owner, id domain.FolderID, change FolderChange, conditions ...Condition[domain.Folder]) (ports.PlacedFolder, error) {
	return v.repo.EditFolder(ctx, owner, id, func(folder *domain.Folder) (err error) {
		if err := met(conditions, *folder); err != nil {
			return err
		}
		if change.Name != nil {
			if folder.Name, err = domain.NewFolderName(*change.Name); err != nil {
				return err
			}
		}
		if change.Parent != nil {
			folder.Parent = *change.Parent
		}
		return nil
	})
}

// DeleteFolder removes a folder and the folders in it; their documents stay, in no folder.
func (v *Vault) DeleteFolder(ctx context.Context, owner domain.Owner, id domain.FolderID, onlyEmpty bool, conditions ...Condition[domain.Folder]) (removal ports.FolderRemoval, err error) {
	err = removeIf(ctx, v.repo, conditions, func(repo ports.Repository, ask func(*domain.Folder) error) error {
		_, err := repo.EditFolder(ctx, owner, id, ask)
		return err
	}, func(repo ports.Repository) (err error) {
		removal, err = repo.DeleteFolder(ctx, owner, id, onlyEmpty)
		return err
	})
	return removal, err
}

package postgres

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// placedRow is a folder with its place in the tree.
type placedRow struct {
	Folder    folderRow   `gorm:"embedded"`
	Line      []uuid.UUID `gorm:"serializer:json"` // from the top down to the folder itself
	Path      []string    `gorm:"serializer:json"` // their names
	Documents int
}

func (r placedRow) toDomain() ports.PlacedFolder {
	placed := ports.PlacedFolder{Folder: r.Folder.toDomain(), Documents: r.Documents}
	for _, name := range r.Path {
		placed.Path = append(placed.Path, domain.FolderName(name))
	}
	return placed
}

// Rows of Python's may form a loop, which no query here may follow for ever.
const (
	folderTree = `
WITH RECURSIVE tree AS (
	SELECT id, user_id, parent_id, name, created_at, ARRAY[name] AS path
	FROM folders WHERE ? AND parent_id IS NULL
	UNION ALL
	SELECT f.id, f.user_id, f.parent_id, f.name, f.created_at, tree.path || f.name
	FROM tree JOIN folders f ON f.parent_id = tree.id AND f.user_id IS NOT DISTINCT FROM tree.user_id
)
SELECT id, user_id, parent_id, name, created_at, array_to_json(path) AS path,
	(SELECT count(*) FROM documents d WHERE d.folder_id = tree.id) AS documents
FROM tree ORDER BY tree.path, id`

	folderPlace = `
WITH RECURSIVE up AS (
	SELECT id, user_id, parent_id AS above, ARRAY[id] AS line, ARRAY[name] AS path
	FROM folders WHERE id = ? AND ?
	UNION ALL
	SELECT up.id, up.user_id, f.parent_id, f.id || up.line, f.name || up.path
	FROM up JOIN folders f ON f.id = up.above AND f.user_id IS NOT DISTINCT FROM up.user_id
	WHERE f.id <> ALL (up.line)
)
SELECT folders.*, array_to_json(line) AS line, array_to_json(path) AS path,
	(SELECT count(*) FROM documents d WHERE d.folder_id = folders.id) AS documents
FROM up JOIN folders USING (id) ORDER BY cardinality(line) DESC LIMIT 1`

	foldersBelow = `
WITH RECURSIVE down AS (
	SELECT id, user_id, ARRAY[id] AS line FROM folders WHERE id = ? AND ?
	UNION ALL
	SELECT f.id, f.user_id, down.line || f.id
	FROM down JOIN folders f ON f.parent_id = down.id AND f.user_id IS NOT DISTINCT FROM down.user_id
	WHERE f.id <> ALL (down.line)
)
SELECT id, cardinality(line) AS depth FROM down`
)

// place finds a folder and its line of parents.
func (s session) place(ctx context.Context, owner domain.Owner, id domain.FolderID) (placedRow, error) {
	var rows []placedRow
	if err := s.on(ctx).Raw(folderPlace, uuid.UUID(id), isOwner(owner)).Scan(&rows).Error; err != nil {
		return placedRow{}, translate(ctx, err)
	}
	if len(rows) == 0 {
		return placedRow{}, notFound("folder")
	}
	return rows[0], nil
}

// below returns the folder and those below it, and how many levels they are.
func (s session) below(ctx context.Context, owner domain.Owner, id domain.FolderID) (ids []uuid.UUID, levels int, err error) {
	var rows []struct {
		ID    uuid.UUID
		Depth int
	}
	if err := s.on(ctx).Raw(foldersBelow, uuid.UUID(id), isOwner(owner)).Scan(&rows).Error; err != nil {
		return nil, 0, translate(ctx, err)
	}
	for _, row := range rows {
		ids, levels = append(ids, row.ID), max(levels, row.Depth)
	}
	return ids, levels, nil
}

// inTree runs fn in a transaction in which nobody else changes the owner's tree: whether a move makes a cycle, and how deep a
// folder lies, depends on rows that the move does not touch.
func (s session) inTree(ctx context.Context, owner domain.Owner, fn func(session) error) error {
	return s.inTx(ctx, func(tx session) error {
		if err := tx.lock(ctx, lockFolders, owner[:]); err != nil {
			return err
		}
		return fn(tx)
	})
}

// mustFit makes sure that a folder with so many levels can lie in parent.
func (s session) mustFit(ctx context.Context, folder domain.Folder, levels int) error {
	if folder.Parent.IsZero() {
		return nil
	}
	parent, err := s.place(ctx, folder.Owner, folder.Parent)
	switch {
	case domain.ErrorCode(err) == domain.NotFound:
		return domain.InvalidField("parent_id", "there is no folder %s", folder.Parent)
	case err != nil:
		return err
	case slices.Contains(parent.Line, uuid.UUID(folder.ID)):
		return domain.Errorf(domain.Conflict, "a folder cannot be moved below itself").Because("cycle")
	case len(parent.Line)+levels > domain.MaxFolderDepth:
		return domain.InvalidField("parent_id", "folders nest at most %d deep", domain.MaxFolderDepth)
	}
	return nil
}

// AddFolder implements ports.Folders.
func (s session) AddFolder(ctx context.Context, folder domain.Folder) error {
	row := folderRow{ID: uuid.UUID(folder.ID), UserID: nullable(uuid.UUID(folder.Owner)), ParentID: nullable(uuid.UUID(folder.Parent)), Name: string(folder.Name)}
	if folder.Parent.IsZero() {
		return translate(ctx, s.on(ctx).Create(&row).Error)
	}
	return s.inTree(ctx, folder.Owner, func(tx session) error {
		if err := tx.mustFit(ctx, folder, 1); err != nil {
			return err
		}
		return translate(ctx, tx.on(ctx).Create(&row).Error)
	})
}

// Folder implements ports.Folders.
func (s session) Folder(ctx context.Context, owner domain.Owner, id domain.FolderID) (ports.PlacedFolder, error) {
	row, err := s.place(ctx, owner, id)
	if err != nil {
		return ports.PlacedFolder{}, err
	}
	return row.toDomain(), nil
}

// ListFolders implements ports.Folders.
func (s session) ListFolders(ctx context.Context, owner domain.Owner) ([]ports.PlacedFolder, error) {
	var rows []placedRow
	if err := s.on(ctx).Raw(folderTree, isOwner(owner)).Scan(&rows).Error; err != nil {
		return nil, translate(ctx, err)
	}
	folders := make([]ports.PlacedFolder, len(rows))
	for i, row := range rows {
		folders[i] = row.toDomain()
	}
	return folders, nil
}

// EditFolder implements ports.Folders.
func (s session) EditFolder(ctx context.Context, owner domain.Owner, id domain.FolderID, edit func(*domain.Folder) error) (ports.PlacedFolder, error) {
	var edited ports.PlacedFolder
	err := s.inTree(ctx, owner, func(tx session) error {
		row, err := tx.place(ctx, owner, id)
		if err != nil {
			return err
		}
		folder := row.Folder.toDomain()
		before := folder
		if err := edit(&folder); err != nil {
			return err
		}
		folder.ID, folder.Owner = before.ID, before.Owner
		if folder.Parent != before.Parent {
			_, levels, err := tx.below(ctx, owner, id)
			if err != nil {
				return err
			}
			if err := tx.mustFit(ctx, folder, levels); err != nil {
				return err
			}
		}
		err = tx.on(ctx).Model(&folderRow{}).Where("id = ?", uuid.UUID(id)).Updates(map[string]any{
			"name": string(folder.Name), "parent_id": nullable(uuid.UUID(folder.Parent)),
		}).Error
		if err != nil {
			return translate(ctx, err)
		}
		edited, err = tx.Folder(ctx, owner, id)
		return err
	})
	return edited, err
}

// DeleteFolder implements ports.Folders.
func (s session) DeleteFolder(ctx context.Context, owner domain.Owner, id domain.FolderID, onlyEmpty bool) (ports.FolderRemoval, error) {
	var removal ports.FolderRemoval
	err := s.inTree(ctx, owner, func(tx session) error {
		ids, _, err := tx.below(ctx, owner, id)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			return notFound("folder")
		}
		if onlyEmpty {
			if err := tx.mustBeEmpty(ctx, id); err != nil {
				return err
			}
		}
		// The documents first: an edit holds its document while it asks for a folder, so taking the folders first could end
		// with each waiting for the other. What is moved in meanwhile the foreign key takes out again.
		freed := tx.documents(ctx).Where("folder_id = ANY(?)", &ids).Updates(map[string]any{"folder_id": nil})
		if freed.Error != nil {
			return translate(ctx, freed.Error)
		}
		removal = ports.FolderRemoval{Folders: len(ids), Documents: int(freed.RowsAffected)}
		return translate(ctx, tx.on(ctx).Where("id = ?", uuid.UUID(id)).Delete(&folderRow{}).Error)
	})
	if err != nil {
		return ports.FolderRemoval{}, err
	}
	return removal, nil
}

// mustBeEmpty makes sure that nothing is in the folder, nor comes into it before the transaction ends.
func (s session) mustBeEmpty(ctx context.Context, id domain.FolderID) error {
	var locked []uuid.UUID
	if err := s.on(ctx).Model(&folderRow{}).Clauses(lockedFor("UPDATE")).Where("id = ?", uuid.UUID(id)).Pluck("id", &locked).Error; err != nil {
		return translate(ctx, err)
	}
	var full bool
	err := s.on(ctx).Raw(`SELECT EXISTS (SELECT FROM documents WHERE folder_id = @id) OR EXISTS (SELECT FROM folders WHERE parent_id = @id)`,
		map[string]any{"id": uuid.UUID(id)}).Scan(&full).Error
	if err != nil {
		return translate(ctx, err)
	}
	if full {
		return domain.Errorf(domain.Conflict, "the folder is not empty").Because("not_empty")
	}
	return nil
}

package rest

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/domain"
)

func folderFields() []string   { return []string{"name", "parent_id"} }
func folderReadOnly() []string { return []string{"id", "path", "document_count"} }

func (a *API) listFolders(c *gin.Context) {
	folders, err := a.vault.Folders(c.Request.Context(), ownerOf(c))
	if err != nil {
		a.fail(c, err)
		return
	}
	out := make([]folderJSON, 0, len(folders))
	for _, folder := range folders {
		out = append(out, toFolder(folder))
	}
	answer(c, http.StatusOK, out)
}

func (a *API) addFolder(c *gin.Context) {
	in, err := readObject(c, folderFields(), folderReadOnly())
	if err != nil {
		a.fail(c, err)
		return
	}
	name, parent := in.text("name"), in.folder("parent_id")
	in.require("name")
	if err := in.err(); err != nil {
		a.fail(c, err)
		return
	}
	folder, err := a.vault.AddFolder(c.Request.Context(), ownerOf(c), valueOf(parent), *name)
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Header("Location", folderPath+folder.ID.String())
	c.Header("ETag", folderTag(folder.Folder))
	answer(c, http.StatusCreated, toFolder(folder))
}

func (a *API) readFolder(c *gin.Context) {
	id, err := domain.ParseFolderID(c.Param("id"))
	if err != nil {
		a.fail(c, err)
		return
	}
	folder, err := a.vault.Folder(c.Request.Context(), ownerOf(c), id)
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Header("ETag", folderTag(folder.Folder))
	answer(c, http.StatusOK, toFolder(folder))
}

// editFolder serves PATCH and PUT alike: fields that are left out stay as they are.
func (a *API) editFolder(c *gin.Context) {
	id, err := domain.ParseFolderID(c.Param("id"))
	if err != nil {
		a.fail(c, err)
		return
	}
	in, err := readObject(c, folderFields(), folderReadOnly())
	if err != nil {
		a.fail(c, err)
		return
	}
	change := app.FolderChange{Name: in.text("name"), Parent: in.folder("parent_id")}
	if err := in.err(); err != nil {
		a.fail(c, err)
		return
	}
	folder, err := a.vault.EditFolder(c.Request.Context(), ownerOf(c), id, change, ifMatch(c, folderTag)...)
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Header("ETag", folderTag(folder.Folder))
	answer(c, http.StatusOK, toFolder(folder))
}

// deleteFolder removes a folder and those below it. Documents are never deleted with it: they are in no folder afterwards, and
// the answer says how many, or with documents=refuse a folder that is not empty stays.
func (a *API) deleteFolder(c *gin.Context) {
	id, err := domain.ParseFolderID(c.Param("id"))
	if err != nil {
		a.fail(c, err)
		return
	}
	p, err := query(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	onlyEmpty := p.choice("documents", "keep", "refuse") == "refuse"
	if err := p.err(); err != nil {
		a.fail(c, err)
		return
	}
	removal, err := a.vault.DeleteFolder(c.Request.Context(), ownerOf(c), id, onlyEmpty, ifMatch(c, folderTag)...)
	if err != nil {
		a.fail(c, err)
		return
	}
	answer(c, http.StatusOK, folderRemovalJSON{FoldersDeleted: removal.Folders, DocumentsUnfiled: removal.Documents})
}

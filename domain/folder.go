package domain

// Folder holds documents and other folders. Names are unique among the folders of one parent.
type Folder struct {
	ID     FolderID
	Owner  Owner
	Parent FolderID // zero at the top
	Name   FolderName
}

// MaxFolderDepth bounds how deep folders nest.
const MaxFolderDepth = 32

// NewFolder makes a folder from what a person typed.
func NewFolder(id FolderID, owner Owner, parent FolderID, name string) (Folder, error) {
	n, err := NewFolderName(name)
	if err != nil {
		return Folder{}, err
	}
	return Folder{ID: id, Owner: owner, Parent: parent, Name: n}, nil
}

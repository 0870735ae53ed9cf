package filesystem

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// makeRoot makes the folder at path with what is missing above it, and has sync make every name it made durable: else the first
// upload could be lost together with the folder it is in.
func makeRoot(path string, sync func(folder string) error) error {
	var above []string // the folders that got a new entry, the lowest first
	for at := path; ; at = filepath.Dir(at) {
		if _, err := os.Stat(at); !errors.Is(err, fs.ErrNotExist) || at == filepath.Dir(at) {
			break
		}
		above = append(above, filepath.Dir(at))
	}
	if err := os.MkdirAll(path, folderMode); err != nil {
		return err
	}
	for _, folder := range above {
		if err := sync(folder); err != nil {
			return err
		}
	}
	return nil
}

func syncOutside(name string) error {
	folder, err := os.Open(name)
	if err != nil {
		return err
	}
	err = syncFolderFile(folder)
	if closeErr := folder.Close(); err == nil {
		err = closeErr
	}
	return err
}

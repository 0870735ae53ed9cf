package filesystem

import (
	"errors"
	"io/fs"
	"path"
	"sync"
)

// syncPath makes the names that lead to an object durable, the nearest first.
func (s *Store) syncPath(name string) error {
	document := path.Dir(name)
	for _, folder := range []string{document, path.Dir(document), "."} {
		if err := s.folders.do(folder); err != nil {
			return err
		}
	}
	return nil
}

// syncFolder has the operating system write a folder's entries to disk.
func (s *Store) syncFolder(name string) error {
	folder, err := s.root.Open(name)
	if err != nil {
		return err
	}
	err = syncFolderFile(folder)
	if closeErr := folder.Close(); err == nil {
		err = closeErr
	}
	return err
}

// syncNearest makes a removal durable: it syncs the folder, or the nearest one above it that still exists.
func (s *Store) syncNearest(folder string) error {
	for {
		err := s.folders.do(folder)
		if err == nil || !errors.Is(err, fs.ErrNotExist) || folder == "." {
			return err
		}
		folder = path.Dir(folder)
	}
}

// folderSyncs shares syncs: whoever asks while a folder is being synced waits for one that begins afterwards, together with
// everyone else who asked meanwhile.
type folderSyncs struct {
	sync func(folder string) error

	mu      sync.Mutex
	running map[string]*round
	waiting map[string]*round
}

type round struct {
	done chan struct{}
	err  error
}

// do returns after a sync of the folder that began after do was called.
func (f *folderSyncs) do(folder string) error {
	f.mu.Lock()
	if next := f.waiting[folder]; next != nil {
		f.mu.Unlock()
		<-next.done
		return next.err
	}
	if f.running == nil {
		f.running, f.waiting = map[string]*round{}, map[string]*round{}
	}
	mine, before := &round{done: make(chan struct{})}, f.running[folder]
	f.waiting[folder] = mine
	f.mu.Unlock()

	if before != nil {
		<-before.done
	}
	f.mu.Lock()
	delete(f.waiting, folder)
	f.running[folder] = mine
	f.mu.Unlock()

	mine.err = f.sync(folder)

	f.mu.Lock()
	if f.running[folder] == mine {
		delete(f.running, folder)
	}
	f.mu.Unlock()
	close(mine.done)
	return mine.err
}

package intake

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
)

// Watch brings in what is in the folders and what comes to be there, until ctx ends, and empties them: a file is removed once
// the vault has said that it holds the same bytes, and never before. It takes a file when it has not changed for Config.Settle. What
// the vault does not take stays where it is and is not offered again until it changes; what failed is tried again.
func (in *Intake) Watch(ctx context.Context) error {
	for _, path := range in.cfg.Paths {
		if info, err := os.Stat(path); err != nil {
			return fmt.Errorf("look at %s: %w", path, plain(err))
		} else if !info.IsDir() {
			return fmt.Errorf("%s is no folder, and only folders can be watched", path)
		}
	}
	look := time.NewTicker(in.cfg.Poll)
	defer look.Stop()
	seen := map[string]sighting{}
	quiet := *in
	quiet.watcher = silent{in.watcher, map[string]bool{}}
	for {
		files, err := quiet.find(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		in.takeSettled(ctx, files, seen)
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
		}
	}
}

// sighting is when a file was first seen as it is now, and what came of it.
type sighting struct {
	file  file
	since time.Time
	next  time.Time // when it may be taken; zero: as soon as it has settled
	left  bool      // the vault does not want it
}

// failedPause is how long Watch leaves a file alone that failed.
const failedPause = 30 * time.Second

// takeSettled brings in the files that have settled and forgets those that are gone.
func (in *Intake) takeSettled(ctx context.Context, files []file, seen map[string]sighting) {
	now := in.cfg.Now()
	there := make(map[string]bool, len(files))
	var settled []file
	var bytes int64
	for _, f := range files {
		there[f.path] = true
		s, known := seen[f.path]
		if !known || !s.file.same(f.info) {
			s = sighting{file: f, since: now}
			seen[f.path] = s
		}
		if f.size > 0 && !s.left && now.Sub(s.since) >= in.cfg.Settle && !now.Before(s.next) {
			settled = append(settled, f)
			bytes += f.size
		}
	}
	for path := range seen {
		if !there[path] {
			delete(seen, path)
		}
	}
	if len(settled) == 0 {
		return
	}
	in.watcher.Found(len(settled), bytes)
	type outcome struct {
		file   file
		result Result
	}
	results := make(chan outcome, len(settled))
	in.bringAll(ctx, settled, func(f file, r Result) {
		if r.Outcome == Imported || r.Outcome == Present {
			if err := remove(f); err != nil {
				r.Reason = "it is stored and could not be removed: " + err.Error()
			} else {
				r.Removed = true
			}
		}
		in.watcher.Done(r)
		results <- outcome{f, r}
	})
	close(results)
	for o := range results {
		s := seen[o.file.path]
		s.left = o.result.Outcome != Failed
		s.next = in.cfg.Now().Add(failedPause)
		seen[o.file.path] = s
	}
}

// remove removes a file that is stored, unless another has taken its place or it was written to since: it is moved out of the
// way, looked at, and put back if it is not what was stored.
func remove(f file) error {
	if !f.unchanged() {
		return fmt.Errorf("it changed")
	}
	aside := filepath.Join(filepath.Dir(f.path), ".docuvault-"+uuid.NewString())
	if err := os.Rename(f.path, aside); err != nil {
		return plain(err)
	}
	if now, err := os.Lstat(aside); err == nil && f.same(now) {
		return plain(os.Remove(aside))
	}
	if err := os.Link(aside, f.path); err != nil { // unlike Rename, it overwrites nothing
		return fmt.Errorf("it changed, and is now called %s", aside)
	}
	if err := os.Remove(aside); err != nil {
		return plain(err)
	}
	return fmt.Errorf("it changed")
}

// silent tells of what cannot be taken once, not at every look.
type silent struct {
	Observer
	told map[string]bool
}

// Done implements Observer.
func (s silent) Done(r Result) {
	if !s.told[r.Path] {
		s.told[r.Path] = true
		s.Observer.Done(r)
	}
}

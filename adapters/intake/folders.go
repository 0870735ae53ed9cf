package intake

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
)

// folders finds the vault's folders by their paths and makes those that are missing, one at a time.
type folders struct {
	api *client

	mu    sync.Mutex
	known map[string]string // ids by path, its names with a NUL after each
}

// find returns the id of the folder of that path from the top, "" for the empty path.
func (f *folders) find(ctx context.Context, path []string) (string, error) {
	if len(path) == 0 {
		return "", nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known == nil {
		if err := f.load(ctx); err != nil {
			return "", err
		}
	}
	parent := ""
	for depth := range path {
		key := keyOf(path[:depth+1])
		id, there := f.known[key]
		if !there {
			var err error
			if id, err = f.add(ctx, parent, path[depth], key); err != nil {
				return "", err
			}
		}
		parent = id
	}
	return parent, nil
}

func (f *folders) add(ctx context.Context, parent, name, key string) (string, error) {
	body := map[string]any{"name": name, "parent_id": nil}
	if parent != "" {
		body["parent_id"] = parent
	}
	var added struct {
		ID string `json:"id"`
	}
	err := f.api.json(ctx, http.MethodPost, "/api/folders", body, &added)
	var no *refusal
	if errors.As(err, &no) && no.Reason == "duplicate_name" { // somebody else made it meanwhile, or writes it differently
		if err := f.load(ctx); err != nil {
			return "", err
		}
		if id, there := f.known[key]; there {
			return id, nil
		}
	}
	if err != nil {
		return "", err
	}
	f.known[key] = added.ID
	return added.ID, nil
}

func (f *folders) load(ctx context.Context) error {
	var all []struct {
		ID   string   `json:"id"`
		Path []string `json:"path"`
	}
	if err := f.api.json(ctx, http.MethodGet, "/api/folders", nil, &all); err != nil {
		return err
	}
	f.known = make(map[string]string, len(all))
	for _, folder := range all {
		f.known[keyOf(folder.Path)] = folder.ID
	}
	return nil
}

func keyOf(path []string) string { return strings.Join(path, "\x00") + "\x00" }

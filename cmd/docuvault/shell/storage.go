package shell

import (
	"context"
	"fmt"

	"github.com/docuvault/docuvault/adapters/filesystem"
	"github.com/docuvault/docuvault/cmd/docuvault/config"
)

// openStorage opens the backend that the configuration names. An S3 server that is down keeps nobody from starting: /health
// says so, and it is used once it is back.
func (p *Parts) openStorage(ctx context.Context) error {
	var err error
	switch at := p.cfg.Storage; at.Backend {
	case config.BackendFilesystem:
		var store *filesystem.Store
		if store, err = filesystem.New(filesystem.Config{Root: at.Dir}, p.log); err == nil {
			p.Storage = store
			p.closers = append(p.closers, store.Close)
		}
	default:
		p.Storage, err = p.openMinIO(ctx, at)
	}
	if err != nil {
		return fmt.Errorf("open the storage: %w", err)
	}
	if p.hooks.Storage != nil {
		p.Storage = p.hooks.Storage(p.Storage)
	}
	return nil
}

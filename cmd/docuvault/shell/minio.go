package shell

import (
	"context"
	"errors"

	"github.com/docuvault/docuvault/cmd/docuvault/config"
	"github.com/docuvault/docuvault/ports"
)

func (p *Parts) openMinIO(context.Context, config.Storage) (ports.StorageBackend, error) {
	return nil, errors.New("not wired yet")
}

package memory

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
	"github.com/docuvault/docuvault/ports/repotest"
)

func TestRepositoryConformance(t *testing.T) {
	t.Parallel()
	repotest.Run(t, func(*testing.T) repotest.Harness {
		repo := NewRepository()
		return repotest.Harness{
			Repo:   repo,
			Serial: true,
			People: [2]domain.Owner{domain.Owner(uuid.New()), domain.Owner(uuid.New())},
			BreakCommit: func(context.Context, ports.Repository) error {
				repo.Fail(Commit, domain.Errorf(domain.Unavailable, "the commit failed"))
				return nil
			},
			Break: func() func() {
				repo.Down()
				return repo.Up
			},
		}
	})
}

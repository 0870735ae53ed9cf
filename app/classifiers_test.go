package app_test

import (
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/memory"
	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
	"github.com/docuvault/docuvault/ports/classifytest"
)

// TestClassifiersConformance: what is composed of classifiers is one.
func TestClassifiersConformance(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func() ports.Classifier{
		"models": func() ports.Classifier {
			return app.NewModels(app.ModelsDeps{Storage: memory.NewStorage(time.Now), Learner: memory.Learner{}, Untrained: &memory.Classifier{}})
		},
		"models without storage": func() ports.Classifier {
			storage := memory.NewStorage(time.Now)
			storage.Down()
			return app.NewModels(app.ModelsDeps{Storage: storage, Learner: memory.Learner{}, Untrained: &memory.Classifier{}})
		},
		"the first of two": func() ports.Classifier { return app.NewFallback(&memory.Classifier{}, &memory.Classifier{}, nil) },
		"the second of two": func() ports.Classifier {
			first := &memory.Classifier{}
			first.Fail(domain.Errorf(domain.Unavailable, "it cannot be reached"))
			return app.NewFallback(first, &memory.Classifier{}, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			classifytest.Run(t, func(*testing.T) ports.Classifier { return open() })
		})
	}
}

package app

import (
	"context"
	"log/slog"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// Fallback asks one classifier and, for every text that it has no answer for, another. It is as safe for concurrent use as they are.
type Fallback struct {
	first, second ports.Classifier
	log           *slog.Logger
}

var _ ports.Classifier = (*Fallback)(nil)

// NewFallback composes a fallback. A nil log discards.
func NewFallback(first, second ports.Classifier, log *slog.Logger) *Fallback {
	return &Fallback{first: first, second: second, log: orDiscard(log)}
}

// Name implements ports.Classifier: it is that of the classifier which is asked first.
func (f *Fallback) Name() string { return f.first.Name() }

// Classify implements ports.Classifier. Suggestions of the second classifier say why the first made none.
func (f *Fallback) Classify(ctx context.Context, text string, topics []domain.Topic) ([]domain.Suggestion, error) {
	found, failed := f.first.Classify(ctx, text, topics)
	if failed == nil || ctx.Err() != nil {
		return found, failed
	}
	f.log.WarnContext(ctx, "a classifier had no answer, another is asked", "classifier", f.first.Name(), "other", f.second.Name(), "error", failed)
	found, err := f.second.Classify(ctx, text, topics)
	for i := range found {
		found[i].By += " (" + f.first.Name() + " was asked first, but " + domain.ErrorMessage(failed) + ")"
	}
	return found, err
}

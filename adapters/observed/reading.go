package observed

import (
	"context"
	"log/slog"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// NewExtractor returns next with every extraction observed, by content type. With nobody to tell it is next itself.
func NewExtractor(next ports.Extractor, observer Observer) ports.Extractor {
	if observer == nil {
		return next
	}
	return &extractor{next, observer}
}

type extractor struct {
	next    ports.Extractor
	observe Observer
}

// Extract implements ports.Extractor. The outcome of a document that is beyond reading is the reason, such as "encrypted".
func (e *extractor) Extract(ctx context.Context, source ports.Source) (_ ports.Extraction, err error) {
	ctx, end := e.observe(ctx, Extraction, source.ContentType, slog.Int64("size_bytes", source.Size))
	defer func() {
		if domain.ErrorCode(err) == domain.Unreadable {
			end(reason(err), nil) // it says something about the document, not about us
			return
		}
		done(end, err)
	}()
	return e.next.Extract(ctx, source)
}

// reason is one of the port's, or "unreadable": what it is used for has to be bounded.
func reason(err error) string {
	switch r := domain.ErrorReason(err); r {
	case ports.ReasonEncrypted, ports.ReasonCorrupt, ports.ReasonTooComplex, ports.ReasonTimeout, ports.ReasonCrashed, ports.ReasonUnsupported:
		return r
	default:
		return string(domain.Unreadable)
	}
}

// NewClassifier returns next with every classification observed. With nobody to tell it is next itself.
func NewClassifier(next ports.Classifier, observer Observer) ports.Classifier {
	if observer == nil {
		return next
	}
	return &classifier{next, observer}
}

type classifier struct {
	ports.Classifier
	observe Observer
}

// Classify implements ports.Classifier.
func (c *classifier) Classify(ctx context.Context, text string, topics []domain.Topic) (_ []domain.Suggestion, err error) {
	ctx, end := c.observe(ctx, Classification, c.Name(), slog.Int("topics", len(topics)))
	defer func() { done(end, err) }()
	return c.Classifier.Classify(ctx, text, topics)
}

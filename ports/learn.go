package ports

import (
	"context"

	"github.com/docuvault/docuvault/domain"
)

// Learner makes models out of what people filed, and classifiers out of models. classifytest.RunLearner holds every promise.
type Learner interface {
	// Learn makes a model of the lesson, at most MaxModel bytes of it. The same lesson gives the same bytes on machines of one
	// kind. An error of the lesson's own is passed on, and when ctx ends Learn returns soon.
	Learn(ctx context.Context, lesson Lesson) ([]byte, error)

	// Recall makes a classifier of a model. Bytes that Learn did not make, whatever they are, are Malformed, and cost no more
	// memory than a model of their length. Topics that the model does not know are judged as if nothing was learnt.
	Recall(model []byte) (Learned, error)
}

// Learned is a classifier that remembers what it learnt from.
type Learned interface {
	Classifier

	// Basis is the lesson's.
	Basis() domain.Digest
}

// MaxModel is the most bytes of a model.
const MaxModel = 32 << 20

// Learning is what a classifier learns from.
type Learning interface {
	// LearningState sums up what there is to learn of an owner.
	LearningState(ctx context.Context, owner domain.Owner) (LearningState, error)

	// Examples calls each for the owner's newest ready documents with text, the newest first, without holding more than one of
	// them. Each must not use the repository; its error is passed on as it is and ends the call. An example's topics are in order
	// of their ids.
	Examples(ctx context.Context, owner domain.Owner, query ExampleQuery, each func(Example) error) error

	// TopicOwners returns up to limit owners that have topics, Nobody first and then in order of their ids, after the given one;
	// nil starts at the beginning.
	TopicOwners(ctx context.Context, after *domain.Owner, limit int) ([]domain.Owner, error)
}

// LearningState is what there is to learn of an owner, in short.
type LearningState struct {
	// Basis changes with the owner's topics, their names and descriptions, with what people decided of documents that are ready,
	// and when there are about twice as many of these.
	Basis     domain.Digest
	Documents int // ready ones; from some thousands on they are not counted any more
}

// ExampleQuery selects examples.
type ExampleQuery struct {
	Kind    ExampleKind
	MaxText int // characters of each text, from its start
	Limit   int // at most so many; below 1 is none
}

// ExampleKind is what people did with a document.
type ExampleKind int

// The kinds of examples.
const (
	Decided   ExampleKind = iota // a person confirmed or rejected a topic of it
	Undecided                    // nobody did
	Unfiled                      // it is under no topic, not even a suggested one
)

// Lesson is what there is to learn of one owner.
type Lesson struct {
	Basis  domain.Digest // tells one state of what there is to learn from another; kept in the model
	Topics []domain.Topic

	// Examples calls each for every document there is to learn from, until each fails; its error is returned.
	Examples func(each func(Example) error) error
}

// Example is a document that a person filed, or one that nobody did.
type Example struct {
	Document  domain.DocumentID
	Text      string           // its beginning
	Confirmed []domain.TopicID // a person said that it belongs there
	Rejected  []domain.TopicID // a person said that it does not
	Suggested []domain.TopicID // only a classifier said that it does
}

// Decided reports whether a person said what the document belongs under, and so that it belongs under nothing else.
func (e Example) Decided() bool { return len(e.Confirmed) > 0 }

// Grouper finds documents that belong together.
type Grouper interface {
	// Group finds groups of documents about one thing, the largest first, each document in one of them at most. Documents that
	// are like no others are in none. The same documents in the same order give the same groups.
	Group(ctx context.Context, documents []Example) ([]Group, error)
}

// Group is documents about one thing.
type Group struct {
	Name      string // a name for it: one or two of the words
	Keywords  []string
	Documents []domain.DocumentID // at least three
}

package app

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// AcceptTopic says that a document belongs under a topic, whether or not it was suggested. Doing it twice is doing it. A document
// or topic that the owner does not have is NotFound.
func (v *Vault) AcceptTopic(ctx context.Context, owner domain.Owner, id domain.DocumentID, topic domain.TopicID) (domain.Document, error) {
	return v.decide(ctx, owner, id, topic, (*domain.Document).Accept)
}

// RejectTopic says that a document does not belong under a topic: it is no longer filed there, and no classifier suggests it
// again. Doing it twice is doing it. A document or topic that the owner does not have is NotFound.
func (v *Vault) RejectTopic(ctx context.Context, owner domain.Owner, id domain.DocumentID, topic domain.TopicID) (domain.Document, error) {
	return v.decide(ctx, owner, id, topic, (*domain.Document).Reject)
}

func (v *Vault) decide(ctx context.Context, owner domain.Owner, id domain.DocumentID, topic domain.TopicID, decision func(*domain.Document, domain.TopicID)) (domain.Document, error) {
	if _, err := v.repo.Topic(ctx, owner, topic); err != nil {
		return domain.Document{}, err
	}
	doc, err := v.repo.EditDocument(ctx, owner, id, v.now(), func(doc *domain.Document) error {
		decision(doc, topic)
		return nil
	})
	if err != nil {
		return domain.Document{}, err
	}
	v.learn(ctx, owner)
	return doc, nil
}

// What bounds the search for topics that there could be.
const (
	mostUnfiled = 500  // documents, the newest
	unfiledText = 4000 // characters of each
)

// TopicIdeas returns topics that there could be: what the newest documents that are under no topic have in common, the most
// frequent first. Topics that there are already are not among them.
func (v *Vault) TopicIdeas(ctx context.Context, owner domain.Owner) ([]ports.Group, error) {
	if v.grouper == nil {
		return nil, nil
	}
	topics, err := v.repo.TopicsOf(ctx, owner)
	if err != nil {
		return nil, err
	}
	var unfiled []ports.Example
	err = v.repo.Examples(ctx, owner, ports.ExampleQuery{Kind: ports.Unfiled, MaxText: unfiledText, Limit: mostUnfiled}, func(e ports.Example) error {
		unfiled = append(unfiled, e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	groups, err := v.grouper.Group(ctx, unfiled)
	if err != nil {
		return nil, fmt.Errorf("group documents: %w", err)
	}
	return slices.DeleteFunc(groups, func(group ports.Group) bool {
		return slices.ContainsFunc(topics, func(topic domain.Topic) bool { return strings.EqualFold(string(topic.Name), group.Name) })
	}), nil
}

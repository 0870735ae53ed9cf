package app

import (
	"context"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// Topics returns all topics of the owner.
func (v *Vault) Topics(ctx context.Context, owner domain.Owner) ([]ports.CountedTopic, error) {
	return v.repo.ListTopics(ctx, owner)
}

// Topic returns one topic.
func (v *Vault) Topic(ctx context.Context, owner domain.Owner, id domain.TopicID) (ports.CountedTopic, error) {
	return v.repo.Topic(ctx, owner, id)
}

// AddTopic adds a topic. Documents that are there already are not filed anew.
func (v *Vault) AddTopic(ctx context.Context, owner domain.Owner, name, description, color string) (domain.Topic, error) {
	topic, err := domain.NewTopic(domain.TopicID(uuid.New()), owner, name, description, color)
	if err != nil {
		return domain.Topic{}, err
	}
	if err := v.repo.AddTopic(ctx, topic); err != nil {
		return domain.Topic{}, err
	}
	v.learn(ctx, owner)
	return topic, nil
}

// TopicChange is what a person changes of a topic; nil fields stay as they are.
type TopicChange struct {
	Name        *string
	Description *string
	Color       *string
}

// EditTopic renames, describes or recolours a topic.
func (v *Vault) EditTopic(ctx context.Context, owner domain.Owner, id domain.TopicID, change TopicChange) (ports.CountedTopic, error) {
	edited, err := v.repo.EditTopic(ctx, owner, id, func(topic *domain.Topic) (err error) {
		if change.Name != nil {
			if topic.Name, err = domain.NewTopicName(*change.Name); err != nil {
				return err
			}
		}
		if change.Description != nil {
			if topic.Description, err = domain.NewTopicDescription(*change.Description); err != nil {
				return err
			}
		}
		if change.Color != nil {
			topic.Color, err = domain.NewColor(*change.Color)
		}
		return err
	})
	if err == nil && (change.Name != nil || change.Description != nil) {
		v.learn(ctx, owner)
	}
	return edited, err
}

// DeleteTopic removes a topic; its documents stay.
func (v *Vault) DeleteTopic(ctx context.Context, owner domain.Owner, id domain.TopicID) error {
	return v.repo.DeleteTopic(ctx, owner, id)
}

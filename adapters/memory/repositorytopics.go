package memory

import (
	"cmp"
	"context"
	"slices"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// AddTopic implements ports.Topics.
func (u unit) AddTopic(ctx context.Context, topic domain.Topic) error {
	leave, err := u.enter(ctx, "AddTopic")
	if err != nil {
		return err
	}
	defer leave()
	if _, taken := u.rows.topics[topic.ID]; taken {
		return domain.Errorf(domain.Conflict, "there is a topic %s already", topic.ID)
	}
	return u.putTopic(topic)
}

func (u unit) putTopic(topic domain.Topic) error {
	for _, other := range u.rows.topics {
		if other.ID != topic.ID && other.Owner == topic.Owner && other.Name == topic.Name {
			return domain.Errorf(domain.Conflict, "there is a topic of this name already").Because("duplicate_name")
		}
	}
	u.rows.topics[topic.ID] = topic
	return nil
}

// Topic implements ports.Topics.
func (u unit) Topic(ctx context.Context, owner domain.Owner, id domain.TopicID) (ports.CountedTopic, error) {
	leave, err := u.enter(ctx, "Topic")
	if err != nil {
		return ports.CountedTopic{}, err
	}
	defer leave()
	topic, ok := u.rows.topics[id]
	if !ok || topic.Owner != owner {
		return ports.CountedTopic{}, notFound("topic")
	}
	return u.counted(topic), nil
}

func (u unit) counted(topic domain.Topic) ports.CountedTopic {
	filed := u.documents(func(s storedDocument) bool {
		return slices.ContainsFunc(s.Topics, func(f domain.Filing) bool { return f.Topic == topic.ID })
	})
	return ports.CountedTopic{Topic: topic, Documents: len(filed)}
}

// ListTopics implements ports.Topics.
func (u unit) ListTopics(ctx context.Context, owner domain.Owner) ([]ports.CountedTopic, error) {
	leave, err := u.enter(ctx, "ListTopics")
	if err != nil {
		return nil, err
	}
	defer leave()
	var topics []ports.CountedTopic
	for _, topic := range u.topicsOf(owner) {
		topics = append(topics, u.counted(topic))
	}
	return topics, nil
}

// TopicsOf implements ports.Topics.
func (u unit) TopicsOf(ctx context.Context, owner domain.Owner) ([]domain.Topic, error) {
	leave, err := u.enter(ctx, "TopicsOf")
	if err != nil {
		return nil, err
	}
	defer leave()
	return u.topicsOf(owner), nil
}

func (u unit) topicsOf(owner domain.Owner) []domain.Topic {
	var topics []domain.Topic
	for _, topic := range u.rows.topics {
		if topic.Owner == owner {
			topics = append(topics, topic)
		}
	}
	slices.SortFunc(topics, func(a, b domain.Topic) int { return cmp.Compare(a.Name, b.Name) })
	return topics
}

// EditTopic implements ports.Topics.
func (u unit) EditTopic(ctx context.Context, owner domain.Owner, id domain.TopicID, edit func(*domain.Topic) error) (ports.CountedTopic, error) {
	leave, err := u.enter(ctx, "EditTopic")
	if err != nil {
		return ports.CountedTopic{}, err
	}
	defer leave()
	topic, ok := u.rows.topics[id]
	if !ok || topic.Owner != owner {
		return ports.CountedTopic{}, notFound("topic")
	}
	edited := topic
	if err := edit(&edited); err != nil {
		return ports.CountedTopic{}, err
	}
	edited.ID, edited.Owner = topic.ID, topic.Owner
	if err := u.putTopic(edited); err != nil {
		return ports.CountedTopic{}, err
	}
	return u.counted(edited), nil
}

// DeleteTopic implements ports.Topics.
func (u unit) DeleteTopic(ctx context.Context, owner domain.Owner, id domain.TopicID) error {
	leave, err := u.enter(ctx, "DeleteTopic")
	if err != nil {
		return err
	}
	defer leave()
	if topic, ok := u.rows.topics[id]; !ok || topic.Owner != owner {
		return notFound("topic")
	}
	delete(u.rows.topics, id)
	for key, s := range u.rows.documents {
		s.Topics = slices.DeleteFunc(filings(s.Topics), func(f domain.Filing) bool { return f.Topic == id })
		s.Rejected = slices.DeleteFunc(slices.Clone(s.Rejected), func(t domain.TopicID) bool { return t == id })
		u.rows.documents[key] = s
	}
	return nil
}

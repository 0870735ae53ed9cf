package postgres

import (
	"context"
	"database/sql"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

type countedTopicRow struct {
	Topic     topicRow `gorm:"embedded"`
	Documents int
}

func (r countedTopicRow) toDomain() ports.CountedTopic {
	return ports.CountedTopic{Topic: r.Topic.toDomain(), Documents: r.Documents}
}

// counted selects topics with their numbers of documents, each counted in the index by topic.
func counted(db *gorm.DB) *gorm.DB {
	return db.Table("topics").Select("topics.*, (SELECT count(*) FROM document_topics f WHERE f.topic_id = topics.id AND NOT f.rejected) AS documents")
}

// AddTopic implements ports.Topics.
func (s session) AddTopic(ctx context.Context, topic domain.Topic) error {
	row := topicRowOf(topic)
	return translate(ctx, s.on(ctx).Create(&row).Error)
}

// Topic implements ports.Topics.
func (s session) Topic(ctx context.Context, owner domain.Owner, id domain.TopicID) (ports.CountedTopic, error) {
	var row countedTopicRow
	if err := s.on(ctx).Scopes(counted, ownedBy(owner)).Where("id = ?", uuid.UUID(id)).Take(&row).Error; err != nil {
		return ports.CountedTopic{}, named(ctx, "topic", err)
	}
	return row.toDomain(), nil
}

// ListTopics implements ports.Topics.
func (s session) ListTopics(ctx context.Context, owner domain.Owner) ([]ports.CountedTopic, error) {
	var rows []countedTopicRow
	if err := s.on(ctx).Scopes(counted, ownedBy(owner)).Order("name").Order("id").Find(&rows).Error; err != nil {
		return nil, translate(ctx, err)
	}
	topics := make([]ports.CountedTopic, len(rows))
	for i, row := range rows {
		topics[i] = row.toDomain()
	}
	return topics, nil
}

// TopicsOf implements ports.Topics.
func (s session) TopicsOf(ctx context.Context, owner domain.Owner) ([]domain.Topic, error) {
	which, args := "user_id IS NULL", []any{}
	if !owner.IsNobody() {
		which, args = "user_id = $1", []any{uuid.UUID(owner)}
	}
	var topics []domain.Topic
	err := s.query(ctx, func(rows *sql.Rows) error {
		var row topicRow
		if err := rows.Scan(&row.ID, &row.UserID, &row.Name, &row.Description, &row.Color); err != nil {
			return err
		}
		topics = append(topics, row.toDomain())
		return nil
	}, "SELECT id, user_id, name, description, color FROM topics WHERE "+which+" ORDER BY name, id", args...)
	return topics, err
}

// EditTopic implements ports.Topics.
func (s session) EditTopic(ctx context.Context, owner domain.Owner, id domain.TopicID, edit func(*domain.Topic) error) (ports.CountedTopic, error) {
	var edited ports.CountedTopic
	err := s.inTx(ctx, func(tx session) error {
		var row topicRow
		if err := tx.on(ctx).Scopes(ownedBy(owner)).Clauses(lockedFor("NO KEY UPDATE")).Where("id = ?", uuid.UUID(id)).Take(&row).Error; err != nil {
			return named(ctx, "topic", err)
		}
		topic := row.toDomain()
		if err := edit(&topic); err != nil {
			return err
		}
		err := tx.on(ctx).Model(&row).Updates(map[string]any{
			"name": string(topic.Name), "description": topic.Description, "color": string(topic.Color),
		}).Error
		if err != nil {
			return translate(ctx, err)
		}
		edited, err = tx.Topic(ctx, owner, id)
		return err
	})
	return edited, err
}

// DeleteTopic implements ports.Topics. Its filings go with it.
func (s session) DeleteTopic(ctx context.Context, owner domain.Owner, id domain.TopicID) error {
	done := s.on(ctx).Scopes(ownedBy(owner)).Where("id = ?", uuid.UUID(id)).Delete(&topicRow{})
	if done.Error != nil {
		return translate(ctx, done.Error)
	}
	if done.RowsAffected == 0 {
		return notFound("topic")
	}
	return nil
}

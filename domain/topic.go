package domain

// Topic is a subject that an owner's documents are filed under. Names are unique for an owner.
type Topic struct {
	ID          TopicID
	Owner       Owner
	Name        TopicName
	Description string // tells the classifier what belongs here; may be empty
	Color       Color
}

// NewTopic makes a topic from what a person typed. An empty colour is DefaultColor.
func NewTopic(id TopicID, owner Owner, name, description, color string) (Topic, error) {
	n, err := NewTopicName(name)
	if err != nil {
		return Topic{}, err
	}
	d, err := NewTopicDescription(description)
	if err != nil {
		return Topic{}, err
	}
	c, err := NewColor(color)
	if err != nil {
		return Topic{}, err
	}
	return Topic{ID: id, Owner: owner, Name: n, Description: d, Color: c}, nil
}

// Filing puts a document under a topic. Name and Color are the topic's, carried along for display.
type Filing struct {
	Topic      TopicID
	Name       TopicName
	Color      Color
	Confirmed  bool     // a person said so; otherwise a classifier suggests it
	Confidence *float64 // of the classifier that suggested it, 0 to 1; nil when nobody measured
	By         string   // what suggested it, see Suggestion; "" when nobody says
}

// Suggestion is a classifier's opinion that a document belongs under a topic.
type Suggestion struct {
	Topic      TopicID
	Confidence float64 // 0 to 1
	By         string  // the classifier, and why it was this one if another should have answered; for people
}

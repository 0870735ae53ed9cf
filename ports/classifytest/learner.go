package classifytest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// RunLearner runs the suite of ports.Learner, and that of ports.Classifier on what a learner recalls.
func RunLearner(t *testing.T, open func(t *testing.T) ports.Learner) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, l ports.Learner)
	}{
		{"decisions count", decisionsCount},
		{"the same lesson gives the same bytes", sameBytes},
		{"a model keeps its basis", keepsBasis},
		{"a lesson without topics or examples", emptyLesson},
		{"topics that the model does not know", unknownTopics},
		{"an example's error is passed on", exampleFails},
		{"a canceled context", learnCanceled},
		{"bytes that are no model", noModel},
		{"a damaged model", damagedModel},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, open(t))
		})
	}
	Run(t, func(t *testing.T) ports.Classifier { return recall(t, open(t), letters(household())) })
}

// kinds are two sorts of letters; neither has a word of a topic's name or description.
var kinds = [2]string{"the roof was hit by hail and the adjuster came to look at broken tiles number %d", "the tomatoes need compost and the hedge needs a trim in week %d"}

// letters is a lesson of twelve letters of each kind. The first ten of each kind were filed by a person under the first or second
// topic.
func letters(topics []domain.Topic) ports.Lesson {
	var examples []ports.Example
	for i := range 12 {
		for kind, text := range kinds {
			e := ports.Example{Document: domain.DocumentID(uuid.UUID{byte(kind), byte(i)}), Text: fmt.Sprintf(text, i)}
			if i < 10 && kind < len(topics) {
				e.Confirmed = []domain.TopicID{topics[kind].ID}
			}
			examples = append(examples, e)
		}
	}
	return ports.Lesson{Basis: domain.Digest{1, 2, 3}, Topics: topics, Examples: func(each func(ports.Example) error) error {
		for _, e := range examples {
			if err := each(e); err != nil {
				return err
			}
		}
		return nil
	}}
}

func learn(t *testing.T, l ports.Learner, lesson ports.Lesson) []byte {
	t.Helper()
	model, err := l.Learn(t.Context(), lesson)
	if err != nil {
		t.Fatalf("Learn: %v", err)
	}
	if len(model) > ports.MaxModel {
		t.Fatalf("the model has %d bytes", len(model))
	}
	return model
}

func recall(t *testing.T, l ports.Learner, lesson ports.Lesson) ports.Learned {
	t.Helper()
	learned, err := l.Recall(learn(t, l, lesson))
	if err != nil {
		t.Fatalf("Recall: %v", err)
	}
	return learned
}

func decisionsCount(t *testing.T, l ports.Learner) {
	topics := household()
	learned := recall(t, l, letters(topics))
	for kind, text := range kinds {
		found := must(t, learned, fmt.Sprintf(text, 99), topics)
		if len(found) == 0 || found[0].Topic != topics[kind].ID {
			t.Errorf("a letter like those a person filed under %s gives %v", topics[kind].Name, found)
		}
	}
}

func sameBytes(t *testing.T, l ports.Learner) {
	topics := household()
	want := learn(t, l, letters(topics))
	for range 3 {
		if !bytes.Equal(learn(t, l, letters(topics)), want) {
			t.Fatal("the same lesson gives other bytes")
		}
	}
}

func keepsBasis(t *testing.T, l ports.Learner) {
	if got := recall(t, l, letters(household())).Basis(); got != (domain.Digest{1, 2, 3}) {
		t.Errorf("the basis is %s", got)
	}
}

func emptyLesson(t *testing.T, l ports.Learner) {
	nothing := func(func(ports.Example) error) error { return nil }
	all := household()
	for _, lesson := range []ports.Lesson{{Examples: nothing}, {Topics: all, Examples: nothing}, letters(nil)} {
		found := must(t, recall(t, l, lesson), letter, all)
		if len(found) == 0 || found[0].Topic != all[0].ID {
			t.Errorf("without anything learnt a letter about insurance gives %v", found)
		}
	}
}

func unknownTopics(t *testing.T, l ports.Learner) {
	learned := recall(t, l, letters(household()))
	others := household() // the same names, with other ids
	found := must(t, learned, letter, others)
	if len(found) == 0 || found[0].Topic != others[0].ID {
		t.Errorf("a letter about insurance gives %v", found)
	}
}

func exampleFails(t *testing.T, l ports.Learner) {
	own := errors.New("the test's own error")
	_, err := l.Learn(t.Context(), ports.Lesson{Topics: household(), Examples: func(func(ports.Example) error) error { return own }})
	if !errors.Is(err, own) {
		t.Errorf("error is %v", err)
	}
}

func learnCanceled(t *testing.T, l ports.Learner) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Learn(ctx, letters(household())); domain.ErrorCode(err) != domain.Canceled || !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want Canceled", err)
	}
}

func noModel(t *testing.T, l ports.Learner) {
	for _, b := range [][]byte{nil, {}, []byte("x"), []byte("{}"), make([]byte, 1000), bytes.Repeat([]byte{0xff}, 1000), make([]byte, ports.MaxModel+1)} {
		if _, err := l.Recall(b); domain.ErrorCode(err) != domain.Malformed {
			t.Errorf("%d bytes: error is %v, want Malformed", len(b), err)
		}
	}
}

func damagedModel(t *testing.T, l ports.Learner) {
	model := learn(t, l, letters(household()))
	for _, cut := range []int{1, 4, len(model) / 2, len(model) - 1} {
		if _, err := l.Recall(model[:cut]); domain.ErrorCode(err) != domain.Malformed {
			t.Errorf("%d bytes of it: error is %v, want Malformed", cut, err)
		}
	}
	if _, err := l.Recall(append(bytes.Clone(model), 0)); domain.ErrorCode(err) != domain.Malformed {
		t.Errorf("a byte too many: error is %v, want Malformed", err)
	}
	for i := 0; i < len(model); i += 1 + len(model)/200 {
		bad := bytes.Clone(model)
		bad[i] ^= 0x10
		if _, err := l.Recall(bad); domain.ErrorCode(err) != domain.Malformed {
			t.Errorf("byte %d changed: error is %v, want Malformed", i, err)
		}
	}
}

package memory_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/adapters/memory"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
	"github.com/docuvault/docuvault/ports/classifytest"
)

func TestClassifierConformance(t *testing.T) {
	t.Parallel()
	classifytest.Run(t, func(*testing.T) ports.Classifier { return &memory.Classifier{} })
}

func TestLearnerConformance(t *testing.T) {
	t.Parallel()
	classifytest.RunLearner(t, func(*testing.T) ports.Learner { return memory.Learner{} })
	classifytest.RunGrouper(t, memory.Learner{})
}

func TestClassifierPlans(t *testing.T) {
	t.Parallel()
	var c memory.Classifier
	c.Fail(domain.Errorf(domain.Unavailable, "down"))
	if _, err := c.Classify(t.Context(), "text", nil); domain.ErrorCode(err) != domain.Unavailable {
		t.Fatalf("planned failure: got %v", err)
	}
	c.Fail(nil)
	want := domain.Suggestion{Topic: domain.TopicID(uuid.New()), Confidence: 2}
	c.Answer(want)
	if got, err := c.Classify(t.Context(), "text", nil); err != nil || len(got) != 1 || got[0] != want {
		t.Fatalf("planned answer: %v, %v", got, err)
	}
	c.Answer()
	if got, err := c.Classify(t.Context(), "text", nil); err != nil || len(got) != 0 {
		t.Fatalf("afterwards: %v, %v", got, err)
	}
	if c.Calls() != 3 {
		t.Fatalf("%d calls, want 3", c.Calls())
	}
}

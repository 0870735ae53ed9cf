//go:build bench

package classify_test

import (
	"slices"
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/classify"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// TestBenchClassify prints how well papers are filed that nobody showed the classifier, by how many it was shown of each topic.
func TestBenchClassify(t *testing.T) {
	shown, unseen := drawPapers(1, 2400), drawPapers(2, 1200)
	learner := classify.NewLearner(classify.Config{})
	t.Logf("%d topics, %d papers to learn from, %d others to file; one in five fits two topics, one in ten none", len(shown.topics), len(shown.papers), len(unseen.papers))
	t.Logf("%-24s %9s %9s %9s %12s %12s %10s", "shown of each topic", "accuracy", "micro F1", "macro F1", "training", "a paper", "model")
	report := func(what string, c ports.Classifier, training time.Duration, size int) {
		begin := time.Now()
		accuracy, micro, macro := measure(t, c, unseen)
		each := time.Since(begin) / time.Duration(len(unseen.papers))
		t.Logf("%-24s %9.3f %9.3f %9.3f %12s %12s %7d KB", what, accuracy, micro, macro, training.Round(time.Millisecond), each.Round(time.Microsecond), size>>10)
	}
	report("names and descriptions", classify.New(classify.Config{}), 0, 0)
	for _, labels := range []int{0, 5, 20, 100} {
		begin := time.Now()
		model, err := learner.Learn(t.Context(), shown.lesson(labels))
		if err != nil {
			t.Fatal(err)
		}
		took := time.Since(begin)
		c, err := learner.Recall(model)
		if err != nil {
			t.Fatal(err)
		}
		report(map[int]string{0: "0, self-trained", 5: "5", 20: "20", 100: "100"}[labels], c, took, len(model))
	}
}

// measure files papers. Accuracy is of the first suggestion, where none is right for a paper that fits none; F1 is of all.
func measure(t *testing.T, c ports.Classifier, a archive) (accuracy, micro, macro float64) {
	t.Helper()
	type counts struct{ right, wrong, missed float64 }
	of := map[domain.TopicID]*counts{}
	for _, topic := range a.topics {
		of[topic.ID] = &counts{}
	}
	right := 0.0
	for _, p := range a.papers {
		found, err := c.Classify(t.Context(), p.text, a.topics)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) == 0 && len(p.fits) == 0 || len(found) > 0 && slices.Contains(p.fits, found[0].Topic) {
			right++
		}
		for _, s := range found {
			if slices.Contains(p.fits, s.Topic) {
				of[s.Topic].right++
			} else {
				of[s.Topic].wrong++
			}
		}
		for _, id := range p.fits {
			if !slices.ContainsFunc(found, func(s domain.Suggestion) bool { return s.Topic == id }) {
				of[id].missed++
			}
		}
	}
	var all counts
	f1 := func(c counts) float64 { return 2 * c.right / max(2*c.right+c.wrong+c.missed, 1) }
	for _, topic := range a.topics {
		c := *of[topic.ID]
		macro += f1(c) / float64(len(a.topics))
		all.right, all.wrong, all.missed = all.right+c.right, all.wrong+c.wrong, all.missed+c.missed
	}
	return right / float64(len(a.papers)), f1(all), macro
}

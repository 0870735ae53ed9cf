package classify_test

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/docuvault/docuvault/adapters/classify"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
	"github.com/docuvault/docuvault/ports/classifytest"
)

func TestLearnerConformance(t *testing.T) {
	t.Parallel()
	classifytest.RunLearner(t, func(*testing.T) ports.Learner { return classify.NewLearner(classify.Config{}) })
	classifytest.RunGrouper(t, classify.NewLearner(classify.Config{}))
}

func learned(t *testing.T, lesson ports.Lesson) ports.Learned {
	t.Helper()
	learner := classify.NewLearner(classify.Config{})
	model, err := learner.Learn(t.Context(), lesson)
	if err != nil {
		t.Fatal(err)
	}
	c, err := learner.Recall(model)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// share is how often the first suggestion for papers that were never shown is right.
func share(t *testing.T, c ports.Classifier, a archive) float64 {
	t.Helper()
	right, all := 0.0, 0.0
	for _, p := range a.papers {
		if len(p.fits) == 0 {
			continue
		}
		all++
		found, err := c.Classify(t.Context(), p.text, a.topics)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) > 0 && slices.Contains(p.fits, found[0].Topic) {
			right++
		}
	}
	return right / all
}

// TestLearningHelps holds the order of things, not figures: what was learnt from texts alone is better than names and
// descriptions, and decisions are better than that.
func TestLearningHelps(t *testing.T) {
	t.Parallel()
	shown, unseen := drawPapers(3, 600), drawPapers(4, 300)
	bare := share(t, classify.New(classify.Config{}), unseen)
	trained := share(t, learned(t, shown.lesson(0)), unseen)
	told := share(t, learned(t, shown.lesson(6)), unseen)
	if bare >= trained || trained >= told || told < 0.8 {
		t.Errorf("right are %.2f by names, %.2f self-trained, %.2f with six decisions a topic", bare, trained, told)
	}
}

// TestSelfTrainingKeepsWhatNamesFind: papers that say what they are stay where they are filed without a model.
func TestSelfTrainingKeepsWhatNamesFind(t *testing.T) {
	t.Parallel()
	all := topics(t, "Invoices", "bills to pay", "Contracts", "agreements that parties signed")
	texts := []string{"Document %d.\nInvoices are bills that somebody has to pay.\n", "Document %d.\nContracts are agreements that parties signed.\n"}
	c := learned(t, ports.Lesson{Topics: all, Examples: func(each func(ports.Example) error) error {
		for i := range 200 {
			if err := each(ports.Example{Document: domain.DocumentID{byte(i)}, Text: fmt.Sprintf(texts[i%2], i)}); err != nil {
				return err
			}
		}
		return nil
	}})
	for i := range 20 {
		found, err := c.Classify(t.Context(), fmt.Sprintf(texts[i%2], 1000+i), all)
		if err != nil || len(found) != 1 || found[0].Topic != all[i%2].ID {
			t.Fatalf("paper %d is filed as %+v, %v", i, found, err)
		}
	}
}

// TestConfidenceMeansSomething: of suggestions with high confidence more are right than of those with low confidence.
func TestConfidenceMeansSomething(t *testing.T) {
	t.Parallel()
	shown, unseen := drawPapers(5, 600), drawPapers(6, 300)
	c := learned(t, shown.lesson(20))
	var right, all [2]float64
	for _, p := range unseen.papers {
		found, err := c.Classify(t.Context(), p.text, unseen.topics)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range found {
			high := 0
			if s.Confidence >= 0.75 {
				high = 1
			}
			all[high]++
			if slices.Contains(p.fits, s.Topic) {
				right[high]++
			}
		}
	}
	low, high := right[0]/all[0], right[1]/all[1]
	if all[0] < 10 || all[1] < 50 || high < 0.85 || low >= high {
		t.Errorf("right are %.2f of %.0f unsure and %.2f of %.0f sure suggestions", low, all[0], high, all[1])
	}
}

// TestRejectionsCount: a topic whose name stands in every letter, and that a person rejected each time, is not suggested.
func TestRejectionsCount(t *testing.T) {
	t.Parallel()
	all := topics(t, "Insurance", "", "Garden", "")
	lesson := ports.Lesson{Topics: all, Examples: func(each func(ports.Example) error) error {
		for i := range 30 {
			e := ports.Example{Document: domain.DocumentID{byte(i)}, Text: fmt.Sprintf("advertisement: buy insurance today, special offer %d for new customers", i), Rejected: []domain.TopicID{all[0].ID}}
			if i%2 == 0 {
				e = ports.Example{Document: domain.DocumentID{byte(i)}, Text: fmt.Sprintf("your policy renewal with claim history %d of the insured household", i), Confirmed: []domain.TopicID{all[0].ID}}
			}
			if err := each(e); err != nil {
				return err
			}
		}
		return nil
	}}
	c := learned(t, lesson)
	for text, want := range map[string]int{"advertisement: insurance, a special offer for customers today": 0, "policy renewal and claim history of the household": 1} {
		found, err := c.Classify(t.Context(), text, all)
		if err != nil || len(found) != want {
			t.Errorf("%q: %v, %v; want %d", text, found, err, want)
		}
	}
}

// TestUndecidedTopicsTeachNothing: what a classifier suggested and nobody decided is neither a yes nor a no.
func TestUndecidedTopicsTeachNothing(t *testing.T) {
	t.Parallel()
	all := topics(t, "One", "", "Two", "")
	confidence := func(suggested ...domain.TopicID) float64 {
		c := learned(t, ports.Lesson{Topics: all, Examples: func(each func(ports.Example) error) error {
			for i := range 18 {
				e := ports.Example{Document: domain.DocumentID{byte(i)}, Confirmed: []domain.TopicID{all[0].ID}, Text: fmt.Sprintf("golf hotel india %d", i)}
				switch i % 3 {
				case 0:
					e.Text, e.Suggested = fmt.Sprintf("alpha delta echo %d", i), suggested
				case 1:
					e.Text, e.Confirmed = fmt.Sprintf("delta echo foxtrot %d", i), []domain.TopicID{all[1].ID}
				}
				if err := each(e); err != nil {
					return err
				}
			}
			return nil
		}})
		found, err := c.Classify(t.Context(), "alpha delta echo", all)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range found {
			if s.Topic == all[1].ID {
				return s.Confidence
			}
		}
		return 0
	}
	if no, open := confidence(), confidence(all[1].ID); open < no+0.2 {
		t.Errorf("papers of which nobody decided give %.2f, papers decided against %.2f", open, no)
	}
}

// TestHostileModels changes numbers of a model whose checksum is right again afterwards.
func TestHostileModels(t *testing.T) {
	t.Parallel()
	learner := classify.NewLearner(classify.Config{})
	model, err := learner.Learn(t.Context(), drawPapers(7, 200).lesson(5))
	if err != nil {
		t.Fatal(err)
	}
	const counts = 4 + 2 + 32
	for what, change := range map[string]func([]byte){
		"a version to come": func(b []byte) { b[4] = 2 },
		"too many terms":    func(b []byte) { binary.LittleEndian.PutUint32(b[counts:], math.MaxUint32) },
		"terms beyond":      func(b []byte) { binary.LittleEndian.PutUint32(b[counts:], 30_000) },
		"too many topics":   func(b []byte) { binary.LittleEndian.PutUint32(b[counts+4:], math.MaxUint32) },
		"topics beyond":     func(b []byte) { binary.LittleEndian.PutUint32(b[counts+4:], 499) },
		"an empty term":     func(b []byte) { b[counts+8] = 0 },
		"a long term":       func(b []byte) { b[counts+8] = 255 },
		"no number": func(b []byte) {
			binary.LittleEndian.PutUint32(b[counts+9+int(b[counts+8]):], math.Float32bits(float32(math.NaN())))
		},
	} {
		bad := slices.Clone(model)
		change(bad)
		if _, err := learner.Recall(sealed(bad)); domain.ErrorCode(err) != domain.Malformed {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := learner.Recall(sealed(slices.Clone(model))); err != nil {
		t.Errorf("the model itself: %v", err)
	}
}

// sealed gives bytes the checksum of a model.
func sealed(b []byte) []byte {
	end := len(b) - 4
	binary.LittleEndian.PutUint32(b[end:], crc32.Checksum(b[:end], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

func FuzzRecall(f *testing.F) {
	learner := classify.NewLearner(classify.Config{})
	model, err := learner.Learn(f.Context(), drawPapers(8, 60).lesson(3))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(model)
	f.Add([]byte("DVTM\x01\x00"))
	topics := drawPapers(8, 0).topics
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 4 {
			return
		}
		c, err := learner.Recall(sealed(b))
		if err != nil {
			if domain.ErrorCode(err) != domain.Malformed {
				t.Fatalf("error is %v", err)
			}
			return
		}
		found, err := c.Classify(t.Context(), "invoice number total amount tax return assessment", topics)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range found {
			if !(s.Confidence >= 0 && s.Confidence <= 1) {
				t.Fatalf("confidence %v", s.Confidence)
			}
		}
	})
}

func TestGroups(t *testing.T) {
	t.Parallel()
	var documents []ports.Example
	kinds := []string{"sailing boats in the harbour with wind and sails number %d", "bread recipes with flour yeast and an oven number %d", "chess openings with knights bishops and pawns number %d"}
	for i := range 8 {
		for k, text := range kinds {
			if i < 8-2*k {
				documents = append(documents, ports.Example{Document: domain.DocumentID{byte(k), byte(i)}, Text: fmt.Sprintf(text, i)})
			}
		}
		documents = append(documents, ports.Example{Document: domain.DocumentID{99, byte(i)}, Text: strings.Repeat(fmt.Sprintf("alone%d single%d ", i, i), 3)})
	}
	documents = append(documents, ports.Example{Document: domain.DocumentID{100}}, ports.Example{Document: domain.DocumentID{101}, Text: "12 34 56 78"})
	learner := classify.NewLearner(classify.Config{})
	groups, err := learner.Group(t.Context(), documents)
	if err != nil || len(groups) != len(kinds) {
		t.Fatalf("%+v, %v", groups, err)
	}
	for k, group := range groups {
		if len(group.Documents) != 8-2*k {
			t.Errorf("group %d, %s, has %d documents", k, group.Name, len(group.Documents))
		}
		for _, id := range group.Documents {
			if id[0] != byte(k) {
				t.Errorf("group %d has %s", k, id)
			}
		}
		if group.Name == "" || len(group.Keywords) == 0 || !strings.Contains(kinds[k], group.Keywords[0]) {
			t.Errorf("group %d is %q with %q", k, group.Name, group.Keywords)
		}
	}
	again, err := learner.Group(t.Context(), documents)
	if err != nil || fmt.Sprint(again) != fmt.Sprint(groups) {
		t.Errorf("another time the groups are %v, %v", again, err)
	}
	if none, err := learner.Group(t.Context(), nil); err != nil || len(none) != 0 {
		t.Errorf("of nothing: %v, %v", none, err)
	}
}

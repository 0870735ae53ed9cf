// Package classifytest holds every promise of ports.Classifier against an implementation.
package classifytest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// Run runs the suite. Open is called once for each subtest, which may run in parallel with others.
func Run(t *testing.T, open func(t *testing.T) ports.Classifier) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, c ports.Classifier)
	}{
		{"it has a name", name},
		{"no text, no topics and nothing that fits give none", none},
		{"a topic that the text names is suggested", named},
		{"suggestions are some of the topics, once each, best first", wellFormed},
		{"a topic that is given twice is suggested once", twice},
		{"the same input gives the same suggestions", same},
		{"the order of topics does not matter", orderless},
		{"any text is taken", anyText},
		{"the input is left as it is", untouched},
		{"a canceled context", canceled},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, open(t))
		})
	}
}

func topics(names ...string) []domain.Topic {
	all := make([]domain.Topic, 0, len(names))
	for _, name := range names {
		name, description, _ := strings.Cut(name, ": ")
		all = append(all, domain.Topic{ID: domain.TopicID(uuid.New()), Name: domain.TopicName(name), Description: description})
	}
	return all
}

func household() []domain.Topic {
	return topics("Insurance: policies, premiums and claims", "Garden", "Banking: account statements, transfers", "Health",
		"Travel: tickets, bookings, hotels")
}

const letter = "Your insurance policy: the premium of your health insurance is taken from your banking account. " +
	"The insurance covers travel. No hotels. Insurance claims are to be sent by post."

func must(t *testing.T, c ports.Classifier, text string, all []domain.Topic) []domain.Suggestion {
	t.Helper()
	found, err := c.Classify(t.Context(), text, all)
	if err != nil {
		t.Fatalf("Classify: %v", err)
	}
	return found
}

func name(t *testing.T, c ports.Classifier) {
	first := c.Name()
	if again := c.Name(); first == "" || again != first {
		t.Fatalf("name is %q, then %q", first, again)
	}
}

func none(t *testing.T, c ports.Classifier) {
	for what, found := range map[string][]domain.Suggestion{
		"no text":           must(t, c, "", household()),
		"no topics":         must(t, c, letter, nil),
		"neither":           must(t, c, "", nil),
		"nothing that fits": must(t, c, "zxqv wvut qqqq jkjk", household()),
		"blank text":        must(t, c, " \n\t ", household()),
	} {
		if len(found) != 0 {
			t.Errorf("%s: %v", what, found)
		}
	}
}

func named(t *testing.T, c ports.Classifier) {
	all := household()
	found := must(t, c, letter, all)
	if len(found) == 0 || found[0].Topic != all[0].ID {
		t.Fatalf("a letter about insurance gives %v, want %s first", found, all[0].ID)
	}
	for _, suggestion := range found {
		if suggestion.Topic == all[1].ID {
			t.Errorf("a topic with no word in common is suggested: %v", found)
		}
	}
}

func wellFormed(t *testing.T, c ports.Classifier) {
	all := household()
	found := must(t, c, letter, all)
	seen := map[domain.TopicID]bool{}
	for i, suggestion := range found {
		if suggestion.Confidence < 0 || suggestion.Confidence > 1 || suggestion.Confidence != suggestion.Confidence {
			t.Errorf("confidence %v", suggestion.Confidence)
		}
		if i > 0 && suggestion.Confidence > found[i-1].Confidence {
			t.Errorf("out of order: %v", found)
		}
		if seen[suggestion.Topic] {
			t.Errorf("twice: %v", found)
		}
		seen[suggestion.Topic] = true
		if !slices.ContainsFunc(all, func(topic domain.Topic) bool { return topic.ID == suggestion.Topic }) {
			t.Errorf("not one of the topics: %v", suggestion)
		}
	}
}

func twice(t *testing.T, c ports.Classifier) {
	all := topics("Insurance")
	if found := must(t, c, letter, append(all, all...)); len(found) != 1 {
		t.Fatalf("got %v, want one suggestion", found)
	}
}

func same(t *testing.T, c ports.Classifier) {
	all := household()
	want := must(t, c, letter, all)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 8 {
				if found, err := c.Classify(t.Context(), letter, all); err != nil || !slices.Equal(found, want) {
					t.Errorf("got %v (%v), want %v", found, err, want)
				}
			}
		})
	}
	wg.Wait()
}

func orderless(t *testing.T, c ports.Classifier) {
	all := household()
	want := must(t, c, letter, all)
	slices.Reverse(all)
	if found := must(t, c, letter, all); !slices.Equal(found, want) {
		t.Fatalf("got %v, want %v", found, want)
	}
}

func anyText(t *testing.T, c ports.Classifier) {
	all := append(household(), topics("日本", "C++", "2024", "...", "The", "Ünïcode: "+strings.Repeat("long ", 400))...)
	for _, text := range []string{
		"\x00\xff\xfe", strings.Repeat("insurance", 200_000), strings.Repeat("a ", 1_000_000), strings.Repeat("日本", 300_000),
		strings.Repeat("\u0301", 10_000), "C++ in 日本, the 2024 edition ...", "'''''", "insurance\xff",
	} {
		for _, suggestion := range must(t, c, text, all) {
			if !(suggestion.Confidence >= 0 && suggestion.Confidence <= 1) {
				t.Errorf("%.20q: confidence %v", text, suggestion.Confidence)
			}
		}
	}
}

func untouched(t *testing.T, c ports.Classifier) {
	all := household()
	before := slices.Clone(all)
	must(t, c, letter, all)
	if !slices.Equal(all, before) {
		t.Fatal("the topics were changed")
	}
}

func canceled(t *testing.T, c ports.Classifier) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Classify(ctx, letter, household())
	if domain.ErrorCode(err) != domain.Canceled || !errors.Is(err, context.Canceled) {
		t.Fatalf("error is %v, want Canceled", err)
	}
}

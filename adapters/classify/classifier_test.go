package classify_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/docuvault/docuvault/adapters/classify"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
	"github.com/docuvault/docuvault/ports/classifytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	t.Parallel()
	classifytest.Run(t, func(*testing.T) ports.Classifier { return classify.New(classify.Config{}) })
}

func topics(t *testing.T, namesAndDescriptions ...string) []domain.Topic {
	t.Helper()
	var all []domain.Topic
	for i := 0; i < len(namesAndDescriptions); i += 2 {
		topic, err := domain.NewTopic(domain.TopicID(uuid.New()), domain.Nobody, namesAndDescriptions[i], namesAndDescriptions[i+1], "")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, topic)
	}
	return all
}

// suggested returns the names of what is suggested, best first.
func suggested(t *testing.T, c *classify.Classifier, text string, all []domain.Topic) []string {
	t.Helper()
	found, err := c.Classify(t.Context(), text, all)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range found {
		for _, topic := range all {
			if topic.ID == s.Topic {
				names = append(names, string(topic.Name))
			}
		}
	}
	return names
}

func TestWhatFits(t *testing.T) {
	t.Parallel()
	bare := topics(t, "Invoices", "", "Contracts", "", "Bank statements", "", "Health", "", "Recipes", "", "Reisekosten", "", "請求書", "", "C", "")
	described := topics(t,
		"Invoices", "bills to pay, amounts due, payment terms, VAT",
		"Contracts", "agreements, terms and conditions, signatures, parties",
		"Health", "doctors, hospitals, prescriptions, medical reports, laboratory results",
		"Taxes", "tax returns, assessments, income, revenue office, deductions",
		"Home", "rent, landlord, utilities, electricity, heating, water")
	for _, c := range []struct {
		what   string
		topics []domain.Topic
		text   string
		want   []string
	}{
		{"the name in the singular", bare, "Please find attached the invoice for October.", []string{"Invoices"}},
		{"the name in capitals", bare, "INVOICE No. 4711", []string{"Invoices"}},
		{"both words of a name", bare, "Your bank sends you this statement of your account.", []string{"Bank statements"}},
		{"one word of two", bare, "We walked along the river bank.", nil},
		{"two topics", bare, "This invoice is part of the contract. The contract says when the invoice is due.", []string{"Contracts", "Invoices"}},
		{"a name that is not English", bare, "Die Reisekosten werden erstattet.", []string{"Reisekosten"}},
		{"a name without spaces", bare, "こちらの請求書をご確認ください", []string{"請求書"}},
		{"nothing", bare, "The quick brown fox jumps over the lazy dog.", nil},
		{"stop words alone", bare, "The and of to in is it", nil},
		{"words of a description", described, "The laboratory sent the results to your doctor, who wrote a prescription.", []string{"Health"}},
		{"one word of a description", described, "The results of the match will be announced on Sunday.", nil},
		{"another description", described, "Your landlord raises the rent and the cost of heating and water.", []string{"Home"}},
		{"a name inside other words", bare, "They reinvoiced the subcontracted part", nil},
	} {
		got := suggested(t, classify.New(classify.Config{}), c.text, c.topics)
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
}

func TestConfidenceGrowsWithEvidence(t *testing.T) {
	t.Parallel()
	all := topics(t, "Invoices", "bills, payment, amounts, VAT", "Garden", "plants")
	c := classify.New(classify.Config{Threshold: 0.01})
	last := 0.0
	for _, text := range []string{
		"a bill came", "a bill and a payment", "an invoice came", "an invoice, and the invoice again", "an invoice with VAT, a bill for payment of amounts",
	} {
		found, err := c.Classify(t.Context(), text, all)
		if err != nil || len(found) != 1 {
			t.Fatalf("%q: %v, %v", text, found, err)
		}
		if found[0].Confidence <= last {
			t.Errorf("%q: %.3f is not more than %.3f", text, found[0].Confidence, last)
		}
		last = found[0].Confidence
	}
	if last > 1 {
		t.Errorf("confidence %v", last)
	}
}

func TestOnlyTheStartOfALongTextCounts(t *testing.T) {
	t.Parallel()
	all := topics(t, "Invoices", "")
	text := strings.Repeat("other words here ", 10_000) + "invoice invoice invoice"
	if got := suggested(t, classify.New(classify.Config{}), text, all); len(got) != 0 {
		t.Errorf("got %v", got)
	}
	if got := suggested(t, classify.New(classify.Config{}), "invoice invoice invoice "+text, all); len(got) != 1 {
		t.Errorf("got %v", got)
	}
}

func TestAtMostSoManyTopics(t *testing.T) {
	t.Parallel()
	all := topics(t, "Alpha", "", "Beta", "", "Gamma", "", "Delta", "", "Epsilon", "", "Zeta", "", "Eta", "")
	if got := suggested(t, classify.New(classify.Config{}), "alpha beta gamma delta epsilon zeta eta", all); len(got) != 5 {
		t.Errorf("got %v, want five", got)
	}
	if got := suggested(t, classify.New(classify.Config{MaxTopics: 2}), "alpha beta gamma", all); len(got) != 2 {
		t.Errorf("got %v, want two", got)
	}
}

func ExampleClassifier() {
	invoices, err := domain.NewTopic(domain.TopicID{1}, domain.Nobody, "Invoices", "bills to pay, amounts due", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	found, err := classify.New(classify.Config{}).Classify(context.Background(), "Please pay the invoice below.", []domain.Topic{invoices})
	fmt.Println(len(found), found[0].Topic == invoices.ID, err)
	// Output: 1 true <nil>
}

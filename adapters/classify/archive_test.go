package classify_test

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// archive is a made-up collection of papers of a household and a small office, whose right topics are known. Its texts are drawn
// from the same words that such papers have, with much in common between topics, so that no single word decides.
type archive struct {
	topics []domain.Topic
	papers []paper
}

type paper struct {
	id   domain.DocumentID
	text string
	fits []domain.TopicID // none for papers that fit no topic
}

// subjects are the topics: a name, a description, and the words of their papers. Neither name nor description needs to occur in a
// paper. The last two are about things that no topic is for.
var subjects = []struct{ name, description, words string }{
	{"Invoices", "bills to pay, amounts due, payment terms", "invoice number due total amount vat net gross payment remit customer order quantity price unit item supplier billing reference overdue reminder bank transfer discount delivery"},
	{"Insurance", "policies, premiums and claims", "policy premium insured coverage claim damage liability deductible insurer renewal policyholder accident theft water fire household vehicle compensation adjuster underwriting risk benefit contract"},
	{"Health", "doctors, hospitals, prescriptions, results", "patient doctor diagnosis treatment prescription laboratory blood result hospital appointment medication dose therapy examination symptom clinic physician surgery vaccination pressure referral test"},
	{"Taxes", "tax returns, assessments, income, deductions", "tax return assessment income deduction revenue office fiscal year allowance withholding refund declaration notice payable taxable employer certificate objection deadline profit loss"},
	{"Employment", "work contracts, salary, references", "employee employer salary contract position working hours vacation notice period probation pay slip gross net bonus overtime department manager agreement termination reference duties"},
	{"Housing", "rent, landlord, utilities, repairs", "tenant landlord rent apartment lease deposit heating water utilities repair building floor key handover ancillary costs meter reading square neighbour renovation notice termination"},
	{"Banking", "accounts, statements, loans, cards", "account statement balance transfer bank loan interest rate card credit debit savings branch withdrawal transaction booking fee deposit mortgage instalment limit security"},
	{"Travel", "tickets, bookings, hotels, itineraries", "flight ticket booking hotel reservation passenger departure arrival airport train seat itinerary check passport visa luggage room night guest cancellation boarding confirmation"},
	{"School", "certificates, letters from school, courses", "school pupil teacher class grade certificate course lesson exam parents homework semester university student term subject trip enrolment library schedule report degree"},
	{"Vehicle", "car, registration, inspection, repairs", "vehicle car registration inspection mileage engine workshop tyre brake oil licence plate owner repair emission fuel insurance model chassis service dealer warranty"},
	{"Contracts", "agreements, terms, signatures, parties", "agreement party parties clause term obligation liability breach termination governing law signature hereby provision confidentiality warranty execution amendment notice force licence assignment"},
	{"Electricity", "power, gas, meter readings, tariffs", "electricity gas kilowatt consumption meter reading tariff supplier grid energy advance payment kwh contract price billing period annual statement power solar network charge"},
	{"", "", "recipe flour sugar butter oven minutes bake stir onion garlic salt pepper tablespoon simmer dough serve dish cream lemon tomato"},
	{"", "", "match season team player goal coach league stadium score defender referee championship club half fans training transfer cup win"},
}

// everywhere are words that letters of any kind have.
const everywhere = "dear sir madam please find enclosed thank you letter date regards sincerely following information contact questions phone address street city number page received sent further details request confirm year month day name office hours service customer team department attached below above herewith inform regarding"

// drawPapers draws n papers from a seed: one in five about two topics, one in ten about none.
func drawPapers(seed uint64, n int) archive {
	random := rand.New(rand.NewPCG(seed, 9))
	id := func() (u uuid.UUID) {
		for i := range u {
			u[i] = byte(random.Uint32())
		}
		return u
	}
	var a archive
	var words [][]string
	for i, s := range subjects {
		words = append(words, strings.Fields(s.words))
		if s.name != "" {
			a.topics = append(a.topics, domain.Topic{ID: domain.TopicID{1, byte(i)}, Name: domain.TopicName(s.name), Description: s.description})
		}
	}
	filler := strings.Fields(everywhere)
	for range n {
		about := []int{random.IntN(len(a.topics))}
		switch random.IntN(10) {
		case 0:
			about = []int{len(a.topics) + random.IntN(len(subjects)-len(a.topics))}
		case 1, 2:
			about = append(about, (about[0]+1+random.IntN(len(a.topics)-1))%len(a.topics))
		}
		p := paper{id: domain.DocumentID(id())}
		for _, s := range about {
			if s < len(a.topics) {
				p.fits = append(p.fits, a.topics[s].ID)
			}
		}
		var text strings.Builder
		for range 40 + random.IntN(160) {
			from := filler
			switch random.IntN(20) {
			case 0, 1, 2: // its own words
				from = words[about[random.IntN(len(about))]]
			case 3, 4: // those of another
				from = words[random.IntN(len(words))]
			case 5: // names and numbers
				fmt.Fprintf(&text, "%c%d ", 'a'+random.IntN(26), random.IntN(5000))
				continue
			}
			text.WriteString(from[random.IntN(len(from))])
			text.WriteByte(' ')
		}
		p.text = text.String()
		a.papers = append(a.papers, p)
	}
	return a
}

// lesson makes a lesson of the papers. Of each topic so many papers count as filed by a person; all others were filed by nobody.
func (a archive) lesson(labels int) ports.Lesson {
	given := map[domain.TopicID]int{}
	examples := make([]ports.Example, len(a.papers))
	for i, p := range a.papers {
		examples[i] = ports.Example{Document: p.id, Text: p.text}
		if len(p.fits) > 0 && given[p.fits[0]] < labels {
			given[p.fits[0]]++
			examples[i].Confirmed = p.fits
		}
	}
	return ports.Lesson{Basis: domain.Digest{7}, Topics: a.topics, Examples: func(each func(ports.Example) error) error {
		for _, e := range examples {
			if err := each(e); err != nil {
				return err
			}
		}
		return nil
	}}
}

package domain_test

import (
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
)

func TestDecisionsAboutTopics(t *testing.T) {
	t.Parallel()
	a, b, c := domain.TopicID{1}, domain.TopicID{2}, domain.TopicID{3}
	sure := 0.5
	before := domain.Document{Topics: []domain.Filing{{Topic: a, Confidence: &sure}, {Topic: b, Confirmed: true}}}
	doc := before
	doc.Accept(a)
	doc.Accept(c)
	doc.Reject(b)
	doc.Reject(b)
	if len(doc.Topics) != 2 || !doc.Topics[0].Confirmed || *doc.Topics[0].Confidence != sure || doc.Topics[1] != (domain.Filing{Topic: c, Confirmed: true}) ||
		!slices.Equal(doc.Rejected, []domain.TopicID{b}) {
		t.Errorf("decided: %+v, rejected %v", doc.Topics, doc.Rejected)
	}
	if before.Topics[0].Confirmed || !before.Topics[1].Confirmed || before.Rejected != nil {
		t.Errorf("the document before was changed: %+v", before.Topics)
	}
	doc.FileUnder([]domain.TopicID{b, b})
	if len(doc.Topics) != 1 || doc.Topics[0] != (domain.Filing{Topic: b, Confirmed: true}) || !slices.Equal(doc.Rejected, []domain.TopicID{a, c}) {
		t.Errorf("filed under one: %+v, rejected %v", doc.Topics, doc.Rejected)
	}
}

func TestModelKeys(t *testing.T) {
	t.Parallel()
	for _, owner := range []domain.Owner{domain.Nobody, domain.Owner(uuid.New())} {
		key := domain.NewModelKey(owner, uuid.New())
		parsed, err := domain.ParseObjectKey(key.String())
		if err != nil || parsed != key || !key.IsModel() || key.Owner() != owner || key.Document() != (domain.DocumentID{}) ||
			key.String()[:len(domain.ModelPrefix(owner))] != domain.ModelPrefix(owner) {
			t.Errorf("the key %s reads back as %s, %v", key, parsed, err)
		}
		for _, other := range []domain.ObjectKey{
			{}, domain.NewModelKey(owner, uuid.Nil), domain.NewObjectKey(owner, domain.DocumentID(uuid.New()), uuid.New(), "a.model"),
			domain.NewObjectKey(owner, domain.DocumentID{}, uuid.New(), "a.pdf"),
		} {
			if other.IsModel() {
				t.Errorf("%q is taken for a model", other)
			}
		}
	}
	if (domain.ObjectKey{}).Owner() != domain.Nobody {
		t.Error("the zero key has an owner")
	}
	if owner, err := domain.ParseOwner(domain.Nobody.String()); err != nil || owner != domain.Nobody {
		t.Errorf("nobody reads back as %s, %v", owner, err)
	}
	if _, err := domain.ParseOwner("nobody"); domain.ErrorCode(err) != domain.Malformed {
		t.Errorf("no owner: %v", err)
	}
}

package classifytest

import (
	"context"
	"fmt"
	"reflect"
	"testing"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// RunGrouper runs the suite of ports.Grouper.
func RunGrouper(t *testing.T, g ports.Grouper) {
	t.Helper()
	var documents []ports.Example
	for i := range 5 {
		documents = append(documents, ports.Example{Document: domain.DocumentID{1, byte(i)}, Text: fmt.Sprintf("sailing boats in a harbour with wind and sails, part %d", i)})
		if i < 4 {
			documents = append(documents, ports.Example{Document: domain.DocumentID{2, byte(i)}, Text: fmt.Sprintf("bread with flour, yeast and an oven, part %d", i)})
		}
	}
	documents = append(documents, ports.Example{Document: domain.DocumentID{3}, Text: "alone here"}, ports.Example{Document: domain.DocumentID{4}})
	groups, err := g.Group(t.Context(), documents)
	if err != nil || len(groups) != 2 || len(groups[0].Documents) != 5 || len(groups[1].Documents) != 4 {
		t.Fatalf("groups are %+v, error %v", groups, err)
	}
	for i, group := range groups {
		if group.Name == "" || len(group.Keywords) == 0 {
			t.Errorf("group %d has the name %q and the keywords %q", i, group.Name, group.Keywords)
		}
		for _, id := range group.Documents {
			if int(id[0]) != i+1 {
				t.Errorf("document %s is in group %d", id, i)
			}
		}
	}
	if again, err := g.Group(t.Context(), documents); err != nil || !reflect.DeepEqual(again, groups) {
		t.Errorf("another time the groups are %+v, error %v", again, err)
	}
	if none, err := g.Group(t.Context(), documents[:2]); err != nil || len(none) != 0 {
		t.Errorf("two documents are %+v, error %v", none, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.Group(ctx, documents); domain.ErrorCode(err) != domain.Canceled {
		t.Errorf("with a context that ended: %v", err)
	}
}

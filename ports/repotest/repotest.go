// Package repotest holds the promises of ports.Repository as tests. Every implementation runs them:
//
//	func TestConformance(t *testing.T) {
//		repotest.Run(t, func(t *testing.T) repotest.Harness { return repotest.Harness{Repo: open(t), …} })
//	}
package repotest

import (
	"context"
	"testing"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// Harness is one empty repository and what the suite has to know of it.
type Harness struct {
	Repo ports.Repository

	// People are two owners that the implementation knows, besides domain.Nobody.
	People [2]domain.Owner

	// Serial says that calls wait for one another, so that one made while another is under way in the same goroutine would wait
	// for ever.
	Serial bool

	// BreakCommit makes the commit of the transaction that tx belongs to fail, for instance by ending its connection.
	BreakCommit func(ctx context.Context, tx ports.Repository) error

	// Break puts the database out of reach, as a network that fails does, until mend.
	Break func() (mend func())
}

// Run holds every promise against the implementation, once for nobody's rows and once for a person's. Open is called for each
// test and returns a repository without any rows; it cleans up after itself.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	t.Helper()
	for who, owner := range map[string]func(Harness) (mine, others domain.Owner){
		"nobody": func(h Harness) (domain.Owner, domain.Owner) { return domain.Nobody, h.People[0] },
		"person": func(h Harness) (domain.Owner, domain.Owner) { return h.People[0], h.People[1] },
	} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			for name, test := range all() {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					h := open(t)
					mine, others := owner(h)
					test(&fixture{T: t, Context: t.Context(), Harness: h, owner: mine, other: others, clock: epoch})
				})
			}
		})
	}
}

// all returns every test by its name.
func all() map[string]func(*fixture) {
	tests := map[string]func(*fixture){}
	for _, group := range []map[string]func(*fixture){
		documentTests(), listTests(), processingTests(), completeTests(), recoverTests(), topicTests(), folderTests(), txTests(), scopeTests(),
		reachTests(), learningTests(), backupTests(),
	} {
		for name, test := range group {
			tests[name] = test
		}
	}
	return tests
}

package schema_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/docuvault/docuvault/adapters/schema"
	"github.com/docuvault/docuvault/internal/testenv"
)

// A rule that the program relies on can be missing from a table that has all its columns.
func TestCheckSeesMissingRules(t *testing.T) {
	t.Parallel()
	s := read(t, "")
	for want, change := range map[string][]string{
		"index topics_user_id_name_key is missing": {"ALTER TABLE topics DROP CONSTRAINT topics_user_id_name_key"},
		"index topics_user_id_name_key is not NULLS NOT DISTINCT": {"ALTER TABLE topics DROP CONSTRAINT topics_user_id_name_key",
			"ALTER TABLE topics ADD CONSTRAINT topics_user_id_name_key UNIQUE (user_id, name)"},
		"index topics_user_id_name_key is not unique": {"ALTER TABLE topics DROP CONSTRAINT topics_user_id_name_key",
			"CREATE INDEX topics_user_id_name_key ON topics (user_id, name) NULLS NOT DISTINCT"},
		"index ix_documents_reconcile is missing":   {"DROP INDEX ix_documents_reconcile"},
		"column documents.attempts is not NOT NULL": {"ALTER TABLE documents ALTER attempts DROP NOT NULL"},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			d := testenv.Schema(t)
			exec(t, open(t, d.MigrateDSN), change...)
			err := s.Check(t.Context(), open(t, d.AppDSN))
			var older *schema.OlderError
			if !errors.As(err, &older) || strings.Join(older.Missing, "; ") != want {
				t.Errorf("got %v", err)
			}
		})
	}
}

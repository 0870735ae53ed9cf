package schema_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/docuvault/docuvault/adapters/schema"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/internal/testenv"
)

func TestCheckRefusesAnOlderSchema(t *testing.T) {
	t.Parallel()
	s := read(t, "")
	t.Run("empty", func(t *testing.T) {
		t.Parallel()
		err := s.Check(t.Context(), open(t, testenv.Postgres(t).AppDSN))
		var older *schema.OlderError
		if !errors.As(err, &older) || !errors.Is(err, schema.ErrOlder) || len(older.Missing) != 11 {
			t.Fatalf("got %v", err)
		}
		if !strings.Contains(err.Error(), "docuvault schema apply") || !strings.Contains(err.Error(), "table users is missing") {
			t.Errorf("the error does not help: %v", err)
		}
	})
	t.Run("made by Python", func(t *testing.T) {
		t.Parallel()
		err := s.Check(t.Context(), open(t, python(t).AppDSN))
		if !errors.Is(err, schema.ErrOlder) || !strings.Contains(err.Error(), "documents.sha256") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("one column", func(t *testing.T) {
		t.Parallel()
		d := testenv.Schema(t)
		exec(t, open(t, d.MigrateDSN), "ALTER TABLE documents DROP requeues")
		err := s.Check(t.Context(), open(t, d.AppDSN))
		var older *schema.OlderError
		if !errors.As(err, &older) || strings.Join(older.Missing, "; ") != "column documents.requeues is missing" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("in a schema that is not ours", func(t *testing.T) {
		t.Parallel()
		d := testenv.Schema(t)
		exec(t, open(t, d.MigrateDSN), "CREATE SCHEMA other", "ALTER TABLE groups SET SCHEMA other")
		if err := s.Check(t.Context(), open(t, d.AppDSN)); !errors.Is(err, schema.ErrOlder) {
			t.Errorf("got %v", err)
		}
	})
}

func TestCheckTakesTheSameAndNewer(t *testing.T) {
	t.Parallel()
	d := testenv.Schema(t)
	s, app := read(t, ""), open(t, d.AppDSN)
	if err := s.Check(t.Context(), app); err != nil {
		t.Error(err)
	}
	exec(t, open(t, d.MigrateDSN), "CREATE TABLE newer (id integer)", "ALTER TABLE documents ADD newer text", "REVOKE ALL ON documents FROM docuvault_app")
	if err := s.Check(t.Context(), app); err != nil {
		t.Errorf("a newer schema: %v", err)
	}
}

func TestOutOfReachIsUnavailable(t *testing.T) {
	t.Parallel()
	s, db := read(t, ""), open(t, "postgres://u:hunter2@127.0.0.1:1/d?connect_timeout=2")
	_, planErr := s.Plan(t.Context(), db)
	for name, err := range map[string]error{
		"check":      s.Check(t.Context(), db),
		"plan":       planErr,
		"init-roles": schema.InitRoles(t.Context(), db, schema.Passwords{App: "a", Migrate: "b"}),
	} {
		if domain.ErrorCode(err) != domain.Unavailable || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

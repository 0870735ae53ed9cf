package pgdsn_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/docuvault/docuvault/adapters/internal/pgdsn"
)

func TestNormalize(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, user, password, host, database string }{
		{"psycopg 3", "postgresql+psycopg://app:secret@db:5433/docuvault", "app", "secret", "db", "docuvault"},
		{"psycopg 2", "postgresql+psycopg2://app:secret@db/docuvault", "app", "secret", "db", "docuvault"},
		{"asyncpg", "postgresql+asyncpg://app:secret@db/docuvault?prepared_statement_cache_size=0", "app", "secret", "db", "docuvault"},
		{"plain", "postgres://app:secret@db/docuvault?sslmode=disable", "app", "secret", "db", "docuvault"},
		{"long scheme", "postgresql://app:secret@db/docuvault", "app", "secret", "db", "docuvault"},
		{"escaped password", "postgresql+psycopg://app:p%40ss%2Fw%25@db/docuvault", "app", "p@ss/w%", "db", "docuvault"},
		{"bare reserved characters", "postgresql+psycopg://app:p/a#s?s:w%zz@db/docuvault", "app", "p/a#s?s:w%zz", "db", "docuvault"},
		{"empty password", "postgresql://app:@db/docuvault", "app", "", "db", "docuvault"},
		{"no password", "postgresql://app@db/docuvault", "app", "", "db", "docuvault"},
		{"IPv6", "postgresql+psycopg://app:secret@[::1]:5432/docuvault", "app", "secret", "::1", "docuvault"},
		{"socket folder", "postgresql+psycopg://app:secret@/docuvault?host=/run/postgresql", "app", "secret", "/run/postgresql", "docuvault"},
		{"libpq settings", "postgresql://app:secret@db/docuvault?keepalives=1&gssencmode=disable&connect_timeout=3", "app", "secret", "db", "docuvault"},
		{"keyword value", "host=db user=app password=secret dbname=docuvault", "app", "secret", "db", "docuvault"},
		{"blanks around", "  postgresql://app:secret@db/docuvault\n", "app", "secret", "db", "docuvault"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := pgdsn.Normalize(c.in)
			if err != nil {
				t.Fatal(err)
			}
			cfg, err := pgx.ParseConfig(got)
			if err != nil {
				t.Fatal(err)
			}
			if cfg.User != c.user || cfg.Password != c.password || cfg.Host != c.host || cfg.Database != c.database {
				t.Errorf("read as user %q password %q host %q database %q", cfg.User, cfg.Password, cfg.Host, cfg.Database)
			}
			for name := range cfg.RuntimeParams {
				if name != "application_name" {
					t.Errorf("%s would be sent to the server", name)
				}
			}
			again, err := pgdsn.Normalize(got)
			if err != nil || again != got {
				t.Errorf("a second time gives %q, %v", again, err)
			}
		})
	}
}

func TestNormalizeRefusesWithoutRepeatingThePassword(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"", "docuvault", "mysql://app:hunter2@db/x", "sqlite:///x", "postgresql://app:hunter2@[::1/x", "http://app:hunter2@db", "postgres://app:hunter2@db:port\x7f/x"} {
		got, err := pgdsn.Normalize(in)
		if !errors.Is(err, pgdsn.ErrMalformed) {
			t.Errorf("%q: got %q, %v", in, got, err)
		}
		if strings.Contains(fmt.Sprint(err), "hunter2") {
			t.Errorf("%q: the error repeats the password", in)
		}
	}
}

func FuzzNormalize(f *testing.F) {
	f.Add("app", "p@ss w%rd/#?")
	f.Fuzz(func(t *testing.T, user, password string) {
		got, err := pgdsn.Normalize("postgresql+psycopg://" + user + ":" + password + "@db/docuvault")
		if err == nil && !strings.HasPrefix(got, "postgres://") {
			t.Errorf("got %q", got)
		}
	})
}

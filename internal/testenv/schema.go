//go:build unix

package testenv

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/docuvault/docuvault"
	"github.com/docuvault/docuvault/adapters/schema"
)

// template is a database that tests' databases are copies of. It is made by the first who asks.
type template struct {
	mu   sync.Mutex
	made bool
	err  error
}

const (
	emptyTemplate  = "template_empty"
	schemaTemplate = "template_schema"
)

// get makes the template once. A failure is kept: the next test would fail alike.
func (p *template) get(make func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.made {
		p.made, p.err = true, make()
	}
	return p.err
}

// Database returns a fresh, empty database on this server: see [Postgres].
func (s *DatabaseServer) Database(t testing.TB) Database {
	t.Helper()
	if err := s.makeEmptyTemplate(); err != nil {
		t.Fatal("testenv: set up the roles:", err)
	}
	return s.newDatabase(t, emptyTemplate)
}

// Schema returns a fresh database on this server with the vault's schema and grants applied: see [Schema].
func (s *DatabaseServer) Schema(t testing.TB) Database {
	t.Helper()
	if err := s.makeSchemaTemplate(); err != nil {
		t.Fatal("testenv: apply the schema:", err)
	}
	return s.newDatabase(t, schemaTemplate)
}

const templateLimit = time.Minute

// makeEmptyTemplate makes the roles by hand, so that the tests of the production set-up do not rest on it.
func (s *DatabaseServer) makeEmptyTemplate() error {
	return s.empty.get(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), templateLimit)
		defer cancel()
		role := func(name string) string { return fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", name, s.password) }
		if err := s.admin(ctx, role(appRole), role(migrateRole)); err != nil {
			return err
		}
		if err := s.create(ctx, emptyTemplate, "template0"); err != nil {
			return err
		}
		return s.inDatabase(s.database(emptyTemplate).SuperDSN, func(db *sql.DB) error {
			_, err := db.ExecContext(ctx, "REVOKE ALL ON SCHEMA public FROM PUBLIC; GRANT USAGE ON SCHEMA public TO "+appRole)
			return err
		})
	})
}

// makeSchemaTemplate does what production does: the roles' set-up, then schema.hcl as the migrate role.
func (s *DatabaseServer) makeSchemaTemplate() error {
	if err := s.makeEmptyTemplate(); err != nil {
		return err
	}
	return s.schema.get(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), templateLimit)
		defer cancel()
		if err := s.create(ctx, schemaTemplate, emptyTemplate); err != nil {
			return err
		}
		dsns := s.database(schemaTemplate)
		err := s.inDatabase(dsns.SuperDSN, func(db *sql.DB) error {
			return schema.InitRoles(ctx, db, schema.Passwords{App: s.password, Migrate: s.password})
		})
		if err != nil {
			return err
		}
		wanted, err := schema.New(docuvault.SchemaHCL, schema.Config{}, slog.New(slog.DiscardHandler))
		if err != nil {
			return err
		}
		return s.inDatabase(dsns.MigrateDSN, func(db *sql.DB) error {
			_, err := wanted.Apply(ctx, db, schema.ApplyOptions{})
			return err
		})
	})
}

// inDatabase leaves no connection behind, which would keep the template from being copied.
func (s *DatabaseServer) inDatabase(dsn string, do func(*sql.DB) error) error {
	db, err := schema.Open(dsn)
	if err != nil {
		return err
	}
	if err := do(db); err != nil {
		_ = db.Close()
		return err
	}
	return db.Close()
}

// create copies a template. Privileges on the database itself are not part of the copy.
func (s *DatabaseServer) create(ctx context.Context, name, template string) error {
	return s.admin(ctx,
		fmt.Sprintf("CREATE DATABASE %s OWNER %s TEMPLATE %s", name, migrateRole, template),
		fmt.Sprintf("REVOKE ALL ON DATABASE %s FROM PUBLIC", name),
		fmt.Sprintf("GRANT CONNECT ON DATABASE %s TO %s", name, appRole),
	)
}

// admin runs statements as the superuser, each by itself: CREATE DATABASE stands no transaction.
func (s *DatabaseServer) admin(ctx context.Context, statements ...string) error {
	conn, err := pgx.Connect(ctx, s.superDSN)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, q := range statements {
		if _, err := conn.Exec(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

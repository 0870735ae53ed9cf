// Package schema brings a database to what schema.hcl says, with Atlas as a library: plan, apply, drift, and the check that
// api and worker make before they start. It also sets up the two roles (D-13, D-14).
//
// Everything that looks at schema.hcl runs on one connection in one transaction, as the role docuvault_migrate:
//
//   - an advisory lock lets one run at a time; replicas that start together wait, then find nothing to do,
//   - the wanted tables are made in a scratch schema under a savepoint, read back in PostgreSQL's own spelling and undone,
//     so that expressions compare equal however schema.hcl writes them,
//   - Atlas plans the way from what is there to what is wanted; what its comparison does not see is compared through pg_catalog,
//   - statements, grants and default privileges commit together or not at all.
//
// Tables that schema.hcl does not name (Alembic's alembic_version, for one) are reported and never touched.
package schema

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"ariga.io/atlas/sql/postgres"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/docuvault/docuvault/adapters/internal/pgdsn"
	"github.com/docuvault/docuvault/domain"
)

// Config tunes a Schema. The zero value is the documented default.
type Config struct {
	// LockTimeout is how long one statement of Apply waits for a table that somebody else holds; while it waits, everyone
	// who comes after it for that table waits too. Zero means 30 seconds.
	LockTimeout time.Duration
}

// Schema is schema.hcl, read and checked. It holds no connection and is safe for concurrent use.
type Schema struct {
	hcl    []byte
	tables []declaredTable
	cfg    Config
	log    *slog.Logger
}

type declaredTable struct {
	name    string
	columns []string
	notNull map[string]bool            // the columns that are
	indexes map[string]indexProperties // by name, those of unique constraints included
}

// indexProperties are what makes rows of an index contradict each other.
type indexProperties struct{ unique, nullsDistinct bool }

// New reads the text of schema.hcl. It refuses, by line, everything that apply would not carry out.
func New(hcl []byte, cfg Config, log *slog.Logger) (*Schema, error) {
	if err := checkHCL(hcl); err != nil {
		return nil, err
	}
	public, err := evaluate(hcl)
	if err != nil {
		return nil, err
	}
	if cfg.LockTimeout == 0 {
		cfg.LockTimeout = 30 * time.Second
	}
	s := &Schema{hcl: hcl, cfg: cfg, log: log}
	for _, t := range public.Tables {
		declared := declaredTable{name: t.Name, notNull: make(map[string]bool), indexes: make(map[string]indexProperties)}
		for _, c := range t.Columns {
			declared.columns = append(declared.columns, c.Name)
			declared.notNull[c.Name] = !c.Type.Null
		}
		for _, i := range t.Indexes {
			properties := indexProperties{unique: i.Unique, nullsDistinct: true}
			for _, attr := range i.Attrs {
				if nulls, ok := attr.(*postgres.IndexNullsDistinct); ok {
					properties.nullsDistinct = nulls.V
				}
			}
			declared.indexes[i.Name] = properties
		}
		s.tables = append(s.tables, declared)
	}
	return s, nil
}

// Open opens a database for this package's methods: one connection, closed by the caller. It accepts what pgdsn.Normalize
// does. Nothing is dialled yet. No error repeats the DSN.
func Open(dsn string) (*sql.DB, error) {
	normal, err := pgdsn.Normalize(dsn)
	if err != nil {
		return nil, domain.Wrap(domain.Invalid, err, "the database address cannot be read")
	}
	cfg, err := pgx.ParseConfig(normal)
	if err != nil {
		return nil, domain.Errorf(domain.Invalid, "the database address cannot be read")
	}
	if cfg.RuntimeParams["application_name"] == "" {
		cfg.RuntimeParams["application_name"] = "docuvault-schema"
	}
	// Tables change under this connection: a plan cached before would be wrong after.
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec
	db := stdlib.OpenDB(*cfg)
	db.SetMaxOpenConns(1)
	return db, nil
}

// lockKey is the advisory lock all runs share: "docuvault" in hexadecimal, cut to 64 bits.
const lockKey int64 = 0x646f637576617574

// session is one run: a transaction that holds the lock.
type session struct {
	*Schema
	tx *sql.Tx
	// extensions is the schema pg_trgm lives in. Its operator class has to be found from every search path used here.
	extensions string
	// extended: the extension was not there before this run.
	extended bool
}

const createExtension = "CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public"

// run calls fn inside the transaction and commits if fn says so and returns no error.
func (s *Schema) run(ctx context.Context, db *sql.DB, fn func(*session) (commit bool, err error)) (err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		// The driver says "i/o timeout" when the context ended while it connected.
		return domain.Wrap(domain.Unavailable, errors.Join(ctx.Err(), err), "the database is out of reach")
	}
	done := false
	defer func() {
		if !done { // an error, or fn panicked
			_ = tx.Rollback()
		}
	}()
	w := &session{Schema: s, tx: tx}
	if err := w.prepare(ctx); err != nil {
		return err
	}
	commit, err := fn(w)
	if err != nil {
		return err
	}
	done = true
	if !commit {
		if err := tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) {
			return fmt.Errorf("undo the scratch work: %w", err)
		}
		return nil
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit; whether it took effect is unknown, run it again: %w", err)
	}
	return nil
}

// prepare takes the lock, then looks whether this server and this role will do.
func (w *session) prepare(ctx context.Context) error {
	// A timeout set on the role or the server is meant for requests, not for this.
	if err := w.exec(ctx, "SET LOCAL statement_timeout = 0", "SET LOCAL idle_in_transaction_session_timeout = 0", "SET LOCAL lock_timeout = 0"); err != nil {
		return err
	}
	if _, err := w.tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", lockKey); err != nil {
		return fmt.Errorf("wait for the other runs: %w", err)
	}
	if err := w.exec(ctx, fmt.Sprintf("SET LOCAL lock_timeout = %d", w.cfg.LockTimeout.Milliseconds()), "SET LOCAL search_path = public"); err != nil {
		return err
	}
	var version int
	var user, database string
	var super, create bool
	err := w.tx.QueryRowContext(ctx, `
		SELECT current_setting('server_version_num')::int, current_user, current_database(), r.rolsuper,
		       has_database_privilege(current_database(), 'CREATE') AND has_schema_privilege('public', 'CREATE')
		FROM pg_catalog.pg_roles r WHERE r.rolname = current_user`).Scan(&version, &user, &database, &super, &create)
	switch {
	case err != nil:
		return fmt.Errorf("ask who we are: %w", err)
	case version < 150000:
		return domain.Errorf(domain.NotSupported, "PostgreSQL 15 or newer is needed (UNIQUE NULLS NOT DISTINCT), this server is %d.%d", version/10000, version%10000)
	case !create:
		return fmt.Errorf("%w: %s may not create in database %s; use DATABASE_MIGRATE_URL, and run `docuvault schema init-roles` once before",
			ErrRoles, user, database)
	case super:
		w.log.WarnContext(ctx, "schema run as superuser, tables will belong to it", "role", user)
	}
	return w.ensureExtension(ctx)
}

// ensureExtension creates pg_trgm, which the index on file names needs, and remembers where it lives.
func (w *session) ensureExtension(ctx context.Context) error {
	if err := w.tx.QueryRowContext(ctx, "SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'pg_trgm')").Scan(&w.extended); err != nil {
		return fmt.Errorf("look for the extension pg_trgm: %w", err)
	}
	if err := w.exec(ctx, createExtension); err != nil {
		var pg *pgconn.PgError
		if errors.As(err, &pg) && (pg.Code == "58P01" || pg.Code == "0A000") { // undefined_file, feature_not_supported
			return fmt.Errorf("the server lacks the extension pg_trgm: install PostgreSQL's contrib package (Debian has it in postgresql): %w", err)
		}
		return fmt.Errorf("create the extension pg_trgm: %w", err)
	}
	err := w.tx.QueryRowContext(ctx, `
		SELECT n.nspname FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
		WHERE e.extname = 'pg_trgm'`).Scan(&w.extensions)
	if err != nil {
		return fmt.Errorf("find the extension pg_trgm: %w", err)
	}
	return w.searchPath(ctx, "public")
}

// searchPath makes schema the place where bare names are looked up, for the rest of the transaction or savepoint.
func (w *session) searchPath(ctx context.Context, schema string) error {
	path := ident(schema)
	if w.extensions != schema {
		path += ", " + ident(w.extensions)
	}
	return w.exec(ctx, "SET LOCAL search_path = "+path)
}

func (w *session) exec(ctx context.Context, statements ...string) error {
	for _, stmt := range statements {
		if _, err := w.tx.ExecContext(ctx, stmt); err != nil {
			return &StatementError{SQL: stmt, Err: err}
		}
	}
	return nil
}

// StatementError is a statement that PostgreSQL refused. The transaction it belonged to was rolled back whole.
type StatementError struct {
	SQL string
	Err error
}

func (e *StatementError) Error() string {
	text := e.Err.Error()
	var pg *pgconn.PgError
	if errors.As(e.Err, &pg) && pg.Detail != "" {
		text += ": " + pg.Detail
	}
	return fmt.Sprintf("%s\n  in: %s", text, e.SQL)
}

func (e *StatementError) Unwrap() error { return e.Err }

// ident quotes a name.
func ident(name string) string { return pgx.Identifier{name}.Sanitize() }

// qualified quotes the name of something in schema public.
func qualified(name string) string { return pgx.Identifier{"public", name}.Sanitize() }

// literal quotes a string.
func literal(s string) string {
	s = strings.ReplaceAll(s, "'", "''")
	if !strings.Contains(s, `\`) {
		return "'" + s + "'"
	}
	return " E'" + strings.ReplaceAll(s, `\`, `\\`) + "'"
}

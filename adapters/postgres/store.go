package postgres

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// Store is a ports.Repository in PostgreSQL. It is safe for concurrent use.
type Store struct {
	session
	pool  *sql.DB
	clock *clock
}

var _ ports.Repository = (*Store)(nil)

// Open connects to the database and makes sure that it answers. Errors are Invalid for an address that cannot be read and
// Unavailable otherwise. A nil log logs nothing.
func Open(ctx context.Context, cfg Config, log *slog.Logger) (*Store, error) {
	cfg = cfg.withDefaults()
	conn, err := cfg.connConfig()
	if err != nil {
		return nil, err
	}
	return openConn(ctx, cfg, conn, log)
}

func openConn(ctx context.Context, cfg Config, conn *pgx.ConnConfig, log *slog.Logger) (*Store, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if cfg.Observe != nil {
		conn.Tracer = tracer{cfg.Observe}
	}
	clock := newClock()
	pool := stdlib.OpenDB(*conn, stdlib.OptionShouldPing(doubtful), stdlib.OptionAfterConnect(clock.read), stdlib.OptionResetSession(clock.keep))
	pool.SetMaxOpenConns(cfg.MaxConns)
	pool.SetMaxIdleConns(cfg.MaxIdleConns)
	pool.SetConnMaxIdleTime(cfg.MaxIdleTime)
	pool.SetConnMaxLifetime(cfg.MaxLifetime)

	db, err := gorm.Open(postgres.New(postgres.Config{Conn: pool}), &gorm.Config{
		SkipDefaultTransaction: true,  // one statement is a transaction of its own
		PrepareStmt:            false, // pgx keeps prepared statements already
		DisableAutomaticPing:   true,
		Logger:                 &statementLog{log: log, slow: cfg.SlowStatement},
	})
	if err == nil {
		err = pool.PingContext(ctx)
	}
	if err != nil {
		return nil, errors.Join(translate(ctx, err), pool.Close())
	}
	return &Store{session: session{db: db, log: log}, pool: pool, clock: clock}, nil
}

// Now is the time by the database's clock, the same for all programs that share the database. It asks nobody: the clock is read
// when a connection is made, and again when one is used and the last reading is some seconds old.
func (s *Store) Now() time.Time { return s.clock.now() }

// Close gives the connections back. Calls that are under way finish first.
func (s *Store) Close() error { return s.pool.Close() }

// DB is the pool itself, for checks that are no business of the vault's, such as whether the schema is the one we know.
func (s *Store) DB() *sql.DB { return s.pool }

// idleDoubt is how long a connection may lie unused before it is tried, which costs one round trip.
const idleDoubt = time.Second

// doubtful decides whether a pooled connection is tried before its next use: after a pause, and at once when the server has
// sent something unasked, as it does when it ends a connection or shuts down.
func doubtful(_ context.Context, p stdlib.ShouldPingParams) bool {
	return p.IdleDuration > idleDoubt || unread(p.Conn.PgConn().Conn())
}

// session is the repository on one handle: the pool, or one transaction.
type session struct {
	db  *gorm.DB
	log *slog.Logger
	tx  bool // the handle is a transaction
}

var _ ports.Repository = session{}

// on returns the handle for one call.
func (s session) on(ctx context.Context) *gorm.DB { return s.db.WithContext(ctx) }

// Tx implements ports.Repository.
func (s session) Tx(ctx context.Context, fn func(ports.Repository) error) error {
	return s.inTx(ctx, func(tx session) error { return fn(tx) })
}

// inTx runs fn in a transaction, in the present one if there is one.
func (s session) inTx(ctx context.Context, fn func(session) error) (err error) {
	if s.tx {
		return fn(s)
	}
	db := s.on(ctx).Begin()
	if db.Error != nil {
		return translate(ctx, db.Error)
	}
	committed := false
	defer func() {
		if committed {
			return
		}
		// Also on a panic, which goes on. A rollback that fails has nothing to add: without a commit the server forgets it all.
		if failed := db.Rollback().Error; failed != nil && !errors.Is(failed, sql.ErrTxDone) {
			s.log.DebugContext(ctx, "rollback failed", "error", failed)
		}
	}()
	if err := fn(session{db: db, log: s.log, tx: true}); err != nil {
		return err
	}
	committed = true // or lost: there is nothing left to roll back
	return translate(ctx, db.Commit().Error)
}

// Health implements ports.Repository.
func (s session) Health(ctx context.Context) error {
	var one int
	if err := s.on(ctx).Raw("SELECT 1").Scan(&one).Error; err != nil {
		return translate(ctx, err)
	}
	if one != 1 {
		return domain.Errorf(domain.Internal, "the database answered something unexpected")
	}
	return nil
}

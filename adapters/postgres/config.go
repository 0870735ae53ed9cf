package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/docuvault/docuvault/adapters/internal/pgdsn"
	"github.com/docuvault/docuvault/domain"
)

// Config says where the database is and how much of it to use. Every field but DSN may be left zero.
type Config struct {
	// DSN is the address, with the role docuvault_app (D-13). Addresses written for SQLAlchemy are understood.
	DSN string

	MaxConns     int           // connections at most; default 16
	MaxIdleConns int           // kept open while idle; default MaxConns
	MaxIdleTime  time.Duration // an idle connection is closed after; default 5 min
	MaxLifetime  time.Duration // any connection is closed after; default 1 h

	ConnectTimeout           time.Duration // of one connection; default 5 s
	StatementTimeout         time.Duration // of one statement; default 30 s
	LockTimeout              time.Duration // of one wait for a lock; default 10 s
	IdleInTransactionTimeout time.Duration // a transaction that waits for us longer is rolled back; default 30 s
	SlowStatement            time.Duration // statements slower than this are logged; default 1 s

	// Observe, if it is not nil, is told of every statement: an observed.Observer with kind "sql", the statement's first word as its
	// name and its text, in which values are parameters, as attribute "statement".
	Observe func(ctx context.Context, kind, name string, attrs ...slog.Attr) (context.Context, func(outcome string, err error))
}

func (c Config) withDefaults() Config {
	orDefault(&c.MaxConns, 16)
	orDefault(&c.MaxIdleConns, c.MaxConns)
	orDefault(&c.MaxIdleTime, 5*time.Minute)
	orDefault(&c.MaxLifetime, time.Hour)
	orDefault(&c.ConnectTimeout, 5*time.Second)
	orDefault(&c.StatementTimeout, 30*time.Second)
	orDefault(&c.LockTimeout, 10*time.Second)
	orDefault(&c.IdleInTransactionTimeout, 30*time.Second)
	orDefault(&c.SlowStatement, time.Second)
	return c
}

func orDefault[T int | time.Duration](v *T, value T) {
	if *v <= 0 {
		*v = value
	}
}

// LogValue implements slog.LogValuer: the DSN holds a password and is left out.
func (c Config) LogValue() slog.Value {
	return slog.GroupValue(slog.Int("max_conns", c.MaxConns), slog.Duration("statement_timeout", c.StatementTimeout))
}

// connConfig turns the configuration into pgx's. What the DSN itself sets is left as it is.
func (c Config) connConfig() (*pgx.ConnConfig, error) {
	dsn, err := pgdsn.Normalize(c.DSN)
	if err != nil {
		return nil, domain.Wrap(domain.Invalid, err, "the database's address cannot be read")
	}
	conn, err := pgx.ParseConfig(dsn)
	if err != nil {
		// pgx repeats the address and masks the password only where it can.
		return nil, domain.Errorf(domain.Invalid, "the database's address cannot be read")
	}
	if conn.ConnectTimeout == 0 {
		conn.ConnectTimeout = c.ConnectTimeout
	}
	for name, value := range map[string]string{
		"application_name":                    "docuvault",
		"timezone":                            "UTC",
		"default_transaction_isolation":       "read committed", // what the statements here are written for
		"statement_timeout":                   milliseconds(c.StatementTimeout),
		"lock_timeout":                        milliseconds(c.LockTimeout),
		"idle_in_transaction_session_timeout": milliseconds(c.IdleInTransactionTimeout),
	} {
		if _, set := conn.RuntimeParams[name]; !set {
			conn.RuntimeParams[name] = value
		}
	}
	return conn, nil
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(max(1, d.Milliseconds()), 10) }

// String names the configuration without its secrets.
func (c Config) String() string { return fmt.Sprintf("postgres (at most %d connections)", c.MaxConns) }

package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"

	"github.com/docuvault/docuvault/domain"
)

// constraintErrors says what it means to a person that a constraint refused a row. The names are those of schema.hcl.
func constraintError(constraint string) *domain.Error {
	switch constraint {
	case "topics_user_id_name_key":
		return domain.Errorf(domain.Conflict, "there is a topic of this name already").Because("duplicate_name")
	case "folders_user_id_parent_id_name_key":
		return domain.Errorf(domain.Conflict, "there is a folder of this name here already").Because("duplicate_name")
	case "ix_documents_user_idempotency_key":
		return domain.Errorf(domain.Conflict, "there was an upload under this key already").Because("idempotency_key")
	case "documents_folder_id_fkey":
		return domain.InvalidField("folder_id", "there is no such folder")
	case "document_topics_topic_id_fkey":
		return domain.InvalidField("topic_ids", "there is no such topic")
	case "folders_parent_id_fkey":
		return domain.InvalidField("parent_id", "there is no such folder")
	case "document_topics_document_id_fkey":
		return notFound("document")
	case "documents_user_id_fkey", "topics_user_id_fkey", "folders_user_id_fkey":
		return domain.InvalidField("user_id", "there is no such user")
	default:
		return nil
	}
}

// translate gives an error of the driver its domain code. Errors that have one, as a callback's own, pass unchanged.
func translate(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var known *domain.Error
	if errors.As(err, &known) {
		return err
	}
	if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil {
		err = errors.Join(ctx.Err(), err) // database/sql rolls back when the context ends, and then only says that it did
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return translateServer(ctx, pg, err)
	}
	if errors.Is(err, context.Canceled) {
		return domain.Wrap(domain.Canceled, err, "the request was canceled")
	}
	if errors.Is(err, gorm.ErrRecordNotFound) || errors.Is(err, sql.ErrNoRows) {
		return domain.Wrap(domain.NotFound, err, "there is no such thing")
	}
	if unreachable(err) {
		return unavailable(err)
	}
	return domain.Wrap(domain.Internal, err, "the database answered something unexpected")
}

// translateServer judges an error that PostgreSQL itself reported, by its SQLSTATE.
func translateServer(ctx context.Context, pg *pgconn.PgError, err error) error {
	switch pg.Code {
	case pgerrcode.UniqueViolation, pgerrcode.ForeignKeyViolation:
		if meaning := constraintError(pg.ConstraintName); meaning != nil {
			meaning.Err = err
			return meaning
		}
		return domain.Wrap(domain.Conflict, err, "this contradicts what is there already")
	case pgerrcode.QueryCanceled:
		if errors.Is(ctx.Err(), context.Canceled) {
			return domain.Wrap(domain.Canceled, err, "the request was canceled")
		}
		return unavailable(err)
	case pgerrcode.CharacterNotInRepertoire, pgerrcode.UntranslatableCharacter, pgerrcode.StringDataRightTruncationDataException,
		pgerrcode.NumericValueOutOfRange, pgerrcode.ProgramLimitExceeded:
		return domain.Wrap(domain.Invalid, err, "a value is more than the database can hold")
	case pgerrcode.LockNotAvailable, pgerrcode.ReadOnlySQLTransaction, pgerrcode.IdleInTransactionSessionTimeout,
		pgerrcode.InvalidCatalogName, pgerrcode.AdminShutdown, pgerrcode.CrashShutdown, pgerrcode.CannotConnectNow,
		pgerrcode.DatabaseDropped, "57P05": // idle_session_timeout
		return unavailable(err)
	}
	switch class := pg.Code[:min(2, len(pg.Code))]; class {
	// Connection, authorization, rollback (serialization, deadlock), resources (too many connections, disk full), system.
	case "08", "28", "40", "53", "58":
		return unavailable(err)
	}
	return domain.Wrap(domain.Internal, err, "the database answered something unexpected")
}

// unreachable reports errors of the way to the server: no connection, a broken one, none free in time.
func unreachable(err error) bool {
	var connect *pgconn.ConnectError
	var network net.Error
	var operation *net.OpError
	return errors.As(err, &connect) || errors.As(err, &network) || errors.As(err, &operation) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, sql.ErrTxDone) || errors.Is(err, pgconn.ErrConnClosed) || errors.Is(err, pgx.ErrTxClosed) ||
		errors.Is(err, pgx.ErrTxCommitRollback) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err) || pgconn.Timeout(err)
}

func unavailable(err error) error {
	return domain.Wrap(domain.Unavailable, err, "the database is not available at the moment")
}

func notFound(what string) *domain.Error {
	return domain.Errorf(domain.NotFound, "there is no such %s", what)
}

// named turns "nothing there" into "no such document" and leaves the rest to translate.
func named(ctx context.Context, what string, err error) error {
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return notFound(strings.ToLower(what))
	}
	return translate(ctx, err)
}

package postgres

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// Statements that every upload runs go to the driver as they are written: GORM would take as long to make each of them as
// PostgreSQL takes to run it. They run on the handle's pool or transaction all the same, and slow ones are logged.

// exec runs a statement and returns how many rows it changed.
func (s session) exec(ctx context.Context, statement string, args ...any) (int64, error) {
	begin := time.Now()
	done, err := s.db.Statement.ConnPool.ExecContext(ctx, statement, args...)
	var changed int64
	if err == nil {
		changed, err = done.RowsAffected()
	}
	s.trace(ctx, begin, statement, changed, err)
	return changed, translate(ctx, err)
}

// query runs a statement and has each row read.
func (s session) query(ctx context.Context, read func(*sql.Rows) error, statement string, args ...any) error {
	begin := time.Now()
	var found int64
	rows, err := s.db.Statement.ConnPool.QueryContext(ctx, statement, args...)
	if err == nil {
		for err == nil && rows.Next() {
			found++
			err = read(rows)
		}
		err = errors.Join(err, rows.Err(), rows.Close())
	}
	s.trace(ctx, begin, statement, found, err)
	return translate(ctx, err)
}

// heads reads documents from a statement that selects the columns of headList, in that order.
func (s session) heads(ctx context.Context, statement string, args ...any) (heads []documentHead, err error) {
	err = s.query(ctx, func(rows *sql.Rows) error {
		heads = append(heads, documentHead{})
		return rows.Scan(heads[len(heads)-1].targets()...)
	}, statement, args...)
	return heads, err
}

func (s session) trace(ctx context.Context, begin time.Time, statement string, rows int64, err error) {
	s.db.Logger.Trace(ctx, begin, func() (string, int64) { return statement, rows }, err)
}

package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"

	"github.com/docuvault/docuvault/domain"
)

// TestTranslate: one code for each kind of error, and no text of the server's in what people are shown.
func TestTranslate(t *testing.T) {
	t.Parallel()
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	states := map[string]domain.Code{
		"08006": domain.Unavailable, "08P01": domain.Unavailable, "28P01": domain.Unavailable, "3D000": domain.Unavailable,
		"40001": domain.Unavailable, "40P01": domain.Unavailable, "53100": domain.Unavailable, "53300": domain.Unavailable,
		"55P03": domain.Unavailable, "57014": domain.Unavailable, "57P01": domain.Unavailable, "57P02": domain.Unavailable,
		"57P03": domain.Unavailable, "57P05": domain.Unavailable, "58030": domain.Unavailable, "25006": domain.Unavailable,
		"25P03": domain.Unavailable, "22021": domain.Invalid, "22P05": domain.Invalid, "22001": domain.Invalid, "22003": domain.Invalid,
		"23505": domain.Conflict, "42P01": domain.Internal, "42501": domain.Internal, "XX000": domain.Internal, "": domain.Internal,
	}
	for state, want := range states {
		err := translate(t.Context(), fmt.Errorf("wrapped: %w", &pgconn.PgError{Code: state, Message: "secret detail"}))
		if domain.ErrorCode(err) != want {
			t.Errorf("SQLSTATE %q gives %s, want %s", state, domain.ErrorCode(err), want)
		}
		if text := domain.ErrorMessage(err); text == "" || errors.Unwrap(err) == nil || len(text) > 80 {
			t.Errorf("SQLSTATE %q is shown as %q", state, text)
		}
	}
	for _, c := range []struct {
		ctx  context.Context
		err  error
		want domain.Code
	}{
		{canceled, &pgconn.PgError{Code: "57014"}, domain.Canceled},
		{t.Context(), context.Canceled, domain.Canceled},
		{canceled, sql.ErrTxDone, domain.Canceled},
		{t.Context(), context.DeadlineExceeded, domain.Unavailable},
		{t.Context(), io.ErrUnexpectedEOF, domain.Unavailable},
		{t.Context(), driver.ErrBadConn, domain.Unavailable},
		{t.Context(), gorm.ErrRecordNotFound, domain.NotFound},
		{t.Context(), errors.New("anything"), domain.Internal},
		{t.Context(), domain.InvalidField("x", "y"), domain.Invalid},
		{t.Context(), nil, ""},
	} {
		if got := domain.ErrorCode(translate(c.ctx, c.err)); got != c.want {
			t.Errorf("%v gives %s, want %s", c.err, got, c.want)
		}
	}
	for constraint, want := range map[string]domain.Code{
		"topics_user_id_name_key": domain.Conflict, "folders_user_id_parent_id_name_key": domain.Conflict,
		"documents_folder_id_fkey": domain.Invalid, "document_topics_topic_id_fkey": domain.Invalid,
		"folders_parent_id_fkey": domain.Invalid, "document_topics_document_id_fkey": domain.NotFound, "documents_user_id_fkey": domain.Invalid,
	} {
		err := translate(t.Context(), &pgconn.PgError{Code: "23503", ConstraintName: constraint})
		if domain.ErrorCode(err) != want {
			t.Errorf("%s gives %v, want %s", constraint, err, want)
		}
	}
}

package postgres

import (
	"context"
	"log/slog"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/docuvault/docuvault/domain"
)

// tracer tells Config.Observe of statements, for pgx.
type tracer struct {
	observe func(ctx context.Context, kind, name string, attrs ...slog.Attr) (context.Context, func(outcome string, err error))
}

type statementKey struct{}

// TraceQueryStart implements pgx.QueryTracer.
func (t tracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	ctx, end := t.observe(ctx, "sql", firstWord(data.SQL), slog.String("statement", data.SQL))
	return context.WithValue(ctx, statementKey{}, end)
}

// TraceQueryEnd implements pgx.QueryTracer. A row that is refused or not there is an answer, no failure.
func (t tracer) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	end, ok := ctx.Value(statementKey{}).(func(string, error))
	if !ok {
		return
	}
	err := translate(ctx, data.Err)
	switch code := domain.ErrorCode(err); code {
	case "":
		end("ok", nil)
	case domain.Unavailable, domain.Internal:
		end(string(code), err)
	default:
		end(string(code), nil)
	}
}

// firstWord says what kind of statement it is; "OTHER" is one that the vault does not write itself.
func firstWord(statement string) string {
	word, _, _ := strings.Cut(strings.TrimLeft(statement, " \t\n("), " ")
	switch word = strings.ToUpper(strings.TrimSpace(word)); word {
	case "SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "SET":
		return word
	default:
		return "OTHER"
	}
}

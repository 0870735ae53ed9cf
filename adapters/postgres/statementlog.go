package postgres

import (
	"context"
	"log/slog"
	"time"

	"gorm.io/gorm/logger"
)

// statementLog tells slog about slow statements, without their values. Errors are the caller's to log.
type statementLog struct {
	log  *slog.Logger
	slow time.Duration
}

// LogMode implements logger.Interface: the level is slog's to decide.
func (l *statementLog) LogMode(logger.LogLevel) logger.Interface { return l }

// Info implements logger.Interface.
func (l *statementLog) Info(ctx context.Context, msg string, _ ...any) {
	l.log.DebugContext(ctx, "gorm", "message", msg)
}

// Warn implements logger.Interface.
func (l *statementLog) Warn(ctx context.Context, msg string, _ ...any) {
	l.log.DebugContext(ctx, "gorm", "message", msg)
}

// Error implements logger.Interface.
func (l *statementLog) Error(ctx context.Context, msg string, _ ...any) {
	l.log.DebugContext(ctx, "gorm", "message", msg)
}

// Trace implements logger.Interface.
func (l *statementLog) Trace(ctx context.Context, begin time.Time, statement func() (string, int64), _ error) {
	took := time.Since(begin)
	if took < l.slow || !l.log.Enabled(ctx, slog.LevelWarn) {
		return
	}
	text, rows := statement()
	l.log.WarnContext(ctx, "slow statement", "sql", text, "rows", rows, "duration_ms", took.Milliseconds())
}

// ParamsFilter implements gorm.ParamsFilter: what people store does not belong in a log.
func (l *statementLog) ParamsFilter(_ context.Context, statement string, _ ...any) (string, []any) {
	return statement, nil
}

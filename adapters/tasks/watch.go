package tasks

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/docuvault/docuvault/adapters/celery"
	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// Watch is who is told of the tasks that a worker runs. The zero Watch is nobody.
type Watch struct {
	// Continue takes up what the headers of a task carry; get returns "" for a header that is no text or not there.
	Continue func(ctx context.Context, get func(header string) string) context.Context
	// Observe is an observed.Observer: its kind is "task", its names are the tasks' without their module.
	Observe func(ctx context.Context, kind, name string, attrs ...slog.Attr) (context.Context, func(outcome string, err error))
	// Log gets one line for each run.
	Log *slog.Logger
	Now func() time.Time // default time.Now
}

// shortName is what metrics, traces and logs call ExtractAndClassify.
const shortName = "extract_and_classify"

// maxCarried is the longest header that Continue is shown, in bytes: W3C's tracestate may have 512.
const maxCarried = 512

// begin tells of a run that begins. The context is the run's; done tells how it ended.
func (w Watch) begin(ctx context.Context, d *celery.Delivery, doc domain.DocumentID) (context.Context, func(ports.TaskResult, error)) {
	if w.Continue != nil {
		ctx = w.Continue(ctx, func(header string) string {
			var text string
			if value := d.Headers[header]; len(value) > maxCarried || value.Decode(&text) != nil {
				return ""
			}
			return text
		})
	}
	ctx = context.WithValue(ctx, runKey{}, run{task: d.ID, document: doc.String()})
	end := func(string, error) {}
	if w.Observe != nil {
		ctx, end = w.Observe(ctx, "task", shortName, slog.String("task_id", d.ID), slog.String("document_id", doc.String()), slog.Int("retries", d.Retries))
	}
	now := w.Now
	if now == nil {
		now = time.Now
	}
	began := now()
	return ctx, func(result ports.TaskResult, err error) {
		outcome := outcomeOf(ctx, result, err)
		if outcome != "error" {
			err = nil
		}
		end(outcome, err)
		if w.Log != nil {
			w.Log.InfoContext(ctx, "task done", "task", shortName, "task_id", d.ID, "document_id", doc.String(), "outcome", outcome,
				"retries", d.Retries, "duration_ms", now().Sub(began).Milliseconds())
		}
	}
}

// outcomeOf is what came of a run in one word: the document's status, or why there is none. Python may have written any status.
func outcomeOf(ctx context.Context, result ports.TaskResult, err error) string {
	var retry *app.RetryError
	switch {
	case err == nil:
		switch domain.Status(result.Status) {
		case domain.Ready, domain.Failed, domain.Pending, domain.Processing, app.StatusMissing:
			return result.Status
		default:
			return "other"
		}
	case ctx.Err() != nil:
		return "interrupted"
	case errors.As(err, &retry) && retry.Held:
		return "held"
	case errors.As(err, &retry), domain.ErrorCode(err).Retryable():
		return "retry"
	default:
		return "error"
	}
}

// run is what a context knows of the task it belongs to.
type run struct{ task, document string }

type runKey struct{}

// LogHandler returns a handler that adds task_id and document_id to every record that is logged while a task runs, unless the
// record names them itself.
func LogHandler(next slog.Handler) slog.Handler { return logHandler{next} }

type logHandler struct{ slog.Handler }

// Handle implements slog.Handler.
func (h logHandler) Handle(ctx context.Context, record slog.Record) error {
	if r, ok := ctx.Value(runKey{}).(run); ok {
		has := make(map[string]bool, record.NumAttrs())
		record.Attrs(func(a slog.Attr) bool { has[a.Key] = true; return true })
		if !has["task_id"] {
			record.AddAttrs(slog.String("task_id", r.task))
		}
		if !has["document_id"] {
			record.AddAttrs(slog.String("document_id", r.document))
		}
	}
	return h.Handler.Handle(ctx, record)
}

// WithAttrs implements slog.Handler.
func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return logHandler{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h logHandler) WithGroup(name string) slog.Handler { return logHandler{h.Handler.WithGroup(name)} }

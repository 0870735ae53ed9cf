package rest

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
)

// exchange is one request and its answer, as the log tells it.
type exchange struct {
	id     string
	began  time.Time
	route  string // gin's pattern, "" if none fitted
	client string // the client's address
	code   domain.Code

	document string     // the id of the document it is about, "" if it is about none
	task     string     // the id of the task that an upload asked for
	body     *pacedBody // nil if the request has none
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange {
	if x, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		return x
	}
	return &exchange{}
}

// RequestID returns the id of the request that ctx belongs to, or "".
func RequestID(ctx context.Context) string { return exchangeOf(ctx).id }

// ServeHTTP answers a request: it gives it an id, watches its pace, hands it to gin, answers in gin's place if a handler
// panics, and logs what happened.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{id: requestID(r.Header.Get("X-Request-ID")), began: a.cfg.Now()}
	conn := http.NewResponseController(w)
	steady := pace{window: a.cfg.StallWindow, bytes: a.cfg.StallBytes, now: a.cfg.Now}
	out := &pacedWriter{ResponseWriter: w, conn: conn, pace: steady}

	ctx, observed := r.Context(), func(string, int) {}
	if a.cfg.Observe != nil {
		ctx, observed = a.cfg.Observe(r)
	}
	// The request is copied: the server looks at its own to find out what is left of the body.
	r = r.WithContext(context.WithValue(ctx, exchangeKey{}, x))
	r.URL = withoutTrailingSlash(r.URL)
	if r.Body != nil && r.Body != http.NoBody {
		x.body = &pacedBody{body: r.Body, conn: conn, pace: steady}
		r.Body = x.body
		_ = conn.SetReadDeadline(steady.deadline()) // for the server, which drains what a handler leaves unread
	}
	_ = conn.SetWriteDeadline(time.Time{}) // how long the answer takes to begin is not the client's fault

	header := out.Header()
	header.Set("X-Request-ID", x.id)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	header.Set("Cache-Control", "no-store")

	defer func() {
		fault := recover()
		if err, ok := fault.(error); fault != nil && (!ok || !errors.Is(err, http.ErrAbortHandler)) {
			a.log.ErrorContext(r.Context(), "handler panicked", "method", r.Method, "route", x.route, "panic", fault, "stack", string(debug.Stack()))
			if out.status == 0 {
				a.answerProblem(out, r, domain.Errorf(domain.Internal, ""))
				fault = nil
			} else {
				fault = http.ErrAbortHandler // a cut connection tells the client that the answer is not whole
			}
		}
		_ = conn.SetWriteDeadline(a.cfg.Now().Add(a.cfg.StallWindow)) // the server still flushes its buffer
		a.logExchange(r, x, out, fault != nil)
		observed(x.route, cmp.Or(out.status, http.StatusOK)) // nothing written is 200
		if fault != nil {
			panic(fault) // net/http's way to cut a connection
		}
	}()
	a.engine.ServeHTTP(out, r)
}

// note writes into the exchange what only gin knows.
func note(c *gin.Context) {
	x := exchangeOf(c.Request.Context())
	x.route, x.client = c.FullPath(), c.ClientIP()
	if strings.HasPrefix(x.route, documentPath+":id") {
		if id, err := domain.ParseDocumentID(c.Param("id")); err == nil {
			x.document = id.String()
		}
	}
	c.Next()
}

func (a *API) logExchange(r *http.Request, x *exchange, out *pacedWriter, cut bool) {
	level := slog.LevelInfo
	if strings.HasPrefix(x.route, "/health") && out.status < 500 {
		level = slog.LevelDebug // probes ask every few seconds
	}
	attrs := []slog.Attr{
		slog.String("method", r.Method), slog.String("path", loggedPath(r.URL.Path)), slog.String("route", x.route),
		slog.Int("status", out.status), slog.Int64("response_bytes", out.bytes),
		slog.Float64("duration_ms", milliseconds(a.cfg.Now().Sub(x.began))), slog.String("client", x.client),
	}
	if x.document != "" {
		attrs = append(attrs, slog.String("document_id", x.document))
	}
	if x.task != "" {
		attrs = append(attrs, slog.String("task_id", x.task))
	}
	if x.code != "" {
		attrs = append(attrs, slog.String("code", string(x.code)))
	}
	if cut {
		attrs = append(attrs, slog.Bool("cut", true))
	}
	a.log.LogAttrs(r.Context(), level, "request", attrs...)
}

// loggedPath hides the tokens of links, which open a document to whoever has one, and keeps lines of the log short.
func loggedPath(path string) string {
	if strings.HasPrefix(path, linkPath) {
		return linkPath + "***"
	}
	return clipped(path)
}

// clipped keeps what a client sent short where it is told again.
func clipped(s string) string {
	const most = 200
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// withoutTrailingSlash takes one slash off the end of the path, so that both forms of a route answer without a redirect.
func withoutTrailingSlash(u *url.URL) *url.URL {
	if len(u.Path) < 2 || !strings.HasSuffix(u.Path, "/") {
		return u
	}
	trimmed := *u
	trimmed.Path = strings.TrimSuffix(u.Path, "/")
	trimmed.RawPath = ""
	return &trimmed
}

// requestID accepts an id that is fit for logs and headers, or makes one.
func requestID(given string) string {
	if len(given) == 0 || len(given) > 64 {
		return uuid.NewString()
	}
	for _, c := range []byte(given) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
		default:
			return uuid.NewString()
		}
	}
	return given
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// RequestIDHandler returns a handler that adds request_id to every record that is logged with a request's context, also in
// layers below this one. Wrapping twice is wrapping once.
func RequestIDHandler(next slog.Handler) slog.Handler {
	if h, ok := next.(requestIDHandler); ok {
		return h
	}
	return requestIDHandler{next}
}

type requestIDHandler struct{ slog.Handler }

// Handle implements slog.Handler.
func (h requestIDHandler) Handle(ctx context.Context, record slog.Record) error {
	if id := RequestID(ctx); id != "" {
		record.AddAttrs(slog.String("request_id", id))
	}
	return h.Handler.Handle(ctx, record)
}

// WithAttrs implements slog.Handler.
func (h requestIDHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return requestIDHandler{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h requestIDHandler) WithGroup(name string) slog.Handler {
	return requestIDHandler{h.Handler.WithGroup(name)}
}

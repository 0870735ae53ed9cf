package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/docuvault/docuvault/domain"
)

// Codes that only HTTP has.
const (
	codeMethod       domain.Code = "method_not_allowed"
	codeTimeout      domain.Code = "request_timeout"
	codeRange        domain.Code = "range_not_satisfiable"
	codePrecondition domain.Code = "precondition_failed"
	codeMediaType    domain.Code = "unsupported_media_type"
	codeTooMany      domain.Code = "too_many_requests"
)

// statusClientGone is what the log says of a request whose client did not wait; nobody sees it.
const statusClientGone = 499

// kind is what a code means in HTTP.
type kind struct {
	status int
	title  string // the same for every problem of the code
}

// kindOf is the one table from codes to statuses. A code that it does not know is a fault of ours.
func kindOf(code domain.Code) (kind, bool) {
	switch code {
	case domain.Internal:
		return kind{http.StatusInternalServerError, "Something went wrong on our side"}, true
	case domain.Malformed:
		return kind{http.StatusBadRequest, "The request cannot be understood"}, true
	case domain.Invalid:
		return kind{http.StatusUnprocessableEntity, "The request has values that are not acceptable"}, true
	case domain.NotFound:
		return kind{http.StatusNotFound, "Not found"}, true
	case domain.Conflict:
		return kind{http.StatusConflict, "The request contradicts the present state"}, true
	case domain.TooLarge:
		return kind{http.StatusRequestEntityTooLarge, "Too large"}, true
	case domain.UnsupportedType:
		return kind{http.StatusUnsupportedMediaType, "Files of this type are not accepted"}, true
	case domain.Forbidden:
		return kind{http.StatusForbidden, "Not allowed"}, true
	case domain.Unreadable:
		return kind{http.StatusUnprocessableEntity, "The document cannot be read"}, true
	case domain.NotSupported:
		return kind{http.StatusNotImplemented, "Not possible with this installation"}, true
	case domain.Unavailable:
		return kind{http.StatusServiceUnavailable, "Temporarily unavailable"}, true
	case domain.Canceled:
		return kind{statusClientGone, "The client went away"}, true
	case codeMethod:
		return kind{http.StatusMethodNotAllowed, "Method not allowed"}, true
	case codeTimeout:
		return kind{http.StatusRequestTimeout, "The request took too long to arrive"}, true
	case codeRange:
		return kind{http.StatusRequestedRangeNotSatisfiable, "The range lies outside the document"}, true
	case codePrecondition:
		return kind{http.StatusPreconditionFailed, "It is not the version expected"}, true
	case codeMediaType:
		return kind{http.StatusUnsupportedMediaType, "The request's Content-Type is not the one expected"}, true
	case codeTooMany:
		return kind{http.StatusTooManyRequests, "Too many requests"}, true
	default:
		return kind{}, false
	}
}

// problem is an error as RFC 9457 has it, with members of our own from code on.
type problem struct {
	Type      string         `json:"type"`
	Title     string         `json:"title"`
	Status    int            `json:"status"`
	Detail    string         `json:"detail"`
	Code      domain.Code    `json:"code"`
	Reason    string         `json:"reason,omitempty"`
	RequestID string         `json:"request_id"`
	Errors    []fieldProblem `json:"errors"`
}

type fieldProblem struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// fail answers with the problem that err is.
func (a *API) fail(c *gin.Context, err error) { a.answerProblem(c.Writer, c.Request, err) }

// answerProblem is the one place where errors become answers. Faults of ours are logged here with their cause, which is never
// part of the answer.
func (a *API) answerProblem(w http.ResponseWriter, r *http.Request, err error) {
	ctx := r.Context()
	x := exchangeOf(ctx)
	err = plainError(ctx, err)
	code := domain.ErrorCode(err)
	what, known := kindOf(code)
	if !known {
		code = domain.Internal
		what, _ = kindOf(code)
	}
	x.code = code
	switch {
	case code == domain.Canceled:
		w.WriteHeader(what.status)
		return
	case what.status >= http.StatusInternalServerError:
		a.log.ErrorContext(ctx, "request failed", "method", r.Method, "route", x.route, "code", string(code), "error", err)
	}
	header := w.Header()
	switch code {
	case domain.Unavailable:
		header.Set("Retry-After", a.retryAfter())
	case codeTimeout:
		header.Set("Connection", "close")
	}
	answer := problem{
		Type: "/docs#" + string(code), Title: what.title, Status: what.status, Detail: domain.ErrorMessage(err),
		Code: code, Reason: domain.ErrorReason(err), RequestID: x.id, Errors: []fieldProblem{},
	}
	if !known || code == domain.Internal {
		answer.Detail, answer.Reason = domain.ErrorMessage(domain.Errorf(domain.Internal, "")), ""
	}
	for _, field := range fieldsOf(err) {
		answer.Errors = append(answer.Errors, fieldProblem(field))
	}
	writeJSON(w, what.status, "application/problem+json", answer)
}

// plainError gives a code to the errors of the HTTP machinery that have none.
func plainError(ctx context.Context, err error) error {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return &domain.Error{Code: domain.TooLarge, Message: "the request's body is larger than what is accepted here", Err: err}
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return &domain.Error{Code: domain.Canceled, Err: err}
	default:
		return err
	}
}

func (a *API) retryAfter() string { return strconv.Itoa(int(a.cfg.RetryAfter.Seconds())) }

func fieldsOf(err error) []domain.FieldError {
	var e *domain.Error
	if errors.As(err, &e) {
		return e.Fields
	}
	return nil
}

// writeJSON answers with a JSON value. Its shapes are ours, so encoding them cannot fail; a write that fails is the client's
// loss and shows in the access log's number of bytes.
func writeJSON(w http.ResponseWriter, status int, contentType string, value any) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		status = http.StatusInternalServerError
		body.Reset()
	}
	header := w.Header()
	header.Set("Content-Type", contentType)
	header.Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes())
}

// answer sends a use case's result.
func answer(c *gin.Context, status int, value any) {
	writeJSON(c.Writer, status, "application/json", value)
}

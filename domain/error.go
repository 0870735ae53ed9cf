package domain

import (
	"errors"
	"fmt"
)

// Code says what kind of thing went wrong. Callers decide by code, never by message: the REST adapter has an HTTP status for
// each one, and Retryable gives the background worker's verdict.
type Code string

// Every code there is. Codes lists them for the tests that walk all of them.
const (
	Internal        Code = "internal"         // a fault of ours; its text is not for users
	Malformed       Code = "malformed"        // the input cannot be parsed at all
	Invalid         Code = "invalid"          // parsed, but a value is not acceptable; Fields says which
	NotFound        Code = "not_found"        // no such thing, or not this owner's
	Conflict        Code = "conflict"         // contradicts the present state; Reason says how
	TooLarge        Code = "too_large"        // more bytes than allowed
	UnsupportedType Code = "unsupported_type" // a content type that is not on the list
	Forbidden       Code = "forbidden"        // a link whose signature or age is wrong
	Unreadable      Code = "unreadable"       // the document's bytes cannot be turned into text; Reason says why
	NotSupported    Code = "not_supported"    // this backend cannot do that
	Unavailable     Code = "unavailable"      // something we depend on is down or full; worth another try later
	Canceled        Code = "canceled"         // the caller went away
)

// Codes returns every code.
func Codes() []Code {
	return []Code{Internal, Malformed, Invalid, NotFound, Conflict, TooLarge, UnsupportedType, Forbidden, Unreadable,
		NotSupported, Unavailable, Canceled}
}

// Retryable reports whether the same request may succeed later without being changed. An internal error counts: a bounded
// number of further tries costs little, and a fault of ours is often one of the moment.
func (c Code) Retryable() bool {
	switch c {
	case Unavailable, Canceled, Internal:
		return true
	default:
		return false
	}
}

// FieldError names one unacceptable field of the input and says what to do about it.
type FieldError struct {
	Field   string
	Message string
}

// Error is the one error type that crosses a port. Message is written for the person who asked and never holds internals;
// Err is the cause, for logs alone.
type Error struct {
	Code    Code
	Reason  string // machine-readable detail below the code, such as "duplicate_name"; may be empty
	Message string
	Fields  []FieldError
	Err     error
}

// Error returns the message and the cause, for logs.
func (e *Error) Error() string {
	text := e.Message
	if text == "" {
		text = string(e.Code)
	}
	if e.Err != nil {
		return text + ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an error with a message for the person who asked.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Because sets the machine-readable reason and returns the error.
func (e *Error) Because(reason string) *Error {
	e.Reason = reason
	return e
}

// Wrap gives a foreign error a code and a message for the person who asked; the error itself stays for logs. Wrapping nil
// gives nil, so that a caller cannot turn success into failure or failure into success by wrapping the wrong variable.
func Wrap(code Code, err error, message string) error {
	if err == nil {
		return nil
	}
	return &Error{Code: code, Message: message, Err: err}
}

// InvalidField makes an Invalid error that names one field.
func InvalidField(field, format string, args ...any) *Error {
	message := fmt.Sprintf(format, args...)
	return &Error{Code: Invalid, Message: field + ": " + message, Fields: []FieldError{{Field: field, Message: message}}}
}

// ErrorCode returns the outermost code in err's chain, Internal for an error that has none and "" for nil.
func ErrorCode(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}

// ErrorReason returns the reason of the outermost Error in err's chain, or "".
func ErrorReason(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ""
}

// ErrorMessage returns text that is safe to show. An internal error is only ever called that.
func ErrorMessage(err error) string {
	var e *Error
	if errors.As(err, &e) && e.Code != Internal && e.Message != "" {
		return e.Message
	}
	if code := ErrorCode(err); code != Internal {
		return string(code)
	}
	return "something went wrong on our side"
}

package celery

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"
)

// Value is one argument, result or header as it stood on the wire: JSON text, in Python's dialect of it.
type Value []byte

// Decimal is a Python decimal.Decimal: its digits, unrounded.
type Decimal string

// Any decodes the value: nil, bool, json.Number (never rounded), string, []any, map[string]any, float64 for NaN
// and the infinities; and for the types kombu wraps in {"__type__", "__value__"}: []byte, time.Time (a naive one
// is read as UTC), Decimal, uuid.UUID. A wrapped type that is not known stays the two-key map it is.
func (v Value) Any() (any, error) {
	if err := scanDocument(v); err != nil {
		return nil, err
	}
	out, _ := decodeAny(v, skipSpace(v, 0))
	return out, nil
}

// Decode stores the value in dst as encoding/json would. NaN and the infinities, which encoding/json has no word
// for, arrive as null.
func (v Value) Decode(dst any) error {
	err := json.Unmarshal(v, dst)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) && scanDocument(v) == nil {
		return json.Unmarshal(blankNonFinite(v), dst)
	}
	return err
}

// MarshalJSON makes a Value part of a larger document.
func (v Value) MarshalJSON() ([]byte, error) {
	if len(v) == 0 {
		return []byte("null"), nil
	}
	return blankNonFinite(v), nil
}

func blankNonFinite(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); {
		switch {
		case b[i] == '"':
			end, err := scanString(b, i)
			if err != nil {
				return append(out, b[i:]...)
			}
			out, i = append(out, b[i:end]...), end
		case hasWord(b, i, "NaN"):
			out, i = append(out, "null"...), i+3
		case hasWord(b, i, "-Infinity"):
			out, i = append(out, "null"...), i+9
		case hasWord(b, i, "Infinity"):
			out, i = append(out, "null"...), i+8
		default:
			out, i = append(out, b[i]), i+1
		}
	}
	return out
}

// decodeAny reads the value at i of a document that scanDocument accepted.
func decodeAny(b []byte, i int) (any, int) {
	switch c := b[i]; {
	case c == '"':
		end, _ := scanString(b, i)
		return unquote(b[i:end]), end
	case c == '[':
		out := []any{}
		for i = skipSpace(b, i+1); b[i] != ']'; i = skipSpace(b, i) {
			if b[i] == ',' {
				i = skipSpace(b, i+1)
			}
			var v any
			v, i = decodeAny(b, i)
			out = append(out, v)
		}
		return out, i + 1
	case c == '{':
		out := map[string]any{}
		for i = skipSpace(b, i+1); b[i] != '}'; i = skipSpace(b, i) {
			if b[i] == ',' {
				i = skipSpace(b, i+1)
			}
			end, _ := scanString(b, i)
			key := unquote(b[i:end])
			i = skipSpace(b, skipSpace(b, end)+1)
			out[key], i = decodeAny(b, i)
		}
		return unwrapTyped(out), i + 1
	case c == 'n':
		return nil, i + 4
	case c == 't':
		return true, i + 4
	case c == 'f':
		return false, i + 5
	case c == 'N':
		return math.NaN(), i + 3
	case c == 'I':
		return math.Inf(1), i + 8
	case c == '-' && b[i+1] == 'I':
		return math.Inf(-1), i + 9
	default:
		end, _ := scanNumber(b, i)
		return json.Number(b[i:end]), end
	}
}

// unwrapTyped turns kombu's {"__type__": T, "__value__": V} into what it stands for (kombu/utils/json.py).
func unwrapTyped(m map[string]any) any {
	kind, ok := m["__type__"].(string)
	value, has := m["__value__"]
	if !ok || !has || len(m) != 2 {
		return m
	}
	text, _ := value.(string)
	switch kind {
	case "bytes":
		return []byte(text)
	case "base64":
		if raw, err := base64.StdEncoding.DecodeString(text); err == nil {
			return raw
		}
	case "datetime", "date":
		if t, err := parseTime(text); err == nil {
			return t
		}
	case "time":
		return text
	case "decimal":
		return Decimal(text)
	case "uuid":
		if fields, ok := value.(map[string]any); ok {
			hex, _ := fields["hex"].(string)
			if id, err := uuid.Parse(hex); err == nil {
				return id
			}
		}
	}
	return m
}

// parseTime reads the ISO-8601 forms Celery writes: any offset or Z, none meaning UTC, T or a space, any number
// of fractional digits, a bare date.
func parseTime(s string) (time.Time, error) {
	for _, layout := range [...]string{
		"2006-01-02T15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999",
		"2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999",
		"2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02",
	} {
		if t, err := time.ParseInLocation(layout, s, time.UTC); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("not an ISO-8601 time: %.40q", s)
}

// isoTime writes a time as Python's datetime.isoformat does, always with microseconds: the oldest Celery in
// service refuses more digits.
func isoTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000+00:00") }

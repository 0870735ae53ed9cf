package celery

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"sort"
	"strconv"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// appendJSON writes v the way Python's json.dumps does by default: ", " and ": " between things, everything
// outside ASCII escaped. Maps are written in the order of their keys.
func appendJSON(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case string:
		return appendString(dst, v), nil
	case int:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case float64:
		return appendFloat(dst, v), nil
	case json.Number:
		if _, err := scanNumberOnly(string(v)); err != nil {
			return dst, err
		}
		return append(dst, v...), nil
	case Value:
		return appendRaw(dst, v)
	case json.RawMessage:
		return appendRaw(dst, v)
	case Decimal:
		return appendString(dst, string(v)), nil
	case time.Time:
		return appendString(dst, isoTime(v)), nil
	case []Value:
		if v == nil {
			return append(dst, "null"...), nil
		}
		return appendList(dst, v)
	case map[string]Value:
		return appendRaw(dst, objectOf(v))
	case []string:
		return appendList(dst, v)
	case []any:
		return appendList(dst, v)
	case map[string]any:
		return appendMap(dst, v)
	case object:
		return v.append(dst)
	case Signature:
		return v.appendTo(dst)
	case []Signature:
		return appendList(dst, v)
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return dst, fmt.Errorf("encode %T: %w", v, err)
	}
	return appendRaw(dst, buf.Bytes())
}

func scanNumberOnly(s string) (int, error) {
	if s == "" || s[0] != '-' && (s[0] < '0' || s[0] > '9') {
		return 0, syntaxAt(0, "bad number")
	}
	end, err := scanNumber([]byte(s), 0)
	if err == nil && end != len(s) {
		err = syntaxAt(end, "bad number")
	}
	return end, err
}

func appendList[T any](dst []byte, list []T) ([]byte, error) {
	dst = append(dst, '[')
	for i, v := range list {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		var err error
		if dst, err = appendJSON(dst, v); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

func appendMap(dst []byte, m map[string]any) ([]byte, error) {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	o := make(object, len(keys))
	for i, k := range keys {
		o[i] = field{k, m[k]}
	}
	return o.append(dst)
}

// object is a JSON object with an order.
type object []field

type field struct {
	key   string
	value any
}

func (o object) append(dst []byte) ([]byte, error) {
	dst = append(dst, '{')
	for i, f := range o {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(appendString(dst, f.key), ": "...)
		var err error
		if dst, err = appendJSON(dst, f.value); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// get is the value of a key, nil when there is none.
func (o object) get(key string) any {
	for _, f := range o {
		if f.key == key {
			return f.value
		}
	}
	return nil
}

// appendRaw copies a document, with Python's separators and ASCII only.
func appendRaw(dst, b []byte) ([]byte, error) {
	if len(b) == 0 {
		return append(dst, "null"...), nil
	}
	if err := scanDocument(b); err != nil {
		return dst, err
	}
	for i := 0; i < len(b); i++ {
		switch c := b[i]; c {
		case ' ', '\n', '\t', '\r':
		case ',':
			dst = append(dst, ", "...)
		case ':':
			dst = append(dst, ": "...)
		case '"':
			end, _ := scanString(b, i)
			dst = appendASCII(dst, b[i:end])
			i = end - 1
		default:
			dst = append(dst, c)
		}
	}
	return dst, nil
}

// appendASCII copies an already quoted string and escapes what is not ASCII.
func appendASCII(dst, b []byte) []byte {
	for i := 0; i < len(b); {
		if b[i] < utf8.RuneSelf {
			dst = append(dst, b[i])
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		dst, i = appendEscape(dst, r), i+n
	}
	return dst
}

func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			dst, i = appendEscape(dst, r), i+n
			continue
		}
		i++
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\r':
			dst = append(dst, `\r`...)
		case c == '\t':
			dst = append(dst, `\t`...)
		case c == '\b':
			dst = append(dst, `\b`...)
		case c == '\f':
			dst = append(dst, `\f`...)
		case c < 0x20 || c == 0x7f:
			dst = appendEscape(dst, rune(c))
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

func appendEscape(dst []byte, r rune) []byte {
	if r > 0xffff {
		hi, lo := utf16.EncodeRune(r)
		return appendEscape(appendEscape(dst, hi), lo)
	}
	const hex = "0123456789abcdef"
	return append(dst, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
}

// appendFloat writes a float as Python's repr does.
func appendFloat(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	if abs := math.Abs(f); abs != 0 && (abs < 1e-4 || abs >= 1e16) {
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	if bytes.IndexByte(dst[start:], '.') < 0 {
		dst = append(dst, ".0"...)
	}
	return dst
}

// seconds writes a duration as Celery writes numbers of seconds: null for none, an integer when it is whole.
func seconds(d time.Duration) any {
	switch {
	case d <= 0:
		return nil
	case d%time.Second == 0:
		return int64(d / time.Second)
	default:
		return d.Seconds()
	}
}

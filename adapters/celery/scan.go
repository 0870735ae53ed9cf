package celery

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Python's json module writes more than JSON: NaN, Infinity and -Infinity as bare words, and integers of any
// length. The functions of this file read that dialect without re-encoding it, so that what is passed on (a
// retry, a restored message, a result) keeps its bytes.

const (
	maxDepth  = 512       // nesting; Python's own reader gives up near 1000
	maxValues = 2_000_000 // values in one document: bounds the memory a small hostile body can cost
)

var errJSON = errors.New("malformed JSON")

func syntaxAt(i int, what string) error { return fmt.Errorf("%w: %s at offset %d", errJSON, what, i) }

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// scanDocument checks that b is exactly one value.
func scanDocument(b []byte) error {
	if !utf8.Valid(b) {
		return fmt.Errorf("%w: not UTF-8", errJSON)
	}
	budget := maxValues
	i, err := scanValue(b, skipSpace(b, 0), maxDepth, &budget)
	if err != nil {
		return err
	}
	if i = skipSpace(b, i); i != len(b) {
		return syntaxAt(i, "trailing data")
	}
	return nil
}

// scanValue returns the offset just after the value that starts at i.
func scanValue(b []byte, i, depth int, budget *int) (int, error) {
	if *budget--; *budget < 0 {
		return i, fmt.Errorf("%w: more than %d values", errJSON, maxValues)
	}
	if depth == 0 {
		return i, fmt.Errorf("%w: nested deeper than %d", errJSON, maxDepth)
	}
	if i >= len(b) {
		return i, syntaxAt(i, "value missing")
	}
	switch c := b[i]; {
	case c == '"':
		return scanString(b, i)
	case c == '{':
		return scanMembers(b, i, depth, budget, nil)
	case c == '[':
		return scanElements(b, i, depth, budget, nil)
	case c == '-' || c >= '0' && c <= '9':
		return scanNumber(b, i)
	}
	for _, word := range [...]string{"null", "true", "false", "NaN", "Infinity"} {
		if hasWord(b, i, word) {
			return i + len(word), nil
		}
	}
	return i, syntaxAt(i, "unexpected character")
}

func hasWord(b []byte, i int, word string) bool {
	return len(b)-i >= len(word) && string(b[i:i+len(word)]) == word
}

func scanString(b []byte, i int) (int, error) {
	for j := i + 1; j < len(b); j++ {
		switch c := b[j]; {
		case c == '"':
			return j + 1, nil
		case c < 0x20:
			return j, syntaxAt(j, "control character in string")
		case c == '\\':
			j++
			if j >= len(b) {
				return j, syntaxAt(j, "string not closed")
			}
			switch b[j] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				if _, ok := hex4(b, j+1); !ok {
					return j, syntaxAt(j, "bad escape")
				}
				j += 4
			default:
				return j, syntaxAt(j, "bad escape")
			}
		}
	}
	return len(b), syntaxAt(len(b), "string not closed")
}

func hex4(b []byte, i int) (rune, bool) {
	if len(b)-i < 4 {
		return 0, false
	}
	var r rune
	for _, c := range b[i : i+4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

func scanNumber(b []byte, i int) (int, error) {
	start := i
	if b[i] == '-' {
		i++
		if hasWord(b, i, "Infinity") {
			return i + len("Infinity"), nil
		}
	}
	digits := func() int {
		from := i
		for i < len(b) && b[i] >= '0' && b[i] <= '9' {
			i++
		}
		return i - from
	}
	first := i
	if n := digits(); n == 0 || n > 1 && b[first] == '0' {
		return start, syntaxAt(start, "bad number")
	}
	if i < len(b) && b[i] == '.' {
		i++
		if digits() == 0 {
			return start, syntaxAt(start, "bad number")
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if digits() == 0 {
			return start, syntaxAt(start, "bad number")
		}
	}
	return i, nil
}

// member is one member of an object: its key, and where its value lies in the document.
type member struct {
	key        string
	start, end int
}

// scanMembers walks the object at i and appends its members to out unless out is nil.
func scanMembers(b []byte, i, depth int, budget *int, out *[]member) (int, error) {
	i = skipSpace(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1, nil
	}
	for {
		if i >= len(b) || b[i] != '"' {
			return i, syntaxAt(i, "member name expected")
		}
		keyEnd, err := scanString(b, i)
		if err != nil {
			return keyEnd, err
		}
		colon := skipSpace(b, keyEnd)
		if colon >= len(b) || b[colon] != ':' {
			return colon, syntaxAt(colon, "colon expected")
		}
		start := skipSpace(b, colon+1)
		end, err := scanValue(b, start, depth-1, budget)
		if err != nil {
			return end, err
		}
		if out != nil {
			*out = append(*out, member{key: keyName(b[i:keyEnd]), start: start, end: end})
		}
		next, done, err := afterItem(b, skipSpace(b, end), '}')
		if done || err != nil {
			return next, err
		}
		i = next
	}
}

// keyName decodes a member's name; Celery's own cost no allocation.
func keyName(b []byte) string {
	if name, ok := celeryNames[string(b[1:len(b)-1])]; ok {
		return name
	}
	return unquote(b)
}

var celeryNames = func() map[string]string {
	m := map[string]string{}
	for name := range reserved {
		m[name] = name
	}
	for _, name := range []string{"body", "content-encoding", "content-type", "headers", "properties", "correlation_id", "reply_to", "delivery_mode",
		"delivery_info", "exchange", "routing_key", "priority", "body_encoding", "delivery_tag", "callbacks", "errbacks", "chain", "chord", "args", "kwargs"} {
		m[name] = name
	}
	return m
}()

func afterItem(b []byte, i int, closing byte) (next int, done bool, err error) {
	switch {
	case i < len(b) && b[i] == closing:
		return i + 1, true, nil
	case i < len(b) && b[i] == ',':
		return skipSpace(b, i+1), false, nil
	default:
		return i, false, syntaxAt(i, "comma or "+string(closing)+" expected")
	}
}

// unquote decodes a string that scanString accepted. A lone surrogate, which Python writes and JSON forbids,
// becomes U+FFFD.
func unquote(b []byte) string {
	b = b[1 : len(b)-1]
	plain := true
	for _, c := range b {
		if c == '\\' {
			plain = false
			break
		}
	}
	if plain {
		return string(b)
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' {
			out = append(out, b[i])
			continue
		}
		i++
		switch b[i] {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r, _ := hex4(b, i+1)
			i += 4
			if utf16.IsSurrogate(r) {
				low, ok := rune(0), false
				if i+2 < len(b) && b[i+1] == '\\' && b[i+2] == 'u' {
					low, ok = hex4(b, i+3)
				}
				if pair := utf16.DecodeRune(r, low); ok && pair != utf8.RuneError {
					r, i = pair, i+6
				} else {
					r = utf8.RuneError
				}
			}
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, b[i])
		}
	}
	return string(out)
}

// scanElements walks the array at i and appends the bounds of its elements to out unless out is nil.
func scanElements(b []byte, i, depth int, budget *int, out *[][2]int) (int, error) {
	i = skipSpace(b, i+1)
	if i < len(b) && b[i] == ']' {
		return i + 1, nil
	}
	for {
		end, err := scanValue(b, i, depth-1, budget)
		if err != nil {
			return end, err
		}
		if out != nil {
			*out = append(*out, [2]int{i, end})
		}
		next, done, err := afterItem(b, skipSpace(b, end), ']')
		if done || err != nil {
			return next, err
		}
		i = next
	}
}

// members splits a document that is an object. Keys may repeat; the last wins, as in Python.
func members(b []byte) ([]member, error) {
	i := skipSpace(b, 0)
	if i >= len(b) || b[i] != '{' {
		return nil, fmt.Errorf("%w: not an object", errJSON)
	}
	budget := maxValues
	out := make([]member, 0, min(24, 4+len(b)/24))
	end, err := scanMembers(b, i, maxDepth, &budget, &out)
	if err != nil {
		return nil, err
	}
	if end = skipSpace(b, end); end != len(b) {
		return nil, syntaxAt(end, "trailing data")
	}
	return out, nil
}

// elements splits a document that is an array.
func elements(b []byte) ([][2]int, error) {
	i := skipSpace(b, 0)
	if i >= len(b) || b[i] != '[' {
		return nil, fmt.Errorf("%w: not an array", errJSON)
	}
	budget := maxValues
	var out [][2]int
	end, err := scanElements(b, i, maxDepth, &budget, &out)
	if err != nil {
		return nil, err
	}
	if end = skipSpace(b, end); end != len(b) {
		return nil, syntaxAt(end, "trailing data")
	}
	return out, nil
}

func isNull(b []byte) bool { return len(b) == 0 || string(b) == "null" }

func asString(b []byte) (string, bool) {
	if len(b) < 2 || b[0] != '"' {
		return "", false
	}
	return unquote(b), true
}

func asInt(b []byte) (int, bool) {
	n, err := strconv.Atoi(string(b))
	if err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil || f != f || f > 1<<53 || f < -(1<<53) {
		return 0, false
	}
	return int(f), true
}

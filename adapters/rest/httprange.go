package rest

import (
	"math"
	"strconv"
	"strings"

	"github.com/docuvault/docuvault/ports"
)

// parseRange reads a Range header for a document of size bytes (RFC 9110, section 14). Only a single range of bytes is honoured:
// no part at all (nil) means that the header is to be ignored, as the standard says for what a server does not understand and
// allows for several ranges. Outside reports a range that no byte of the document lies in.
func parseRange(header string, size int64) (part *ports.Range, outside bool) {
	unit, spec, ok := strings.Cut(header, "=")
	if !ok || !strings.EqualFold(strings.TrimSpace(unit), "bytes") {
		return nil, false
	}
	first, last, ok := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok {
		return nil, false
	}
	if first == "" { // the last so many bytes
		n, ok := digits(last)
		switch {
		case !ok:
			return nil, false
		case n == 0:
			return nil, true
		}
		n = min(n, size)
		return &ports.Range{Offset: size - n, Length: n}, false
	}
	from, ok := digits(first)
	if !ok {
		return nil, false
	}
	to := int64(math.MaxInt64)
	if last != "" {
		if to, ok = digits(last); !ok || to < from {
			return nil, false
		}
	}
	if from >= size {
		return nil, true
	}
	return &ports.Range{Offset: from, Length: min(to, size-1) - from + 1}, false
}

// digits reads a number of plain digits; one that is too large is the largest.
func digits(s string) (int64, bool) {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	if s == "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return math.MaxInt64, true
	}
	return n, true
}

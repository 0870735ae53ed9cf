package rest

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// A cursor is base64url, without padding, of: version (1 byte, 1), check (8 bytes), id (16 bytes), and the document's value in
// the sort's field (8 bytes big-endian for times in Unix microseconds and for sizes, the text itself for names).
//
// The check is the start of a SHA-256 over the filter, the sort and everything else in the cursor. It binds the cursor to its
// list and catches damage. It is no signature and need not be one: a cursor is a place in a list, not a permission, and a
// forged one leads to another place in the same list. All the same every value is bounded before the database sees it.
const (
	cursorVersion = 1
	cursorHead    = 1 + 8
	cursorFixed   = cursorHead + 16
	maxCursor     = 8 << 10 // characters
)

// encodeCursor makes the cursor of the page that follows position in the query's list.
func encodeCursor(query ports.DocumentQuery, position ports.Position) string {
	raw := make([]byte, cursorHead, cursorFixed+8)
	raw[0] = cursorVersion
	raw = append(raw, position.ID[:]...)
	switch query.Sort {
	case ports.ByName:
		raw = append(raw, position.Name...)
	case ports.BySize:
		raw = binary.BigEndian.AppendUint64(raw, uint64(position.Size)) // sizes are not negative
	default:
		raw = binary.BigEndian.AppendUint64(raw, uint64(position.CreatedAt.UnixMicro())) // read back the same way
	}
	copy(raw[1:cursorHead], cursorCheck(query, raw[cursorHead:]))
	return base64.RawURLEncoding.EncodeToString(raw)
}

// decodeCursor reads a cursor of the query's list; anything else is Malformed.
func decodeCursor(query ports.DocumentQuery, s string) (*ports.Position, error) {
	if len(s) > maxCursor {
		return nil, badCursor()
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(raw) < cursorFixed || raw[0] != cursorVersion {
		return nil, badCursor()
	}
	if subtle.ConstantTimeCompare(raw[1:cursorHead], cursorCheck(query, raw[cursorHead:])) != 1 {
		return nil, badCursor()
	}
	position := &ports.Position{ID: domain.DocumentID(raw[cursorHead:cursorFixed])}
	value := raw[cursorFixed:]
	if query.Sort == ports.ByName {
		position.Name = domain.FileName(value)
		if !utf8.Valid(value) || strings.ContainsRune(string(value), 0) {
			return nil, badCursor()
		}
		return position, nil
	}
	if len(value) != 8 {
		return nil, badCursor()
	}
	number := int64(binary.BigEndian.Uint64(value)) // bounded below
	if query.Sort == ports.BySize {
		position.Size = number
		if number < 0 {
			return nil, badCursor()
		}
		return position, nil
	}
	position.CreatedAt = time.UnixMicro(number).UTC()
	if year := position.CreatedAt.Year(); year < 1 || year > 9999 {
		return nil, badCursor()
	}
	return position, nil
}

func badCursor() error {
	return &domain.Error{Code: domain.Malformed, Reason: "bad_cursor",
		Message: "the cursor does not belong to this list; use one with the same filter and sort as it came from, or start at the first page",
		Fields:  []domain.FieldError{{Field: "cursor", Message: "does not belong to this list"}}}
}

// cursorCheck is taken over everything that selects and orders the list; the limit does neither.
func cursorCheck(query ports.DocumentQuery, payload []byte) []byte {
	folder := "any"
	if query.Folder != nil {
		folder = query.Folder.String()
	}
	h := sha256.New()
	// Of these only the last can hold a NUL-free text of the client's choice, so that no two lists look the same.
	for _, part := range []string{string(query.Sort), string(query.Status), query.Topic.String(), folder, query.Content.String(), query.NameContains} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	h.Write(payload)
	return h.Sum(nil)[:cursorHead-1]
}

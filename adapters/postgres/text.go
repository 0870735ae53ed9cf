package postgres

import (
	"strings"
	"unicode/utf8"
)

// storable drops what PostgreSQL's text cannot hold: NUL and bytes that are not UTF-8. Callers are asked to do so themselves;
// this keeps a bad byte in an error message or in a page of text from losing a whole document.
func storable(s string) string {
	if holds(s) {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}

// holds reports whether text can hold s. What it cannot hold is in no row.
func holds(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// literal makes s match itself in a LIKE pattern.
func literal(s string) string { return likeEscaper.Replace(s) }

var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

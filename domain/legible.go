package domain

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// legible refuses text with a character that no name may hold; those in but are let through.
func legible(field, s, but string) error {
	text := []rune(s)
	for i, r := range text {
		if forbidden(r) && !strings.ContainsRune(but, r) && !joins(text, i) {
			return InvalidField(field, "must not contain control, invisible or text-direction characters (found %U)", r)
		}
	}
	return nil
}

// forbidden reports what no name may hold: controls, line and paragraph separators, noncharacters, and format characters, which
// show nothing themselves, as the soft hyphen and the tags of some flags, or reorder text and so make "exe.pdf" out of
// "fdp.exe". The few format characters that are shown, Arabic and Kaithi number signs, are not among them.
func forbidden(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Noncharacter_Code_Point) || r == utf8.RuneError ||
		unicode.Is(unicode.Cf, r) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r)
}

// joins reports whether text[i] is a joiner or non-joiner (U+200D, U+200C) where writing needs one: between letters or emoji,
// as in Persian and in the emoji of families, or after a mark, with which words of Indic scripts may end.
func joins(text []rune, i int) bool {
	if text[i] != '\u200c' && text[i] != '\u200d' || i == 0 {
		return false
	}
	return unicode.IsMark(text[i-1]) || joinable(text[i-1]) && i+1 < len(text) && joinable(text[i+1])
}

// joinable reports letters and their marks, and emoji with their modifiers of skin.
func joinable(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M, unicode.So, unicode.Sk) && !blank(r)
}

// visible reports whether a reader sees something where r stands alone.
func visible(r rune) bool {
	return !unicode.IsSpace(r) && !unicode.IsMark(r) && !forbidden(r) && !blank(r)
}

// blank reports letters and symbols that are shown as nothing, such as the Hangul fillers and the empty Braille cell.
func blank(r rune) bool {
	return r == '\u2800' || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

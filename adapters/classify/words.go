package classify

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/kljensen/snowball/english"
)

// eachWord calls visit with every word of text in lower case, in order. A word is a run of letters, marks and digits; scripts
// that do not put spaces between words give overlapping pairs of characters instead.
func eachWord(text string, visit func(word string)) {
	start, dense := -1, -1 // where the present word, or run of a script without spaces, began
	flush := func(end int) {
		if start >= 0 {
			visit(strings.ToLower(text[start:end]))
			start = -1
		}
		if dense >= 0 {
			pairs(text[dense:end], visit)
			dense = -1
		}
	}
	for i, r := range text {
		switch {
		case spaceless(r):
			if start >= 0 {
				flush(i)
			}
			if dense < 0 {
				dense = i
			}
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r):
			if dense >= 0 {
				flush(i)
			}
			if start < 0 {
				start = i
			}
		default:
			flush(i)
		}
	}
	flush(len(text))
}

func spaceless(r rune) bool {
	return r >= 0x0e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai)
}

func pairs(run string, visit func(string)) {
	_, first := utf8.DecodeRuneInString(run)
	if first == len(run) {
		visit(run)
		return
	}
	for before, i := 0, first; i < len(run); {
		_, n := utf8.DecodeRuneInString(run[i:])
		visit(run[before : i+n])
		before, i = i, i+n
	}
}

// mostStems is how many stems are remembered: texts use the same words over and over, and a stem costs more than a look-up.
const mostStems = 50_000

// stems remembers what stem returns. It is for one goroutine at a time.
type stems map[string]string

func (s stems) of(word string) string {
	if term, ok := s[word]; ok {
		return term
	}
	term := stem(word)
	if len(word) <= 32 {
		if len(s) >= mostStems {
			clear(s)
		}
		s[strings.Clone(word)] = term // the word itself would keep its whole text alive
	}
	return term
}

// stem reduces an English word to what its inflections share. Words with other letters stay as they are: cutting them by
// English rules would only make different words equal.
func stem(word string) string {
	for i := range len(word) {
		if word[i] >= utf8.RuneSelf {
			return word
		}
	}
	return english.Stem(word, true)
}

// says reports whether a word says anything about a subject. Single letters do not; numbers may (a year).
func says(word string) bool {
	if len(word) < 2 || english.IsStopWord(word) {
		return false
	}
	switch word {
	case "documents", "document", "files", "file", "papers", "things", "stuff", "other", "etc", "related", "various", "everything",
		"anything", "regarding", "concerning", "including", "also", "like", "e.g", "eg", "ie", "belong", "belongs", "may", "must",
		"und", "der", "die", "das", "von", "mit", "für", "oder", "les", "des", "une", "pour", "avec", "del", "los", "las", "por", "para":
		return false
	}
	return true
}

package formats

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// errFull stops a parser: the page takes no more text.
var errFull = errors.New("the page is full")

// composing is how many characters NFC can make one of: it never shrinks text by more, so a page that holds this many times
// its limit has enough to fill the limit afterwards.
const composing = 4

// page collects a document's text up to a limit. It also keeps what is left of the document's other allowances, which all the
// files inside it share.
type page struct {
	text    strings.Builder
	limit   int  // characters of the finished text
	room    int  // characters still taken before normalisation
	owed    bool // a line break before the next text
	omitted bool
	pages   *int
	about   About

	starts    []int // of pages, in bytes of text
	thumbnail []byte

	nesting int   // files around the one that is being read
	entries int   // entries of archives, attachments and parts of messages still read
	inflate int64 // bytes that archives may still inflate to
	sheets  int   // pages still read
	scans   int   // pictures of pages still read
}

func newPage(limits Limits) *page {
	return &page{
		limit: limits.MaxText, room: composing*limits.MaxText + composing,
		entries: limits.MaxEntries, inflate: limits.MaxInflate, sheets: limits.MaxPages, scans: limits.MaxScans,
	}
}

// describe records what the document says about itself. What the files inside it say is theirs.
func (p *page) describe(about About) {
	if p.nesting == 0 {
		p.about = about
	}
}

// count records the number of pages, and returns how many of them may be read.
func (p *page) count(pages int) int {
	pages = max(pages, 0)
	if p.nesting == 0 {
		p.pages = &pages
	}
	read := min(pages, p.sheets)
	p.sheets -= read
	if read < pages {
		p.omitted = true
	}
	return read
}

// beginPage notes that what follows stands on another page. The line break that may come next still belongs to the page before.
func (p *page) beginPage() {
	if p.nesting == 0 {
		p.starts = append(p.starts, p.text.Len())
	}
}

// enter reports whether one more entry may be read.
func (p *page) enter() bool {
	if p.entries <= 0 {
		p.omitted = true
		return false
	}
	p.entries--
	return true
}

// write adds text. It returns errFull once the limit is passed for certain.
func (p *page) write(s string) error {
	if p.owed && s != "" {
		p.owed = false
		if text := p.text.String(); text != "" && text[len(text)-1] != '\n' && s[0] != '\n' {
			s = "\n" + s
		}
	}
	if len(s) > p.room { // at least a byte a character: only now counting is worth it
		n := utf8.RuneCountInString(s)
		if n > p.room {
			p.text.WriteString(firstRunes(s, p.room))
			p.room, p.omitted = 0, true
			return errFull
		}
		p.room -= n
	} else {
		p.room -= utf8.RuneCountInString(s)
	}
	p.text.WriteString(s)
	return nil
}

// breakLine has the next text begin on a line of its own.
func (p *page) breakLine() { p.owed = true }

// empty reports whether nothing was written.
func (p *page) empty() bool { return p.text.Len() == 0 }

// finish cleans, normalises and cuts the text, and reports whether it cut. Starts says where pages begin in it, in characters; a page
// that was cut away has none.
func (p *page) finish() (text string, starts []int, cut bool) {
	raw := p.text.String()
	var done []byte
	at, characters := 0, 0
	// upTo finishes what comes before that byte. Whatever NFC composes across the edge counts for the page before.
	upTo := func(end int) {
		from := len(done)
		done = norm.NFC.AppendString(done, clean(raw[at:end]))
		characters += utf8.RuneCount(done[min(from, len(done)):])
		at = end
	}
	for _, start := range p.starts {
		if start > 0 && start < len(raw) && raw[start] == '\n' {
			start++
		}
		if start > at {
			upTo(start)
		}
		starts = append(starts, characters)
	}
	upTo(len(raw))
	text = string(done)
	if len(text) <= p.limit || characters <= p.limit {
		return text, starts, false
	}
	for len(starts) > 0 && starts[len(starts)-1] >= p.limit {
		starts = starts[:len(starts)-1]
	}
	return firstRunes(text, p.limit), starts, true
}

// firstRunes returns the first n characters of s.
func firstRunes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// clean makes line breaks "\n" and drops what is no text: other control characters, byte-order marks and code points that are
// no characters. Bytes that are not UTF-8 become U+FFFD.
func clean(s string) string {
	if isClean(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	wasCR := false
	for _, r := range s { // an invalid byte ranges as U+FFFD
		cr := wasCR
		wasCR = r == '\r'
		switch {
		case r == '\n' && cr: // the second half of a break already written
		case r == '\n' || r == '\t':
			b.WriteRune(r)
		case r == '\r' || r == '\v' || r == '\f' || r == '\u0085' || r == '\u2028' || r == '\u2029':
			b.WriteByte('\n')
		case isNoise(r):
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// isClean is the fast way out for plain ASCII.
func isClean(s string) bool {
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf-1 || c < ' ' && c != '\n' && c != '\t' {
			return false
		}
	}
	return true
}

func isNoise(r rune) bool {
	return unicode.IsControl(r) || r == '\ufeff' || r&0xfffe == 0xfffe || r >= 0xfdd0 && r <= 0xfdef
}

package formats

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/docuvault/docuvault/ports"
)

// readRTF reads a document in Rich Text Format (Microsoft's specification 1.9.1): the body, headers and footers, footnotes,
// comments and text boxes. What it does not know it passes over, as the format asks of every reader.
func readRTF(r *Reader, data []byte, out *page) error {
	p := newRTF(data, r.limits.MaxDepth, out)
	err := p.run()
	p.about.Title, p.about.Author = p.title.String(), p.author.String()
	out.describe(p.about)
	return err
}

// destination is where the text of a group goes.
type destination int

const (
	toPage destination = iota
	toNowhere
	toFonts
	toTitle
	toAuthor
	toCreated
	toModified
)

// rtfState is what a group inherits from the one around it.
type rtfState struct {
	to      destination
	font    int
	instead int // characters that follow a \u for readers who cannot show it
}

type rtf struct {
	data     []byte
	at       int
	maxDepth int
	stack    []rtfState
	rtfState
	ignorable bool // \* was read: the next word begins a group that may be skipped
	skip      int  // characters still skipped after a \u

	ansi        int         // code page of the document
	defaultFont int         // its number
	fonts       map[int]int // code pages, by the font's number

	run8  []byte // characters of the present code page, not yet decoded: some take two bytes
	page  int    // their code page
	run16 []uint16

	lines         lineWriter
	about         About
	title, author strings.Builder
	clock         [5]int // year, month, day, hour, minute
}

func newRTF(data []byte, maxDepth int, out *page) *rtf {
	return &rtf{
		data: data, maxDepth: maxDepth, rtfState: rtfState{instead: 1}, ansi: 1252, fonts: map[int]int{},
		lines: lineWriter{out: out, pending: "\n"},
	}
}

func (p *rtf) run() error {
	if !bytes.HasPrefix(bytes.TrimLeft(p.data, " \t\r\n\x00"), []byte(`{\rtf`)) {
		return corrupt("the file is damaged: it does not begin as rich text does", nil)
	}
	for p.at < len(p.data) {
		c := p.data[p.at]
		p.at++
		var err error
		switch c {
		case '{':
			if p.stack = append(p.stack, p.rtfState); len(p.stack) > p.maxDepth {
				return unreadable(ports.ReasonTooComplex, "the file nests more than %d groups", p.maxDepth)
			}
			p.skip = 0
		case '}':
			if err = p.flush(); err == nil && p.close() {
				return nil
			}
		case '\\':
			err = p.control()
		case '\r', '\n', 0:
		default:
			err = p.char(c)
		}
		if err != nil {
			return err
		}
	}
	return p.flush()
}

// close ends a group and reports whether it was the outermost.
func (p *rtf) close() bool {
	p.skip, p.ignorable = 0, false
	if len(p.stack) == 0 {
		return true
	}
	outer := p.stack[len(p.stack)-1]
	if outer.to != p.to {
		switch p.to {
		case toCreated:
			p.about.Created = p.moment()
		case toModified:
			p.about.Modified = p.moment()
		}
	}
	p.rtfState, p.stack = outer, p.stack[:len(p.stack)-1]
	return len(p.stack) == 0
}

func (p *rtf) moment() time.Time {
	c := p.clock
	p.clock = [5]int{}
	if c[1] < 1 || c[1] > 12 || c[2] < 1 || c[2] > 31 {
		return time.Time{}
	}
	return time.Date(c[0], time.Month(c[1]), c[2], c[3], c[4], 0, 0, time.UTC)
}

// control reads what follows a backslash.
func (p *rtf) control() error {
	if p.at >= len(p.data) {
		return nil
	}
	c := p.data[p.at]
	if c|0x20 >= 'a' && c|0x20 <= 'z' {
		word, number, has := p.word()
		return p.do(word, number, has)
	}
	p.at++
	switch c {
	case '\'':
		var b [1]byte
		if p.at+2 > len(p.data) {
			return nil
		}
		if _, err := hex.Decode(b[:], p.data[p.at:p.at+2]); err != nil {
			return nil
		}
		p.at += 2
		return p.char(b[0])
	case '*':
		p.ignorable = true
		return nil
	case '~':
		return p.unicode(0xa0)
	case '_':
		return p.unicode(0x2011)
	case '\r', '\n':
		return p.separator("\n")
	case '-', ':', '|':
		return nil
	default:
		return p.char(c)
	}
}

// word reads a control word and its number.
func (p *rtf) word() (word string, number int, has bool) {
	start := p.at
	for p.at < len(p.data) && p.at-start < 32 && p.data[p.at]|0x20 >= 'a' && p.data[p.at]|0x20 <= 'z' {
		p.at++
	}
	word = string(p.data[start:p.at])
	start = p.at
	if p.at < len(p.data) && p.data[p.at] == '-' {
		p.at++
	}
	for p.at < len(p.data) && p.at-start < 11 && p.data[p.at] >= '0' && p.data[p.at] <= '9' {
		p.at++
	}
	number, err := strconv.Atoi(string(p.data[start:p.at]))
	if p.at < len(p.data) && p.data[p.at] == ' ' {
		p.at++
	}
	return word, number, err == nil
}

// kept are groups that readers may skip, but that hold what people see.
var kept = []string{"shpinst", "shptxt", "annotation"}

// skipped are groups that are no text although nothing marks them as such.
var skipped = []string{"colortbl", "stylesheet", "info", "pict", "filetbl", "nonshppict", "sn", "sv", "fontemb", "falt", "panose", "comment", "objdata"}

func (p *rtf) do(word string, number int, has bool) error {
	ignorable := p.ignorable
	p.ignorable = false
	switch {
	case word == "bin":
		p.at = min(len(p.data), p.at+max(number, 0))
		return nil
	case ignorable && !slices.Contains(kept, word), slices.Contains(skipped, word):
		if err := p.flush(); err != nil {
			return err
		}
		p.to = toNowhere
		return nil
	}
	switch word {
	case "fonttbl":
		p.to = toFonts
	case "title":
		return p.enterInfo(toTitle)
	case "author":
		return p.enterInfo(toAuthor)
	case "creatim":
		return p.enterInfo(toCreated)
	case "revtim":
		return p.enterInfo(toModified)
	case "yr", "mo", "dy", "hr", "min":
		p.clock[slices.Index([]string{"yr", "mo", "dy", "hr", "min"}, word)] = number
	case "ansicpg":
		if has {
			p.ansi = number
		}
	case "mac":
		p.ansi = 10000
	case "pc":
		p.ansi = 437
	case "pca":
		p.ansi = 850
	case "deff":
		p.defaultFont = number
		p.font = number
	case "plain":
		p.font = p.defaultFont
	case "f":
		p.font = number
	case "fcharset":
		if p.to == toFonts && len(p.fonts) < 10_000 {
			p.fonts[p.font] = charsetPages[number]
		}
	case "uc":
		p.instead = max(0, min(number, 1000))
	case "u":
		if err := p.unicode(uint16(number)); err != nil {
			return err
		}
		p.skip = p.instead
	case "par", "line", "sect", "page", "row", "nestrow":
		return p.separator("\n")
	case "tab", "cell", "nestcell":
		return p.separator("\t")
	default:
		if c, ok := symbols[word]; ok {
			return p.unicode(c)
		}
	}
	return nil
}

// enterInfo redirects one of the groups inside "info", which is skipped but for these.
func (p *rtf) enterInfo(to destination) error {
	if err := p.flush(); err != nil {
		return err
	}
	if p.to == toNowhere {
		p.to = to
	}
	return nil
}

var symbols = map[string]uint16{
	"emdash": 0x2014, "endash": 0x2013, "bullet": 0x2022, "lquote": 0x2018, "rquote": 0x2019, "ldblquote": 0x201c,
	"rdblquote": 0x201d, "emspace": 0x20, "enspace": 0x20,
}

// char takes one byte of text.
func (p *rtf) char(c byte) error {
	switch {
	case p.skip > 0:
		p.skip--
		return nil
	case p.to == toNowhere || p.to == toFonts:
		return nil
	}
	page := p.ansi
	if of := p.fonts[p.font]; of != 0 {
		page = of
	}
	if page != p.page || len(p.run16) > 0 {
		if err := p.flush(); err != nil {
			return err
		}
		p.page = page
	}
	p.run8 = append(p.run8, c)
	return nil
}

// unicode takes one UTF-16 unit: characters beyond the first plane come as two.
func (p *rtf) unicode(c uint16) error {
	if p.to == toNowhere || p.to == toFonts {
		return nil
	}
	if len(p.run8) > 0 {
		if err := p.flush(); err != nil {
			return err
		}
	}
	p.run16 = append(p.run16, c)
	return nil
}

func (p *rtf) separator(s string) error {
	if p.to != toPage {
		return nil
	}
	if err := p.flush(); err != nil {
		return err
	}
	if s == "\n" {
		p.lines.breakLine()
	} else {
		p.lines.breakCell()
	}
	return nil
}

// flush writes the characters collected so far to where they go.
func (p *rtf) flush() error {
	text := string(utf16.Decode(p.run16))
	if len(p.run8) > 0 {
		text += decodePage(p.page, p.run8)
	}
	p.run8, p.run16 = p.run8[:0], p.run16[:0]
	if text == "" {
		return nil
	}
	switch p.to {
	case toPage:
		return p.lines.text([]byte(text), true)
	case toTitle:
		p.title.WriteString(firstRunes(text, maxAbout))
	case toAuthor:
		p.author.WriteString(firstRunes(text, maxAbout))
	}
	return nil
}

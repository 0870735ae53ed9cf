package formats

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"strings"

	"github.com/docuvault/docuvault/ports"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/net/html/charset"
)

// htmlToken is the largest single token, a run of text or a comment, that is held in memory.
const htmlToken = 32 << 20

// readHTML reads what a browser would show, and the title. It looks at tags one by one and builds no tree: nesting costs
// nothing however deep it is.
func readHTML(_ *Reader, data []byte, out *page) error {
	var about About
	err := readMarkup(data, out, &about)
	out.describe(about)
	return err
}

// readMarkup is readHTML for pages that are only a part of a document.
func readMarkup(data []byte, out *page, about *About) error {
	_, declared, _ := charset.DetermineEncoding(data[:min(len(data), 1024)], "")
	if declared == "windows-1252" {
		declared = "" // also its answer when nothing was declared: let statistics decide
	}
	z := html.NewTokenizer(strings.NewReader(decode(data, declared)))
	z.SetMaxBuf(htmlToken)
	lines := lineWriter{out: out}
	var hidden atom.Atom // the element whose content is not shown
	var title property
	pre := 0
	for {
		switch z.Next() {
		case html.ErrorToken:
			switch {
			case errors.Is(z.Err(), io.EOF):
				return nil
			case errors.Is(z.Err(), html.ErrBufferExceeded):
				return unreadable(ports.ReasonTooComplex, "the page has a single run of more than %d MiB", htmlToken>>20)
			default:
				return corrupt("the page cannot be read as HTML", z.Err())
			}
		case html.TextToken:
			if hidden != 0 {
				continue
			}
			text := z.Text()
			title.add(text)
			if err := lines.text(text, pre > 0); err != nil {
				return err
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			a := atom.Lookup(name)
			switch {
			case hidden != 0:
			case a == atom.Meta, a == atom.Html:
				describeBy(a, z, more, about)
				continue
			case a == atom.Script || a == atom.Style || a == atom.Template:
				if z.Token().Type != html.SelfClosingTagToken {
					hidden = a
				}
			case a == atom.Pre || a == atom.Textarea:
				pre++
				lines.breakLine()
			case a == atom.Td || a == atom.Th:
				lines.breakCell()
			case breaksLine(a):
				lines.breakLine()
			}
			if a == atom.Title && about.Title == "" {
				title.start("title")
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			a := atom.Lookup(name)
			switch {
			case hidden != 0:
				if a == hidden {
					hidden = 0
				}
			case a == atom.Title:
				if _, text := title.end(); text != "" {
					about.Title = text
				}
				lines.breakLine()
			case a == atom.Pre || a == atom.Textarea:
				pre = max(pre-1, 0)
				lines.breakLine()
			case breaksLine(a):
				lines.breakLine()
			}
		}
	}
}

// describeBy takes what the page says about itself in <html lang> and <meta name content>.
func describeBy(a atom.Atom, z *html.Tokenizer, more bool, about *About) {
	values := map[string]string{}
	for more {
		var key, value []byte
		key, value, more = z.TagAttr()
		if len(values) < 64 {
			values[string(key)] = string(value)
		}
	}
	switch {
	case a == atom.Html && about.Language == "":
		about.Language = cmp.Or(values["lang"], values["xml:lang"])
	case a == atom.Meta && strings.EqualFold(values["name"], "author"):
		about.Author = values["content"]
	}
}

// breaksLine lists the elements that start on a line of their own.
func breaksLine(a atom.Atom) bool {
	switch a {
	case atom.Address, atom.Article, atom.Aside, atom.Blockquote, atom.Body, atom.Br, atom.Button, atom.Caption, atom.Center,
		atom.Dd, atom.Details, atom.Dialog, atom.Dir, atom.Div, atom.Dl, atom.Dt, atom.Fieldset, atom.Figcaption, atom.Figure,
		atom.Footer, atom.Form, atom.Frame, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Head, atom.Header,
		atom.Hgroup, atom.Hr, atom.Html, atom.Iframe, atom.Legend, atom.Li, atom.Main, atom.Menu, atom.Nav, atom.Ol,
		atom.Optgroup, atom.Option, atom.P, atom.Section, atom.Select, atom.Summary, atom.Table, atom.Tbody, atom.Tfoot,
		atom.Thead, atom.Title, atom.Tr, atom.Ul:
		return true
	default:
		return false
	}
}

// lineWriter writes words with single spaces, and separators only between words: no blank edges, no empty lines.
type lineWriter struct {
	out     *page
	pending string // separator owed before the next word
}

func (w *lineWriter) breakLine() { w.pending = "\n" }

func (w *lineWriter) breakCell() {
	if w.pending != "\n" {
		w.pending = "\t"
	}
}

func (w *lineWriter) text(b []byte, pre bool) error {
	if pre {
		if err := w.separate(); err != nil {
			return err
		}
		return w.out.write(string(b))
	}
	for len(b) > 0 {
		start := bytes.IndexFunc(b, notSpace)
		if start != 0 && w.pending == "" {
			w.pending = " "
		}
		if start < 0 {
			return nil
		}
		b = b[start:]
		end := bytes.IndexFunc(b, isSpace)
		if end < 0 {
			end = len(b)
		}
		if err := w.separate(); err != nil {
			return err
		}
		if err := w.out.write(string(b[:end])); err != nil {
			return err
		}
		b = b[end:]
	}
	return nil
}

func (w *lineWriter) separate() error {
	sep := w.pending
	w.pending = ""
	if w.out.empty() {
		return nil
	}
	return w.out.write(sep)
}

// isSpace is HTML's notion of white space: a no-break space is not among them.
func isSpace(r rune) bool  { return r == ' ' || r == '\t' || r == '\n' || r == '\r' || r == '\f' }
func notSpace(r rune) bool { return !isSpace(r) }

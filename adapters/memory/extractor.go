package memory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// Extractor is a ports.Extractor in this process that reads plain text and nothing else: every type that begins with "text/"
// as UTF-8. Form feeds make pages of it. A JPEG ("image/jpeg") has no text and is its own thumbnail. A document of the type "unreadable/" and a reason is Unreadable for that reason; all other types are unsupported.
type Extractor struct {
	maxText int

	mu     sync.Mutex
	fail   error
	before func(ctx context.Context, source ports.Source) error
	read   []ports.Source
}

var _ ports.Extractor = (*Extractor)(nil)

// NewExtractor returns an extractor that cuts texts at maxText characters; 0 is 2,000,000.
func NewExtractor(maxText int) *Extractor {
	if maxText <= 0 {
		maxText = 2_000_000
	}
	return &Extractor{maxText: maxText}
}

// Fail makes every Extract return err, before it reads anything, until Fail(nil).
func (x *Extractor) Fail(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.fail = err
}

// Before has hook called ahead of every Extract, without a lock held: it may block, cancel, or return the error that Extract
// then returns. Nil ends it.
func (x *Extractor) Before(hook func(ctx context.Context, source ports.Source) error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.before = hook
}

// Seen returns what Extract was asked to read so far, in order. The contents are used up.
func (x *Extractor) Seen() []ports.Source {
	x.mu.Lock()
	defer x.mu.Unlock()
	return append([]ports.Source(nil), x.read...)
}

// Extract implements ports.Extractor.
func (x *Extractor) Extract(ctx context.Context, source ports.Source) (ports.Extraction, error) {
	x.mu.Lock()
	x.read = append(x.read, source)
	hook, planned := x.before, x.fail
	x.mu.Unlock()
	if hook != nil {
		if err := hook(ctx, source); err != nil {
			return ports.Extraction{}, err
		}
	}
	if planned != nil {
		return ports.Extraction{}, planned
	}
	var b strings.Builder
	if _, err := io.Copy(&b, contextReader{ctx, source.Content}); err != nil {
		if ended := contextError(ctx); ended != nil {
			return ports.Extraction{}, ended
		}
		return ports.Extraction{}, fmt.Errorf("read the document: %w", err)
	}
	if err := contextError(ctx); err != nil {
		return ports.Extraction{}, err
	}
	if reason, ok := strings.CutPrefix(source.ContentType, "unreadable/"); ok {
		return ports.Extraction{}, domain.Errorf(domain.Unreadable, "the document is %s", reason).Because(reason)
	}
	if source.ContentType == "image/jpeg" {
		return ports.Extraction{Thumbnail: []byte(b.String())}, nil
	}
	if !strings.HasPrefix(source.ContentType, "text/") {
		return ports.Extraction{}, domain.Errorf(domain.Unreadable, "%s cannot be read", source.ContentType).Because(ports.ReasonUnsupported)
	}
	got := x.pages(strings.Split(b.String(), "\f"))
	if strings.EqualFold(path.Ext(string(source.Name)), ".exe") {
		got.Warning = "the file is called a program"
	}
	return got, nil
}

// pages is the extraction of a text on these pages; one page is a text without pages.
func (x *Extractor) pages(pages []string) ports.Extraction {
	var text string
	var starts []int
	for i, page := range pages {
		if i > 0 {
			text += "\n"
		}
		starts = append(starts, utf8.RuneCountInString(text))
		text += plainText(page)
	}
	short := cutAt(text, x.maxText)
	got := ports.Extraction{Text: short, Truncated: len(short) < len(text)}
	if count := len(pages); count > 1 {
		got.PageCount = &count
		got.PageStarts = slices.DeleteFunc(starts, func(start int) bool { return got.Truncated && start >= x.maxText })
	}
	return got
}

// plainText is what every extractor does to text: UTF-8 in NFC whose only control characters are "\n" and "\t".
func plainText(s string) string {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.ToValidUTF8(s, "\ufffd"))
	s = strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || r == '\ufeff') {
			return -1
		}
		return r
	}, s)
	return norm.NFC.String(s)
}

func cutAt(s string, characters int) string {
	if utf8.RuneCountInString(s) <= characters {
		return s
	}
	for i := range s {
		if characters == 0 {
			return s[:i]
		}
		characters--
	}
	return s
}

// contextReader stops reading when ctx ends.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func (r contextReader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.Reader.Read(b)
	if err != nil && !errors.Is(err, io.EOF) && r.ctx.Err() != nil {
		err = r.ctx.Err()
	}
	return n, err
}

package formats

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/saintfish/chardet"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// sample is how much of a text the statistics look at.
const sample = 64 << 10

// decode turns bytes of an unknown charset into UTF-8. In this order: a byte-order mark; valid UTF-8 over the whole; UTF-16
// without a mark, told by its zero bytes; the charset that the document declares, if any; statistics; Windows-1252, where
// every byte means something.
func decode(data []byte, declared string) string {
	if e, skip := byMark(data); e != nil {
		return decodeAs(e, data[skip:])
	}
	zeros := utf16Zeros(data)
	switch {
	case zeros != nil:
		return decodeAs(zeros, data)
	case utf8.Valid(data):
		return string(data)
	}
	if e, err := htmlindex.Get(declared); err == nil && declared != "" {
		return decodeAs(e, data)
	}
	return decodeAs(byStatistics(data), data)
}

func decodeAs(e encoding.Encoding, data []byte) string {
	text, err := e.NewDecoder().Bytes(data)
	if err != nil { // decoders replace what they cannot read; whatever remains is replaced here
		text = bytes.ToValidUTF8(data, []byte("\ufffd"))
	}
	return string(text)
}

func byMark(data []byte) (encoding.Encoding, int) {
	switch {
	case bytes.HasPrefix(data, []byte{0xef, 0xbb, 0xbf}):
		return unicode.UTF8, 3
	case bytes.HasPrefix(data, []byte{0xff, 0xfe, 0, 0}):
		return utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), 4
	case bytes.HasPrefix(data, []byte{0, 0, 0xfe, 0xff}):
		return utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM), 4
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}):
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), 2
	case bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), 2
	default:
		return nil, 0
	}
}

// utf16Zeros recognises Latin text in UTF-16: nearly every other byte is zero, always the same one of the pair.
func utf16Zeros(data []byte) encoding.Encoding {
	head := data[:min(len(data), 4<<10)&^1]
	if len(head) < 8 || len(data)%2 != 0 {
		return nil
	}
	var even, odd int
	for i := 0; i < len(head); i += 2 {
		if head[i] == 0 {
			even++
		}
		if head[i+1] == 0 {
			odd++
		}
	}
	pairs := len(head) / 2
	switch {
	case odd*10 >= pairs*7 && even*20 <= pairs:
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	case even*10 >= pairs*7 && odd*20 <= pairs:
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	default:
		return nil
	}
}

// byStatistics asks a detector, whose verdicts are put in one order: it finds them concurrently and leaves ties to chance.
func byStatistics(data []byte) encoding.Encoding {
	fallback, _ := htmlindex.Get("windows-1252")
	found, err := chardet.NewTextDetector().DetectAll(data[:min(len(data), sample)])
	if err != nil {
		return fallback
	}
	slices.SortFunc(found, func(a, b chardet.Result) int {
		return cmp.Or(cmp.Compare(b.Confidence, a.Confidence), cmp.Compare(a.Charset, b.Charset))
	})
	for _, result := range found {
		name := strings.ToLower(result.Charset)
		if name == "gb-18030" {
			name = "gb18030"
		}
		switch {
		case strings.HasPrefix(name, "utf-16"), strings.HasPrefix(name, "utf-32"):
			continue // without a mark or zero bytes it is none
		case name == "utf-8" && result.Confidence < 50:
			continue // it is not valid; a long text with few errors is meant to be
		}
		if e, err := htmlindex.Get(name); err == nil {
			return e
		}
	}
	return fallback
}

package formats

import (
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
)

// charsetPages maps Windows' numbers of character sets (fcharset in RTF) to code pages. Those that are missing are the
// document's own.
var charsetPages = map[int]int{
	77: 10000, 128: 932, 129: 949, 134: 936, 136: 950, 161: 1253, 162: 1254, 163: 1258, 177: 1255, 178: 1256, 186: 1257,
	204: 1251, 222: 874, 238: 1250, 254: 437, 255: 850,
}

var pageNames = map[int]string{
	874: "windows-874", 932: "shift_jis", 936: "gbk", 949: "euc-kr", 950: "big5", 1250: "windows-1250", 1251: "windows-1251",
	1252: "windows-1252", 1253: "windows-1253", 1254: "windows-1254", 1255: "windows-1255", 1256: "windows-1256",
	1257: "windows-1257", 1258: "windows-1258", 10000: "macintosh", 20127: "windows-1252", 20866: "koi8-r", 28591: "windows-1252",
	28592: "iso-8859-2", 28605: "iso-8859-15", 50220: "iso-2022-jp", 51932: "euc-jp", 54936: "gb18030", 65001: "utf-8",
}

// codePage returns one of Windows' code pages, 1252 for one that is not known.
func codePage(number int) encoding.Encoding {
	switch number {
	case 437:
		return charmap.CodePage437
	case 850:
		return charmap.CodePage850
	case 852:
		return charmap.CodePage852
	case 866:
		return charmap.CodePage866
	}
	if e, err := htmlindex.Get(pageNames[number]); err == nil {
		return e
	}
	return charmap.Windows1252
}

func decodePage(number int, b []byte) string { return decodeAs(codePage(number), b) }

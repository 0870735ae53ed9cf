package rest

import (
	"strings"

	"github.com/docuvault/docuvault/domain"
)

// contentDisposition says how a browser treats a document and what it calls it when saving (RFC 6266). The plain filename is
// ASCII that every client understands; a name that this cannot say follows in filename* (RFC 8187).
func contentDisposition(contentType string, name domain.FileName) string {
	disposition := "attachment"
	if showsInline(contentType) {
		disposition = "inline"
	}
	var plain, encoded strings.Builder
	exact := true
	for _, r := range string(name) {
		if r < 0x20 || r > 0x7e || r == '"' || r == '\\' || r == '%' || r == '/' { // some clients decode "%", some split at slashes
			plain.WriteByte('_')
			exact = false
		} else {
			plain.WriteRune(r)
		}
	}
	if plain.Len() == 0 {
		return disposition
	}
	out := disposition + `; filename="` + plain.String() + `"`
	if exact {
		return out
	}
	const hex = "0123456789ABCDEF"
	for _, b := range []byte(strings.ToValidUTF8(string(name), "_")) {
		if isAttrChar(b) {
			encoded.WriteByte(b)
		} else {
			encoded.WriteByte('%')
			encoded.WriteByte(hex[b>>4])
			encoded.WriteByte(hex[b&15])
		}
	}
	return out + "; filename*=UTF-8''" + encoded.String()
}

// isAttrChar reports the bytes that RFC 8187 lets stand for themselves.
func isAttrChar(b byte) bool {
	switch {
	case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9':
		return true
	default:
		return strings.IndexByte("!#$&+-.^_`|~", b) >= 0
	}
}

// showsInline reports the content types a browser may show in place: those in which nothing can run. All others, HTML, SVG, XML
// and scripts above all, are saved to a file.
func showsInline(contentType string) bool {
	switch contentType {
	case pdfType, "text/plain", "image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/tiff", "image/avif":
		return true
	default:
		return false
	}
}

const pdfType = "application/pdf"

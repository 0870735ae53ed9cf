package filetype

// DefaultTypes returns the content types that a vault accepts unless it is told otherwise: what an office or a household has.
// Some are kept although no text can be read from them. What is missing on purpose: programs and scripts of every kind, SVG
// (a program to a browser), audio and video.
func DefaultTypes() []string {
	return []string{
		"application/epub+zip",
		"application/json",
		"application/msword", // .doc
		"application/pdf",
		"application/rtf",
		"application/vnd.ms-excel",      // .xls
		"application/vnd.ms-outlook",    // .msg
		"application/vnd.ms-powerpoint", // .ppt
		"application/vnd.oasis.opendocument.presentation",
		"application/vnd.oasis.opendocument.spreadsheet",
		"application/vnd.oasis.opendocument.text",
		typePPTX,
		typeXLSX,
		typeDOCX,
		"application/x-ndjson",
		"application/xml",
		"application/zip",
		"image/bmp",
		"image/gif",
		"image/heic",
		"image/heif",
		"image/jpeg",
		"image/png",
		"image/tiff",
		"image/webp",
		"message/rfc822", // .eml
		"text/calendar",
		"text/csv",
		"text/html",
		"text/markdown",
		"text/plain",
		"text/tab-separated-values",
		"text/vcard",
	}
}

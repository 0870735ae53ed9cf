package extract

import (
	"path"
	"slices"
	"strings"

	"github.com/docuvault/docuvault/domain"
)

// warning says what is dangerous about a file's name: it ends like a program that the system would run, or it promises a kind
// that cannot do harm while the bytes are one that can. Names that are merely wrong are left alone.
func warning(contentType string, name domain.FileName) string {
	ext := strings.ToLower(path.Ext(strings.TrimRight(string(name), " .")))
	switch {
	case slices.Contains(programs, ext):
		return "the file's name ends in " + ext + ", which computers run as a program"
	case active[contentType] != "" && slices.Contains(passive, ext):
		return "the file is called " + ext + " but is " + active[contentType]
	case strings.ContainsAny(string(name), "\u202a\u202b\u202d\u202e\u2066\u2067\u2068"):
		return "the file's name holds characters that hide how it ends"
	default:
		return ""
	}
}

// programs are the endings that desktop systems run when they are opened.
var programs = []string{
	".app", ".apk", ".bat", ".cmd", ".com", ".cpl", ".desktop", ".dll", ".exe", ".hta", ".iso", ".jar", ".js", ".jse", ".lnk", ".msi",
	".pif", ".ps1", ".reg", ".scr", ".sh", ".url", ".vbe", ".vbs", ".wsf",
}

// active are the types that may do something when they are opened.
var active = map[string]string{
	"text/html":             "a web page",
	"application/xhtml+xml": "a web page",
	"image/svg+xml":         "a drawing that may hold a program",
	"application/zip":       "an archive",
	"application/msword":    "an office document that may hold macros",
}

// passive are the endings of files that people open without a thought.
var passive = []string{
	".pdf", ".txt", ".csv", ".tsv", ".md", ".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".heic", ".epub", ".rtf", ".docx",
	".xlsx", ".pptx", ".odt", ".ods", ".odp",
}

package domain

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Longest names, in characters after normalisation. File names have a limit in bytes, because people download them to
// file systems that have one.
const (
	MaxFileNameBytes  = 255
	MaxFolderName     = 200
	MaxTopicName      = 100
	MaxTopicDescribed = 2000
)

// FileName is what a person calls a document: one line of visible NFC text, safe to show, and one path segment on Linux and
// macOS. Windows cannot save under every such name (none of <>:"|?* may be in one, nor a dot at the end), but they are ordinary
// on the other two, so they are kept: a client that saves a download replaces what its system refuses (RFC 6266, section 4.3).
// What names a device on Windows is refused, for there it would be read or written to instead.
type FileName string

// FolderName is what a person calls a folder. It keeps the rules of FileName.
type FolderName string

// TopicName is what a person calls a topic: one line of visible NFC text.
type TopicName string

// Color is a topic's colour as #rrggbb in lower case.
type Color string

// DefaultColor is a new topic's colour.
const DefaultColor Color = "#6366f1"

var hexColor = regexp.MustCompile(`^#[0-9a-f]{6}$`)

// NewFileName validates and normalises a document's name. Some browsers send a whole path: only a bare name is accepted, the
// caller decides what to strip.
func NewFileName(s string) (FileName, error) {
	const field = "filename"
	s, err := cleanSegment(field, s)
	if err != nil {
		return "", err
	}
	if len(s) > MaxFileNameBytes {
		return "", InvalidField(field, "must be at most %d bytes long, this one has %d", MaxFileNameBytes, len(s))
	}
	return FileName(s), nil
}

// NewFolderName validates and normalises a folder's name.
func NewFolderName(s string) (FolderName, error) {
	const field = "name"
	s, err := cleanSegment(field, s)
	if err != nil {
		return "", err
	}
	if n := utf8.RuneCountInString(s); n > MaxFolderName {
		return "", InvalidField(field, "must be at most %d characters long, this one has %d", MaxFolderName, n)
	}
	return FolderName(s), nil
}

// NewTopicName validates and normalises a topic's name. A topic is no path segment: a slash is fine in it.
func NewTopicName(s string) (TopicName, error) {
	const field = "name"
	s, err := cleanLine(field, s)
	if err != nil {
		return "", err
	}
	if n := utf8.RuneCountInString(s); n > MaxTopicName {
		return "", InvalidField(field, "must be at most %d characters long, this one has %d", MaxTopicName, n)
	}
	return TopicName(s), nil
}

// NewTopicDescription validates and normalises a topic's description, which may be empty and may have several lines.
func NewTopicDescription(s string) (string, error) {
	const field = "description"
	if !utf8.ValidString(s) {
		return "", InvalidField(field, "must be valid UTF-8")
	}
	s = norm.NFC.String(strings.ReplaceAll(s, "\r\n", "\n"))
	if err := legible(field, s, "\n\t"); err != nil {
		return "", err
	}
	s = strings.TrimSpace(s)
	if n := utf8.RuneCountInString(s); n > MaxTopicDescribed {
		return "", InvalidField(field, "must be at most %d characters long, this one has %d", MaxTopicDescribed, n)
	}
	return s, nil
}

// NewColor validates a colour, #rrggbb in either case; the empty string is DefaultColor.
func NewColor(s string) (Color, error) {
	if s == "" {
		return DefaultColor, nil
	}
	lower := strings.ToLower(s)
	if !hexColor.MatchString(lower) {
		return "", InvalidField("color", "must look like #6366f1")
	}
	return Color(lower), nil
}

// cleanLine accepts one line of visible text, trimmed and in NFC.
func cleanLine(field, s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", InvalidField(field, "must be valid UTF-8")
	}
	s = norm.NFC.String(s)
	// Characters are judged before trimming: a line break at the end is an error, not white space.
	if err := legible(field, s, ""); err != nil {
		return "", err
	}
	if !strings.ContainsFunc(s, visible) {
		return "", InvalidField(field, "must not be empty")
	}
	return strings.TrimSpace(s), nil
}

// cleanSegment accepts a line that is also one path segment on Linux and macOS, and no device on Windows.
func cleanSegment(field, s string) (string, error) {
	s, err := cleanLine(field, s)
	if err != nil {
		return "", err
	}
	if strings.ContainsAny(s, `/\`) {
		return "", InvalidField(field, `must not contain "/" or "\"`)
	}
	// Windows drops dots at the end, and of "..." leaves what it leaves of ".".
	if strings.Trim(s, ". ") == "" {
		return "", InvalidField(field, "must not be %q", s)
	}
	if reserved(s) {
		return "", InvalidField(field, "%q is a device name on Windows; choose another", s)
	}
	return s, nil
}

// reserved reports the names Windows keeps for devices, alone or before a dot or a colon
// (learn.microsoft.com/windows/win32/fileio/naming-a-file).
func reserved(s string) bool {
	stem := strings.ToLower(s)
	if end := strings.IndexAny(stem, ".:"); end >= 0 {
		stem = stem[:end]
	}
	stem = strings.TrimRight(stem, " ")
	switch stem {
	case "con", "prn", "aux", "nul", "conin$", "conout$":
		return true
	}
	if rest, ok := strings.CutPrefix(stem, "com"); ok {
		return deviceNumber(rest)
	}
	if rest, ok := strings.CutPrefix(stem, "lpt"); ok {
		return deviceNumber(rest)
	}
	return false
}

func deviceNumber(s string) bool {
	return len(s) == 1 && s[0] >= '1' && s[0] <= '9' || s == "¹" || s == "²" || s == "³"
}

package domain

import (
	"regexp"
	"strings"
	"unicode"
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

// FileName is what a person calls a document: one path segment of NFC text, safe to show and to save under on any system.
type FileName string

// FolderName is what a person calls a folder: one path segment of NFC text.
type FolderName string

// TopicName is what a person calls a topic: one line of NFC text.
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
	s = strings.TrimSpace(norm.NFC.String(strings.ReplaceAll(s, "\r\n", "\n")))
	for _, r := range s {
		if r != '\n' && r != '\t' && forbidden(r) {
			return "", InvalidField(field, "must not contain control or text-direction characters (found %U)", r)
		}
	}
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
	// Characters are judged before trimming: a line break at the end is an error, not white space.
	for _, r := range s {
		if forbidden(r) {
			return "", InvalidField(field, "must not contain control or text-direction characters (found %U)", r)
		}
	}
	s = strings.TrimSpace(norm.NFC.String(s))
	if s == "" {
		return "", InvalidField(field, "must not be empty")
	}
	return s, nil
}

// cleanSegment accepts a line that is also safe as one path segment on Linux, macOS and Windows.
func cleanSegment(field, s string) (string, error) {
	s, err := cleanLine(field, s)
	if err != nil {
		return "", err
	}
	if strings.ContainsAny(s, `/\`) {
		return "", InvalidField(field, `must not contain "/" or "\"`)
	}
	if s == "." || s == ".." {
		return "", InvalidField(field, "must not be %q", s)
	}
	if reserved(s) {
		return "", InvalidField(field, "%q is a device name on Windows; choose another", s)
	}
	return s, nil
}

// forbidden reports characters that no name may hold: controls, line and paragraph separators, the byte-order mark, and the
// characters that reorder text and so make "exe.pdf" out of "fdp.exe".
func forbidden(r rune) bool {
	switch {
	case unicode.IsControl(r), r == '\u2028', r == '\u2029', r == '\ufeff', r == utf8.RuneError:
		return true
	case r == '\u061c', r == '\u200e', r == '\u200f', r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
		return true
	default:
		return false
	}
}

// reserved reports the names Windows keeps for devices, with or without an extension.
func reserved(s string) bool {
	stem, _, _ := strings.Cut(strings.ToLower(s), ".")
	stem = strings.TrimRight(stem, " ")
	switch stem {
	case "con", "prn", "aux", "nul":
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

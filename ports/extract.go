package ports

import (
	"context"
	"io"
	"time"

	"github.com/docuvault/docuvault/domain"
)

// Extractor reads the text out of a document's bytes. extracttest.Run holds every promise against every implementation.
type Extractor interface {
	// Extract reads source.Content from where it stands to io.EOF, at most once, and does not close it. What is wrong with the
	// document is Unreadable with a message for its owner and one of the reasons below; the document is then beyond reading and
	// another try would end the same way. What is wrong with us is Unavailable. An error of the reader's own is passed on,
	// wrapped. When ctx ends, Extract returns soon with ctx's error wrapped, and nothing it started lives on.
	//
	// The same bytes give the same text. The text is valid UTF-8 without NUL, in NFC, and at most the configured length; a
	// longer one is cut between characters and Truncated is set. A document without text gives "" and no error. What is read of
	// files inside the document, attachments and entries of archives, is part of its text; one of them that cannot be read is
	// left out and no error.
	Extract(ctx context.Context, source Source) (Extraction, error)
}

// Reasons of Unreadable errors.
const (
	ReasonEncrypted   = "encrypted"   // needs a password
	ReasonCorrupt     = "corrupt"     // cannot be parsed as what it claims to be
	ReasonTooComplex  = "too_complex" // hits a limit on size, depth, entries or memory
	ReasonTimeout     = "timeout"     // took longer than a document may
	ReasonCrashed     = "crashed"     // made the parser crash
	ReasonUnsupported = "unsupported" // a type that this vault keeps but cannot read
)

// Source is a document to read.
type Source struct {
	Owner       domain.Owner // documents of two owners never meet in one process
	Name        domain.FileName
	ContentType string // as TypeDetector found it
	Size        int64  // bytes
	Content     io.Reader
}

// Extraction is what was read. What a file says about itself may be wrong; where it says nothing the field is zero. Its texts
// are one line of valid UTF-8 in NFC without control characters.
type Extraction struct {
	Text      string
	Truncated bool // text, pages or files inside were left out because of a limit
	PageCount *int // nil where the format has no pages

	// PageStarts says where in Text each page begins, in characters (Unicode code points), never falling; the first is 0. A page
	// that a limit left out has no entry. Nil where the format has no pages.
	PageStarts []int
	// Thumbnail is a picture of the first page or of the image: a JPEG of at most ThumbnailSize pixels either way. Nil where
	// there is nothing to show.
	Thumbnail []byte

	Title    string    // at most MaxTitle characters
	Author   string    // at most MaxTitle characters
	Language string    // a BCP 47 tag, such as "de" or "en-GB"; where the file says none, what its text is in if that is clear
	Created  time.Time // UTC, whole seconds
	Modified time.Time // UTC, whole seconds

	// Warning says, for the owner, what is dangerous about the document's name: that it hides a kind of file which can do harm
	// where it is opened. A name that is merely wrong gives none.
	Warning string
}

// ThumbnailSize is the longest side of a thumbnail, in pixels.
const ThumbnailSize = 512

// MaxTitle is the longest title or author, in characters.
const MaxTitle = 500

// Classifier says which of the owner's topics a text belongs under. classifytest.Run holds every promise.
type Classifier interface {
	// Name says which classifier it is, for people and logs.
	Name() string

	// Classify returns suggestions for some of the topics, best first, each at most once, with confidences from 0 to 1. No text,
	// no topics or nothing that fits give none. The same input gives the same suggestions.
	Classify(ctx context.Context, text string, topics []domain.Topic) ([]domain.Suggestion, error)
}

// TypeDetector finds a document's content type from its first bytes, helped by its name only where the bytes leave it open
// (plain text that may be CSV or Markdown). It returns a bare media type in lower case, "application/octet-stream" when it
// cannot tell. Head holds the first DetectBytes bytes, or the whole document if it is shorter; it is left as it is. The same head
// and name always have the same type. typetest.Run holds every promise. It is safe for concurrent use.
type TypeDetector interface {
	DetectType(head []byte, name domain.FileName) string
}

// DetectBytes is how much of a document a TypeDetector is shown.
const DetectBytes = 32 << 10

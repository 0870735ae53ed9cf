package memory

import (
	"bytes"
	"unicode/utf8"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// Types implements ports.TypeDetector for tests: it knows text and nothing else. It is safe for concurrent use.
type Types struct{}

var _ ports.TypeDetector = Types{}

// DetectType implements ports.TypeDetector: UTF-8 without NUL is text, whatever its name.
func (Types) DetectType(head []byte, _ domain.FileName) string {
	head = head[:min(len(head), ports.DetectBytes)]
	if len(head) == 0 || !utf8.Valid(head) || bytes.IndexByte(head, 0) >= 0 {
		return "application/octet-stream"
	}
	return "text/plain"
}

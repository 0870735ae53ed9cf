package extract

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/docuvault/docuvault/adapters/extract/formats"
)

// What parent and child say to each other over two pipes:
//
//	parent: hello                          once; the child applies the limits
//	child:  ready                          once
//	parent: request, chunk…, end of bytes  for each document
//	child:  look, pixels                   for each picture, where the parent has those read
//	parent: sight, text                    for each of them
//	child:  reply, text, thumbnail, page starts
//
// A message is a length (4 bytes, big endian) and that many bytes of JSON. A chunk is a length and that many bytes of the
// document; length 0 ends the document, length abandoned takes it back, and there is then no reply. A reply that says no more than
// that the child is alive has nothing behind it, and another one follows; one with a look has the picture's pixels, a byte each. A page start is 4 bytes, big endian.

// abandoned in place of a chunk's length means that the document will not be finished.
const abandoned = 1<<32 - 1

// Largest message and chunk that either side believes in.
const (
	maxMessage = 64 << 10
	chunkSize  = 64 << 10
)

// magic tells a worker from some other program that Command names by mistake.
const magic = "docuvault extraction worker 3"

type hello struct {
	Magic    string          `json:"magic"`
	Limits   formats.Limits  `json:"limits"`
	MaxInput int64           `json:"max_input"`
	Memory   int64           `json:"memory"`
	Setup    formats.Setup   `json:"setup"`
	Engines  formats.Engines `json:"engines,omitempty"` // to load, which fills the cache
}

type ready struct {
	Magic  string   `json:"magic"`
	Layers []string `json:"layers"` // the protections that are active
}

type request struct {
	ContentType string `json:"content_type"`
	Size        int64  `json:"size"` // a hint
}

// look is a picture that the parent is to have read.
type look struct {
	Width      int `json:"width"`
	Height     int `json:"height"`
	Resolution int `json:"resolution,omitempty"` // pixels per inch, if known
}

// sight is what was seen in a picture.
type sight struct {
	Reason     string `json:"reason,omitempty"` // why it could not be read
	Confidence int    `json:"confidence,omitempty"`
	Text       int    `json:"text"` // bytes that follow
}

type reply struct {
	Reason    string `json:"reason,omitempty"`  // of an Unreadable document
	Message   string `json:"message,omitempty"` // for its owner
	Fault     string `json:"fault,omitempty"`   // what is wrong with us, for logs
	Cause     string `json:"cause,omitempty"`   // of the reason, for logs
	Last      bool   `json:"last,omitempty"`    // the child wants to be replaced
	Truncated bool   `json:"truncated,omitempty"`
	Pages     *int   `json:"pages,omitempty"`
	Alive     bool   `json:"alive,omitempty"`     // the document takes its time
	Look      *look  `json:"look,omitempty"`      // the document has a picture
	Text      int    `json:"text"`                // bytes that follow
	Thumbnail int    `json:"thumbnail,omitempty"` // bytes that follow
	Starts    int    `json:"starts,omitempty"`    // page starts that follow
	formats.About
}

func writeLength(w *bufio.Writer, n uint32) error {
	_, err := w.Write(binary.BigEndian.AppendUint32(w.AvailableBuffer(), n))
	return err
}

func readLength(r io.Reader) (uint32, error) {
	var b [4]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint32(b[:]), nil
}

func writeMessage(w *bufio.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(b) > maxMessage {
		return errors.New("message too long")
	}
	if err := writeLength(w, uint32(len(b))); err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}

func readMessage(r io.Reader, v any) error {
	n, err := readLength(r)
	if err != nil {
		return err
	}
	if n > maxMessage {
		return fmt.Errorf("a message of %d bytes is not ours", n)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

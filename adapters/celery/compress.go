package celery

import (
	"bytes"
	"compress/bzip2"
	"compress/zlib"
	"errors"
	"fmt"
	"io"

	"github.com/ulikunitz/xz"
)

var errTooLarge = errors.New("inflates past the limit")

// inflate undoes a compression by kombu's name for it (kombu/compression.py). What kombu calls gzip is a zlib
// stream. At most limit bytes are produced; memory is bounded by it.
func inflate(kind string, b []byte, limit int64) ([]byte, error) {
	var r io.Reader
	var err error
	switch kind {
	case "application/x-gzip":
		r, err = zlib.NewReader(bytes.NewReader(b))
	case "application/x-bz2":
		r = bzip2.NewReader(bytes.NewReader(b))
	case "application/x-lzma":
		r, err = xz.ReaderConfig{DictCap: 8 << 20, SingleStream: true}.NewReader(bytes.NewReader(b))
	default:
		return nil, fmt.Errorf("unknown compression")
	}
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(out)) > limit {
		return nil, errTooLarge
	}
	return out, nil
}

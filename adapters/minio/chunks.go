package minio

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"io"
	"sync"
)

// chunkSize is in bytes: what the shortest body of unknown length costs, and by how much a buffer grows.
const chunkSize = 64 << 10

// chunkPool lends chunks to all uploads of a store.
type chunkPool struct{ free sync.Pool }

func newChunkPool() *chunkPool {
	return &chunkPool{free: sync.Pool{New: func() any { return new([chunkSize]byte) }}}
}

// spool holds bytes that were read, in as many chunks as they need.
type spool struct {
	pool   *chunkPool
	chunks []*[chunkSize]byte
	size   int64
}

// fill reads r until limit bytes are held. It returns io.EOF if r ended before or with them, so far as r said so.
func (s *spool) fill(ctx context.Context, r io.Reader, limit int64) error {
	for s.size < limit {
		if err := ctx.Err(); err != nil {
			return err
		}
		if s.size == int64(len(s.chunks))*chunkSize {
			s.chunks = append(s.chunks, s.pool.free.Get().(*[chunkSize]byte))
		}
		at := s.size % chunkSize
		n, err := r.Read(s.chunks[s.size/chunkSize][at:min(chunkSize, at+limit-s.size)])
		s.size += int64(n)
		if err != nil {
			return err
		}
	}
	return nil
}

// readAt copies what is held from offset on, io.EOF at the end.
func (s *spool) readAt(p []byte, offset int64) (int, error) {
	n := 0
	for n < len(p) && offset < s.size {
		at := offset % chunkSize
		m := copy(p[n:], s.chunks[offset/chunkSize][at:min(chunkSize, at+s.size-offset)])
		n += m
		offset += int64(m)
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// checksum returns the CRC-32C of what is held, as S3 writes it.
func (s *spool) checksum() string {
	var sum uint32
	table := crc32.MakeTable(crc32.Castagnoli) // made once by the package
	for chunk := range s.pieces {
		sum = crc32.Update(sum, table, chunk)
	}
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, sum))
}

// sha256 returns the SHA-256 of what is held, as a signature of AWS's version 4 writes it.
func (s *spool) sha256() string {
	sum := sha256.New()
	for chunk := range s.pieces {
		sum.Write(chunk) // a hash takes everything
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// pieces yields what is held, in order.
func (s *spool) pieces(yield func([]byte) bool) {
	for i, chunk := range s.chunks {
		if !yield(chunk[:max(0, min(chunkSize, s.size-int64(i)*chunkSize))]) {
			return
		}
	}
}

// reset forgets the bytes and keeps the chunks.
func (s *spool) reset() { s.size = 0 }

// release gives the chunks back. No reader of the spool may be in use.
func (s *spool) release() {
	for _, chunk := range s.chunks {
		s.pool.free.Put(chunk)
	}
	s.chunks, s.size = nil, 0
}

// readEnd expects r to end here, and returns io.EOF if it does, nil if it goes on.
func readEnd(ctx context.Context, r io.Reader) error {
	var one [1]byte
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := r.Read(one[:])
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func isEOF(err error) bool { return errors.Is(err, io.EOF) }

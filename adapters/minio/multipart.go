package minio

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"github.com/minio/minio-go/v7"

	"github.com/docuvault/docuvault/domain"
)

// putParts stores a body that begins with a full part. While one part is sent the next one is read.
func (s *Store) putParts(ctx context.Context, up upload, first *spool, r io.Reader, size int64) (int64, error) {
	next := &spool{pool: s.chunks}
	defer next.release()
	err := next.fill(ctx, r, 1)
	if next.size == 0 {
		if err := endOf(ctx, err, first.size, size); err != nil {
			return 0, err
		}
		return s.putHeld(ctx, up, first)
	}

	id, err := s.beginParts(ctx, up)
	if err != nil {
		return 0, err
	}
	parts, total, err := s.sendParts(ctx, up, id, first, next, r, size)
	if err == nil {
		err = s.completeParts(ctx, up, id, parts, total)
	}
	if err != nil {
		s.abortParts(ctx, up.key.String(), id)
		return 0, err
	}
	return total, nil
}

// beginParts outlives ctx: an upload whose id is lost could not be aborted.
func (s *Store) beginParts(ctx context.Context, up upload) (string, error) {
	longer, cancel := s.outlive(ctx)
	defer cancel()
	id, err := s.s3.NewMultipartUpload(longer, s.bucket, up.key.String(), up.options())
	return id, s.translate(ctx, "begin a multipart upload", err)
}

// sendParts sends all parts, the full one in hand, the one that has begun to be read, and the rest of r.
func (s *Store) sendParts(ctx context.Context, up upload, id string, hand, next *spool, r io.Reader, size int64) ([]minio.CompletePart, int64, error) {
	var parts []minio.CompletePart
	var total int64
	var end error // of r
	for {
		if len(parts) == maxParts {
			return nil, 0, domain.Errorf(domain.TooLarge, "more bytes than the object storage takes")
		}
		sent := make(chan error, 1)
		go func() {
			part, err := s.sendPart(ctx, up, id, len(parts)+1, hand)
			parts = append(parts, part)
			sent <- err
		}()
		if end == nil {
			end = next.fill(ctx, r, s.partSize)
		}
		err := <-sent
		total += hand.size
		switch read := total + next.size; {
		case err != nil:
			return nil, 0, err
		case end != nil || size >= 0 && read > size:
			if err := endOf(ctx, end, read, size); err != nil {
				return nil, 0, err
			}
		}
		if next.size == 0 {
			return parts, total, nil
		}
		hand, next = next, hand
		next.reset()
	}
}

func (s *Store) sendPart(ctx context.Context, up upload, id string, number int, content *spool) (minio.CompletePart, error) {
	body := newHeld(content)
	part, err := s.s3.PutObjectPart(ctx, s.bucket, up.key.String(), id, number, body, content.size, minio.PutObjectPartOptions{})
	body.stop(errReturned) // the transport may go on reading after a failure, and the chunks will hold other bytes
	return minio.CompletePart{PartNumber: number, ETag: part.ETag}, s.translate(ctx, "send a part", err)
}

// completeParts makes the object visible. Once begun it outlives ctx, so that it is known what became of it.
func (s *Store) completeParts(ctx context.Context, up upload, id string, parts []minio.CompletePart, size int64) error {
	if err := contextError(ctx); err != nil {
		return err
	}
	longer, cancel := s.outlive(ctx)
	defer cancel()
	var options minio.PutObjectOptions
	options.SetMatchETagExcept("*")
	_, err := s.s3.CompleteMultipartUpload(longer, s.bucket, up.key.String(), id, parts, options)
	switch {
	case err == nil:
		return nil
	case refused(err):
		return s.translate(ctx, "complete a multipart upload", err)
	}
	return s.settle(ctx, up, size, "complete a multipart upload", err)
}

// abortParts clears away what was sent, in a time of its own: the upload's is over.
func (s *Store) abortParts(ctx context.Context, name, id string) {
	limited, cancel := s.settling(ctx)
	defer cancel()
	err := s.s3.AbortMultipartUpload(limited, s.bucket, name, id)
	var answer minio.ErrorResponse
	if err == nil || errors.As(err, &answer) && answer.Code == minio.NoSuchUpload {
		return
	}
	s.log.Warn("an incomplete upload is left for the sweeper", slog.String("object_key", name), slog.Any("error", err))
}

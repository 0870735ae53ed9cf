package minio

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/docuvault/docuvault/domain"
)

const (
	// smallBody is the announced length in bytes up to which a body is read before it is sent: it can then be sent again, and
	// with its checksum ahead.
	smallBody = 2 << 20

	// graceTime is how long an answer that decides about an object is waited for after the upload's context ended, settleTime
	// how long it then takes at most to find out by asking, and to clear away. Neither is longer than the store's timeout.
	graceTime  = 5 * time.Second
	settleTime = 10 * time.Second

	// markName is the metadata that says which Put made an object.
	markName = "Docuvault-Upload"

	checksumHeader = "x-amz-checksum-crc32c"
)

// upload is what one Put is about.
type upload struct {
	key         domain.ObjectKey
	contentType string
	mark        string
}

// options are those of the request that makes the object visible, or begins to.
func (u upload) options() minio.PutObjectOptions {
	return minio.PutObjectOptions{ContentType: u.contentType, UserMetadata: map[string]string{markName: u.mark}}
}

// Put stores an object. See ports.StorageBackend.
func (s *Store) Put(ctx context.Context, key domain.ObjectKey, r io.Reader, size int64, contentType string) (int64, error) {
	if err := contextError(ctx); err != nil {
		return 0, err
	}
	if key.IsZero() {
		return 0, domain.Errorf(domain.Internal, "put without a key")
	}
	up := upload{key: key, contentType: contentType, mark: rand.Text()}
	switch {
	case size > maxParts*s.partSize:
		return 0, domain.Errorf(domain.TooLarge, "more bytes than the object storage takes")
	case size > smallBody && size <= s.partSize:
		return s.putStream(ctx, up, r, size)
	default:
		return s.putSpooled(ctx, up, r, size)
	}
}

// putStream sends a body that is too long to be worth holding and short enough for one request.
func (s *Store) putStream(ctx context.Context, up upload, r io.Reader, size int64) (int64, error) {
	body := newStream(ctx, r, size)
	if err := s.send(ctx, up, body, &body.gate, size, "", up.options()); err != nil {
		return 0, err
	}
	return size, nil
}

// putSpooled reads up to one part and then knows whether to send it alone.
func (s *Store) putSpooled(ctx context.Context, up upload, r io.Reader, size int64) (int64, error) {
	limit := s.partSize
	if size >= 0 {
		limit = min(limit, size+1) // one more byte shows that it is too long
	}
	first := &spool{pool: s.chunks}
	defer first.release()
	err := first.fill(ctx, r, limit)
	if err == nil && first.size == s.partSize {
		return s.putParts(ctx, up, first, r, size)
	}
	if err := endOf(ctx, err, first.size, size); err != nil {
		return 0, err
	}
	return s.putHeld(ctx, up, first)
}

// putHeld sends a body that can be sent again, and does so where the server says that another request was in the way. Over plain
// HTTP its bytes are signed, all at once, as they are all there: signing them piece by piece costs either side more. Where the
// configuration says that checking them is enough, its CRC-32C goes ahead instead.
func (s *Store) putHeld(ctx context.Context, up upload, content *spool) (int64, error) {
	options, digest := up.options(), ""
	switch {
	case !s.signPayloads:
		options.DisableContentSha256 = true
		options.UserMetadata[checksumHeader] = content.checksum()
	case !s.secure:
		options.DisableContentSha256 = true // in pieces
		digest = content.sha256()
	}
	var err error
	for range tries {
		body := newHeld(content)
		if err = s.send(ctx, up, body, &body.gate, content.size, digest, options); err == nil {
			return content.size, nil
		}
		if !inTheWay(err) {
			break
		}
	}
	return 0, err
}

// endOf judges the end of a body: the error it ended with, nil if it goes on, and its length against the announced one.
func endOf(ctx context.Context, err error, length, size int64) error {
	switch {
	case size >= 0 && length > size, err == nil:
		return errTooLong()
	case !isEOF(err):
		return sourceError(ctx, err)
	case length < size:
		return errTooShort()
	}
	return contextError(ctx)
}

// send makes the one request that stores a body. The request does not end with ctx but by the gate: before the last byte it
// is broken off, and the server cannot store a part of it; after the last byte the answer is worth waiting for. Digest is the
// body's SHA-256 in hexadecimal, for the signature, or empty.
func (s *Store) send(ctx context.Context, up upload, body io.Reader, gate *gate, size int64, digest string, options minio.PutObjectOptions) error {
	request, cancel := s.outlive(ctx)
	defer cancel()
	finish := onEnd(ctx, func() {
		if !gate.stop(contextError(ctx)) {
			cancel()
		}
	})
	options.SetMatchETagExcept("*")
	_, err := s.s3.PutObject(request, s.bucket, up.key.String(), body, size, "", digest, options)
	finish()
	gate.stop(errReturned)

	sent, failure := gate.outcome()
	switch {
	case err == nil && sent:
		return nil
	case failure != nil:
		return failure
	case !sent || refused(err):
		return s.translate(ctx, "put an object", err)
	}
	return s.settle(ctx, up, size, "put an object", err)
}

// settle finds out what became of an object when the answer does not tell, and returns nil if it is stored.
func (s *Store) settle(ctx context.Context, up upload, size int64, what string, cause error) error {
	limited, cancel := s.settling(ctx)
	defer cancel()
	info, err := s.stat(limited, up.key)
	switch {
	case err == nil && info.UserMetadata[markName] == up.mark && info.Size == size:
		return nil
	case domain.ErrorCode(err) == domain.NotFound && taken(cause): // deleted meanwhile, or the server contradicts itself
		return domain.Wrap(domain.Unavailable, fmt.Errorf("%s: %w", what, cause), "the object storage refused an object for one that it does not have")
	case err != nil && domain.ErrorCode(err) != domain.NotFound:
		s.log.Error("it is unknown whether an object was stored", slog.String("object_key", up.key.String()), slog.Any("error", err))
	}
	return s.translate(ctx, what, cause)
}

// outlive returns a context that ends a grace time after ctx does.
func (s *Store) outlive(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var timer *time.Timer
	finish := onEnd(ctx, func() { timer = time.AfterFunc(min(s.timeout, graceTime), cancel) })
	return longer, func() {
		finish()
		if timer != nil {
			timer.Stop()
		}
		cancel()
	}
}

// settling returns a context for what has to be done whether ctx has ended or not.
func (s *Store) settling(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), min(s.timeout, settleTime))
}

// onEnd calls f when ctx ends, until the function that it returns is called, which waits for f if it runs.
func onEnd(ctx context.Context, f func()) func() {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		f()
	})
	return func() {
		if !stop() {
			<-done
		}
	}
}

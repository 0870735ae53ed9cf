package minio

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/minio/minio-go/v7"

	"github.com/docuvault/docuvault/domain"
)

// Codes that minio-go has no name for.
const (
	codeStorageFull         = "XMinioStorageFull"
	codeBucketQuota         = "XMinioAdminBucketQuotaExceeded"
	codeQuota               = "QuotaExceeded"
	codeConditionalConflict = "ConditionalRequestConflict" // S3: two conditional writes of one key at once
	codeExpiredToken        = "ExpiredToken"
	codeInvalidName         = "XMinioInvalidResourceName"
	codeChecksumMismatch    = "XAmzContentChecksumMismatch"
)

// translate gives an error of a call its domain code. The cause, with the server's code, is for logs alone.
func (s *Store) translate(ctx context.Context, what string, err error) error {
	if err == nil {
		return nil
	}
	if ended := contextError(ctx); ended != nil {
		return ended
	}
	var coded *domain.Error
	if errors.As(err, &coded) {
		return err
	}
	var answer minio.ErrorResponse
	if !errors.As(err, &answer) {
		return domain.Wrap(domain.Unavailable, fmt.Errorf("%s: %w", what, err), "the object storage is out of reach")
	}
	translated := s.fromAnswer(answer)
	translated.Err = fmt.Errorf("%s: %s (HTTP status %d): %w", what, answer.Code, answer.StatusCode, err)
	return translated
}

// fromAnswer maps the server's code.
func (s *Store) fromAnswer(answer minio.ErrorResponse) *domain.Error {
	switch answer.Code {
	case minio.NoSuchKey:
		return domain.Errorf(domain.NotFound, "no such object")
	case minio.NoSuchBucket:
		return domain.Errorf(domain.Unavailable, "the bucket %s does not exist", s.bucket).Because("bucket_missing")
	case minio.NoSuchUpload, minio.InvalidPart: // InvalidPart if someone aborts it while it is completed
		return domain.Errorf(domain.Unavailable, "the upload was aborted").Because("upload_aborted")
	case minio.InvalidRange:
		return domain.Errorf(domain.Invalid, "the range is outside the object").Because("range")
	case minio.PreconditionFailed, codeConditionalConflict:
		return domain.Errorf(domain.Conflict, "an object of this key exists").Because("key_taken")
	case minio.EntityTooLarge:
		return domain.Errorf(domain.TooLarge, "more bytes than the object storage takes")
	case minio.AccessDenied, minio.InvalidAccessKeyID, minio.SignatureDoesNotMatch, codeExpiredToken,
		minio.AuthorizationHeaderMalformed, minio.InvalidRegion, minio.AllAccessDisabled:
		return domain.Errorf(domain.Unavailable, "the object storage is not set up correctly").Because("misconfigured")
	case minio.RequestTimeTooSkewed:
		return domain.Errorf(domain.Unavailable, "the clocks of this machine and of the object storage are too far apart").Because("clocks")
	case minio.BadDigest, minio.XAmzContentSHA256Mismatch, codeChecksumMismatch, minio.IncompleteBody:
		return domain.Errorf(domain.Unavailable, "the upload was damaged on its way to the object storage")
	case codeStorageFull, codeBucketQuota, codeQuota:
		return domain.Errorf(domain.Unavailable, "the storage is full").Because("full")
	}
	switch status := answer.StatusCode; {
	case status == http.StatusInsufficientStorage:
		return domain.Errorf(domain.Unavailable, "the storage is full").Because("full")
	case status >= 500, status == http.StatusConflict, status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, status == 499:
		return domain.Errorf(domain.Unavailable, "the object storage fails at the moment")
	default:
		return domain.Errorf(domain.Internal, "the object storage refused a request")
	}
}

// refused reports whether the server certainly did not do what it was asked: it said so, and not in the way of one that lost
// track itself.
func refused(err error) bool {
	var answer minio.ErrorResponse
	return errors.As(err, &answer) && answer.StatusCode >= 400 && answer.StatusCode < 500 &&
		!taken(err) && answer.Code != minio.NoSuchUpload
}

// taken reports whether the server refused because the key names an object: somebody's, or the one of a request it answered badly
// before and that was repeated.
func taken(err error) bool {
	var answer minio.ErrorResponse
	return errors.As(err, &answer) && answer.StatusCode == http.StatusPreconditionFailed
}

// inTheWay reports whether the server refused because of another request of the moment: two conditional writes at once, a
// delete that is removing what this request is making.
func inTheWay(err error) bool {
	var answer minio.ErrorResponse
	return errors.As(err, &answer) && answer.StatusCode == http.StatusConflict
}

// contextError translates the end of ctx, nil if it has not ended.
func contextError(ctx context.Context) error {
	return domain.ContextError(ctx, "the object storage took too long")
}

package minio

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/minio/minio-go/v7"

	"github.com/docuvault/docuvault/ports"
)

// listPage is how many entries the server is asked for at a time: the most that S3 gives.
const listPage = 1000

// List asks for page after page. See ports.StorageBackend.
func (s *Store) List(ctx context.Context, prefix string, each func(ports.Object) error) error {
	if err := contextError(ctx); err != nil {
		return err
	}
	if !utf8.ValidString(prefix) || strings.ContainsRune(prefix, 0) || len(prefix) > 1024 {
		return s.Health(ctx) // no object is called that
	}
	request, cancel := context.WithCancel(ctx)
	defer cancel()
	dog := newWatchdog(s.timeout, cancel)
	defer dog.pause()
	noOwner := false
	objects := s.s3.ListObjectsIter(request, s.bucket, minio.ListObjectsOptions{
		Prefix: prefix, Recursive: true, MaxKeys: listPage, FetchOwner: &noOwner,
	})
	for object := range objects {
		dog.pause()
		var answer minio.ErrorResponse
		switch {
		case errors.As(object.Err, &answer) && (answer.Code == minio.XMinioInvalidObjectName || answer.Code == codeInvalidName):
			return s.Health(ctx) // MinIO would not have an object of such a name
		case object.Err != nil:
			return s.translate(ctx, "list objects", object.Err)
		}
		if !strings.HasPrefix(object.Key, prefix) { // MinIO takes "/" for no prefix
			continue
		}
		if err := each(describe(object)); err != nil {
			return err
		}
		dog.wait()
	}
	return contextError(ctx)
}

// AbortStale aborts multipart uploads. See ports.StorageBackend, and the package comment for what MinIO lists.
func (s *Store) AbortStale(ctx context.Context, before time.Time, dryRun bool) (int, error) {
	if err := contextError(ctx); err != nil {
		return 0, err
	}
	stale := 0
	err := s.eachUpload(ctx, func(upload minio.ObjectMultipartInfo) error {
		if !upload.Initiated.Before(before) {
			return nil
		}
		if !dryRun {
			limited, cancel := context.WithTimeout(ctx, s.timeout)
			defer cancel()
			err := s.s3.AbortMultipartUpload(limited, s.bucket, upload.Key, upload.UploadID)
			var answer minio.ErrorResponse
			if errors.As(err, &answer) && answer.Code == minio.NoSuchUpload {
				return nil // finished or aborted meanwhile
			}
			if err != nil {
				return s.translate(ctx, "abort an upload", err)
			}
		}
		stale++
		return nil
	})
	return stale, err
}

// eachUpload calls each for every incomplete multipart upload in the bucket.
func (s *Store) eachUpload(ctx context.Context, each func(minio.ObjectMultipartInfo) error) error {
	keyMarker, idMarker := "", ""
	for {
		page, err := s.uploadPage(ctx, keyMarker, idMarker)
		if err != nil {
			return s.translate(ctx, "list uploads", err)
		}
		for _, upload := range page.Uploads {
			if err := each(upload); err != nil {
				return err
			}
		}
		if !page.IsTruncated || page.NextKeyMarker == keyMarker && page.NextUploadIDMarker == idMarker {
			return nil
		}
		keyMarker, idMarker = page.NextKeyMarker, page.NextUploadIDMarker
	}
}

func (s *Store) uploadPage(ctx context.Context, keyMarker, idMarker string) (minio.ListMultipartUploadsResult, error) {
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return s.s3.ListMultipartUploads(limited, s.bucket, "", keyMarker, idMarker, "", listPage)
}

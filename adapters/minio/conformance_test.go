package minio

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/internal/testenv"
	"github.com/docuvault/docuvault/ports/storagetest"
)

func TestConformanceOnMinIO(t *testing.T) {
	t.Parallel()
	conformance(t, testenv.S3(t))
}

// TestConformanceOnVersity is the suite on an S3 server with another author and other habits.
func TestConformanceOnVersity(t *testing.T) {
	t.Parallel()
	conformance(t, testenv.Versity(t))
}

func conformance(t *testing.T, s3 testenv.S3Server) {
	storagetest.Run(t, func(t *testing.T) storagetest.Subject {
		store := open(t, configOf(s3, testenv.Bucket(t, s3)))
		return storagetest.Subject{
			Store:            store,
			PartSize:         store.partSize,
			Presigns:         true,
			KeepsContentType: true,
			Plant: func(t *testing.T, name string, content []byte) {
				_, err := store.s3.PutObject(t.Context(), store.bucket, name, bytes.NewReader(content), int64(len(content)), "", "",
					minio.PutObjectOptions{})
				must(t, err)
			},
			Abandon:    func(t *testing.T, key domain.ObjectKey) time.Time { return abandon(t, store, key) },
			Unfinished: func(t *testing.T) int { return unfinished(t, store) },
			Break:      func(t *testing.T) { removeBucket(t, store) },
		}
	})
}

func configOf(s3 testenv.S3Server, bucket string) Config {
	return Config{
		Endpoint: s3.Endpoint, Bucket: bucket, AccessKey: s3.AccessKey, SecretKey: s3.SecretKey, Secure: s3.Secure,
		PublicEndpoint: s3.Endpoint, PartSize: minPartSize,
	}
}

func open(t testing.TB, cfg Config) *Store {
	t.Helper()
	store, err := New(cfg, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(func() { must(t, store.Close()) })
	return store
}

// abandon begins a multipart upload, sends a part and leaves it.
func abandon(t *testing.T, store *Store, key domain.ObjectKey) time.Time {
	t.Helper()
	id, err := store.s3.NewMultipartUpload(t.Context(), store.bucket, key.String(), minio.PutObjectOptions{})
	must(t, err)
	_, err = store.s3.PutObjectPart(t.Context(), store.bucket, key.String(), id, 1, bytes.NewReader([]byte("part")), 4,
		minio.PutObjectPartOptions{})
	must(t, err)
	return time.Now()
}

func unfinished(t *testing.T, store *Store) int {
	t.Helper()
	n := 0
	must(t, store.eachUpload(context.WithoutCancel(t.Context()), func(minio.ObjectMultipartInfo) error {
		n++
		return nil
	}))
	return n
}

func removeBucket(t *testing.T, store *Store) {
	t.Helper()
	for object := range store.s3.ListObjectsIter(t.Context(), store.bucket, minio.ListObjectsOptions{Recursive: true}) {
		must(t, object.Err)
		must(t, store.s3.RemoveObject(t.Context(), store.bucket, object.Key, minio.RemoveObjectOptions{}))
	}
	must(t, store.s3.RemoveBucket(t.Context(), store.bucket))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

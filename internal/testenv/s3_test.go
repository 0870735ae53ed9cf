//go:build unix

package testenv_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/docuvault/docuvault/internal/testenv"
)

func s3Client(t *testing.T, s testenv.S3Server) *minio.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := minio.New(s.Endpoint, &minio.Options{Creds: credentials.NewStaticV4(s.AccessKey, s.SecretKey, ""), Secure: s.Secure, Transport: transport, MaxRetries: 1})
	must(t, err)
	return c
}

func put(t *testing.T, s testenv.S3Server, bucket, key, text string) error {
	t.Helper()
	_, err := s3Client(t, s).PutObject(context.Background(), bucket, key, strings.NewReader(text), int64(len(text)), minio.PutObjectOptions{})
	return err
}

func get(t *testing.T, s testenv.S3Server, bucket, key string) string {
	t.Helper()
	o, err := s3Client(t, s).GetObject(context.Background(), bucket, key, minio.GetObjectOptions{})
	must(t, err)
	defer o.Close()
	b, err := io.ReadAll(o)
	must(t, err)
	return string(b)
}

func TestS3(t *testing.T) {
	t.Parallel()
	for name, server := range map[string]func(testing.TB) testenv.S3Server{"minio": testenv.S3, "versitygw": testenv.Versity} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := server(t)
			a, b := testenv.Bucket(t, s), testenv.Bucket(t, s)
			must(t, put(t, s, a, "k", "a"))
			must(t, put(t, s, b, "k", "b"))
			if got := get(t, s, a, "k") + get(t, s, b, "k"); got != "ab" {
				t.Fatalf("got %q", got)
			}
			if again := server(t); again.Endpoint != s.Endpoint {
				t.Fatal("the shared server is not shared")
			}
		})
	}
}

func TestOwnS3KeepsObjectsOverKillAndStop(t *testing.T) {
	t.Parallel()
	for name, server := range map[string]func(testing.TB) testenv.S3Server{"minio": testenv.OwnS3, "versitygw": testenv.OwnVersity} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := server(t)
			bucket := testenv.Bucket(t, s)
			must(t, put(t, s, bucket, "k", "text"))
			s.Kill(t)
			if err := put(t, s, bucket, "k2", "text"); err == nil {
				t.Fatal("a killed server answers")
			}
			s.Start(t)
			s.Stop(t)
			s.Start(t)
			if got := get(t, s, bucket, "k"); got != "text" {
				t.Fatalf("got %q", got)
			}
		})
	}
}

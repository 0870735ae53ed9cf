package minio

import (
	"context"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/lifecycle"
	"github.com/minio/minio-go/v7/pkg/signer"
	"github.com/minio/minio-go/v7/pkg/sse"
	"github.com/minio/minio-go/v7/pkg/tags"

	"github.com/docuvault/docuvault/internal/testenv"
)

// TestAppKeyMayNot tries, with a key that has compose/storage-policy.json, what the key of api and worker has no use for (D-15): each
// is denied, and by the server.
func TestAppKeyMayNot(t *testing.T) {
	t.Parallel()
	s3 := testenv.S3(t)
	mine, other := testenv.Bucket(t, s3), testenv.Bucket(t, s3)
	root := open(t, configOf(s3, other))
	foreign := newKey()
	_, err := root.Put(t.Context(), foreign, strings.NewReader("not mine"), -1, "")
	must(t, err)

	creds := appKey(t, s3, mine)
	transport := &http.Transport{DisableKeepAlives: true}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := minio.New(s3.Endpoint, &minio.Options{Creds: creds, Transport: transport, Region: "us-east-1", MaxRetries: 1})
	must(t, err)
	core := minio.Core{Client: c}
	const everything = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["*"]},"Action":["s3:*"],"Resource":["arn:aws:s3:::*"]}]}`
	rule := lifecycle.NewConfiguration()
	rule.Rules = []lifecycle.Rule{{ID: "all", Status: "Enabled", Expiration: lifecycle.Expiration{Days: 1}}}
	labels, err := tags.NewTags(map[string]string{"a": "b"}, false)
	must(t, err)

	for name, try := range map[string]func(context.Context) error{
		"make a bucket":     func(ctx context.Context) error { return c.MakeBucket(ctx, mine+"-x", minio.MakeBucketOptions{}) },
		"remove its bucket": func(ctx context.Context) error { return c.RemoveBucket(ctx, mine) },
		"remove its bucket by force": func(ctx context.Context) error {
			return c.RemoveBucketWithOptions(ctx, mine, minio.RemoveBucketOptions{ForceDelete: true})
		},
		"remove another bucket": func(ctx context.Context) error { return c.RemoveBucket(ctx, other) },
		"read the policy":       func(ctx context.Context) error { _, err := c.GetBucketPolicy(ctx, mine); return err },
		"change the policy":     func(ctx context.Context) error { return c.SetBucketPolicy(ctx, mine, everything) },
		"change another policy": func(ctx context.Context) error { return c.SetBucketPolicy(ctx, other, everything) },
		"have objects expire":   func(ctx context.Context) error { return c.SetBucketLifecycle(ctx, mine, rule) },
		"turn versions off":     func(ctx context.Context) error { return c.SuspendVersioning(ctx, mine) },
		"change the encryption": func(ctx context.Context) error { return c.SetBucketEncryption(ctx, mine, sse.NewConfigurationSSES3()) },
		"tag the bucket":        func(ctx context.Context) error { return c.SetBucketTagging(ctx, mine, labels) },
		"list another bucket":   func(ctx context.Context) error { return listed(ctx, c, other) },
		"read from another bucket": func(ctx context.Context) error {
			_, err := c.StatObject(ctx, other, foreign.String(), minio.StatObjectOptions{})
			return err
		},
		"write to another bucket": func(ctx context.Context) error {
			_, err := c.PutObject(ctx, other, "a", strings.NewReader("a"), 1, minio.PutObjectOptions{})
			return err
		},
		"remove from another bucket": func(ctx context.Context) error {
			return c.RemoveObject(ctx, other, foreign.String(), minio.RemoveObjectOptions{})
		},
		"copy from another bucket": func(ctx context.Context) error {
			_, err := core.CopyObject(ctx, other, foreign.String(), mine, "stolen", nil, minio.CopySrcOptions{}, minio.PutObjectOptions{})
			return err
		},
		"begin an upload elsewhere": func(ctx context.Context) error {
			_, err := core.NewMultipartUpload(ctx, other, "a", minio.PutObjectOptions{})
			return err
		},
		"see uploads elsewhere": func(ctx context.Context) error {
			_, err := core.ListMultipartUploads(ctx, other, "", "", "", "", 10)
			return err
		},
		"ask about the server":   admin(s3, creds, transport, http.MethodGet, "/minio/admin/v3/info"),
		"list the users":         admin(s3, creds, transport, http.MethodGet, "/minio/admin/v3/list-users"),
		"list the policies":      admin(s3, creds, transport, http.MethodGet, "/minio/admin/v3/list-canned-policies"),
		"read the configuration": admin(s3, creds, transport, http.MethodGet, "/minio/admin/v3/config"),
		"stop the server":        admin(s3, creds, transport, http.MethodPost, "/minio/admin/v3/service?action=stop"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if answer := minio.ToErrorResponse(try(ctx)); answer.Code != "AccessDenied" {
				t.Errorf("%q, want AccessDenied", answer.Code)
			}
		})
	}
	t.Run("other buckets are not seen", func(t *testing.T) {
		t.Parallel()
		buckets, err := c.ListBuckets(t.Context())
		for _, b := range buckets {
			if b.Name != mine {
				t.Errorf("it sees the bucket %s", b.Name)
			}
		}
		if err != nil && minio.ToErrorResponse(err).Code != "AccessDenied" {
			t.Error(err)
		}
	})
	t.Run("what it needs is allowed", func(t *testing.T) {
		t.Parallel()
		_, err := c.PutObject(t.Context(), mine, "a", strings.NewReader("a"), 1, minio.PutObjectOptions{})
		must(t, err)
		must(t, listed(t.Context(), c, mine))
		must(t, c.RemoveObject(t.Context(), mine, "a", minio.RemoveObjectOptions{}))
	})
}

// appKey is a key with the policy of compose for one bucket.
func appKey(t *testing.T, s3 testenv.S3Server, bucket string) *credentials.Credentials {
	t.Helper()
	text, err := os.ReadFile("../../compose/storage-policy.json")
	must(t, err)
	role, err := credentials.NewSTSAssumeRole("http://"+s3.Endpoint, credentials.STSAssumeRoleOptions{
		AccessKey: s3.AccessKey, SecretKey: s3.SecretKey, Policy: strings.ReplaceAll(string(text), "BUCKET", bucket), DurationSeconds: 3600,
	})
	must(t, err)
	value, err := role.GetWithContext(&credentials.CredContext{Client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}})
	must(t, err)
	return credentials.NewStaticV4(value.AccessKeyID, value.SecretAccessKey, value.SessionToken)
}

func listed(ctx context.Context, c *minio.Client, bucket string) error {
	for object := range c.ListObjects(ctx, bucket, minio.ListObjectsOptions{}) {
		return object.Err
	}
	return nil
}

// admin makes a call of MinIO's administration, signed with a key.
func admin(s3 testenv.S3Server, creds *credentials.Credentials, transport http.RoundTripper, method, path string) func(context.Context) error {
	return func(ctx context.Context) error {
		value, err := creds.GetWithContext(nil)
		if err != nil {
			return err
		}
		request, err := http.NewRequestWithContext(ctx, method, "http://"+s3.Endpoint+path, nil)
		if err != nil {
			return err
		}
		request.Header.Set("X-Amz-Content-Sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855") // of nothing
		answer, err := (&http.Client{Transport: transport}).Do(signer.SignV4(*request, value.AccessKeyID, value.SecretAccessKey, value.SessionToken, "us-east-1"))
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusForbidden {
			return minio.ErrorResponse{Code: answer.Status}
		}
		return minio.ErrorResponse{Code: "AccessDenied"}
	}
}

package minio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/internal/testenv"
	"github.com/docuvault/docuvault/ports"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	whole := func(change func(*Config)) Config {
		cfg := Config{Endpoint: "minio:9000", AccessKey: "key", SecretKey: "secret"}
		change(&cfg)
		return cfg
	}
	for field, changes := range map[string][]func(*Config){
		"endpoint": {
			func(c *Config) { c.Endpoint = "" }, func(c *Config) { c.Endpoint = "ftp://minio" }, func(c *Config) { c.Endpoint = "http://" },
			func(c *Config) { c.Endpoint = "http://minio/path" }, func(c *Config) { c.Endpoint = "minio/path" },
			func(c *Config) { c.Endpoint = "http://user:pass@minio" }, func(c *Config) { c.Endpoint = "a b" },
			func(c *Config) { c.Endpoint = "minio:port" }, func(c *Config) { c.Endpoint = "http://minio?x=y" },
		},
		"public_endpoint": {func(c *Config) { c.PublicEndpoint = "https://files.example.org/below" }},
		"access_key":      {func(c *Config) { c.AccessKey = "" }},
		"secret_key":      {func(c *Config) { c.SecretKey = "" }},
		"bucket":          {func(c *Config) { c.Bucket = "No" }, func(c *Config) { c.Bucket = "a/b" }, func(c *Config) { c.Bucket = "Docu Vault" }},
		"part_size":       {func(c *Config) { c.PartSize = 1 }, func(c *Config) { c.PartSize = -1 }, func(c *Config) { c.PartSize = 2 << 30 }},
		"timeout":         {func(c *Config) { c.Timeout = -1 }},
	} {
		for i, change := range changes {
			_, err := New(whole(change), slog.New(slog.DiscardHandler))
			var coded *domain.Error
			if !errors.As(err, &coded) || coded.Code != domain.Invalid || len(coded.Fields) != 1 || coded.Fields[0].Field != field {
				t.Errorf("%s %d: %v, want Invalid naming the field", field, i, err)
			}
		}
	}
	for _, endpoint := range []string{"minio:9000", "minio", "http://minio:9000", "https://minio/", "[::1]:9000", "127.0.0.1:9000"} {
		store := open(t, whole(func(c *Config) { c.Endpoint = endpoint }))
		if store.bucket != "docuvault" || store.partSize != 10<<20 || store.timeout != time.Minute || store.region != "us-east-1" {
			t.Errorf("%s: defaults are not as documented: %+v", endpoint, store)
		}
	}
	if store := open(t, whole(func(c *Config) { c.Endpoint = "s3.eu-central-1.amazonaws.com" })); store.region != "eu-central-1" {
		t.Errorf("region %q, want that of the endpoint's name", store.region)
	}
}

// TestURLs holds how links are made, with a server that cannot be reached.
func TestURLs(t *testing.T) {
	t.Parallel()
	cfg := Config{Endpoint: "minio.invalid:9000", AccessKey: "the-key", SecretKey: "the-secret", Bucket: "bucket"}
	_, err := open(t, cfg).URL(t.Context(), newKey(), ports.Link{TTL: time.Hour})
	if domain.ErrorCode(err) != domain.NotSupported {
		t.Fatalf("URL without a public endpoint: %v, want NotSupported", err)
	}
	for _, test := range []struct {
		public, want string
		secure       bool
	}{
		{"files.example.org", "http://files.example.org/", false},
		{"files.example.org", "https://files.example.org/", true},
		{"files.example.org:9000", "http://files.example.org:9000/", false},
		{"https://files.example.org", "https://files.example.org/", false},
		{"http://files.example.org", "http://files.example.org/", true},
		{"https://files.example.org:443", "https://files.example.org/", false},
	} {
		cfg.PublicEndpoint, cfg.Secure = test.public, test.secure
		key := newKey()
		link, err := open(t, cfg).URL(t.Context(), key, ports.Link{TTL: time.Hour, Disposition: "inline", ContentType: "text/plain"})
		must(t, err)
		u, err := url.Parse(link)
		must(t, err)
		query := u.Query()
		if !strings.HasPrefix(link, test.want+"bucket/"+key.String()+"?") || query.Get("X-Amz-Expires") != "3600" ||
			query.Get("response-content-disposition") != "inline" || query.Get("response-content-type") != "text/plain" {
			t.Errorf("link for %s is %s", test.public, link)
		}
		if strings.Contains(link, "the-secret") {
			t.Error("the link holds the secret")
		}
	}
}

// TestErrors has a server answer with each code, and checks that the person who asked learns nothing of it.
func TestErrors(t *testing.T) {
	t.Parallel()
	for code, test := range map[string]struct {
		status int
		want   domain.Code
		reason string
	}{
		"NoSuchKey":                      {404, domain.NotFound, ""},
		"NoSuchBucket":                   {404, domain.Unavailable, "bucket_missing"},
		"NoSuchUpload":                   {404, domain.Unavailable, "upload_aborted"},
		"InvalidRange":                   {416, domain.Invalid, "range"},
		"PreconditionFailed":             {412, domain.Conflict, "key_taken"},
		"ConditionalRequestConflict":     {409, domain.Conflict, "key_taken"},
		"OperationAborted":               {409, domain.Unavailable, ""},
		"EntityTooLarge":                 {400, domain.TooLarge, ""},
		"AccessDenied":                   {403, domain.Unavailable, "misconfigured"},
		"InvalidAccessKeyId":             {403, domain.Unavailable, "misconfigured"},
		"SignatureDoesNotMatch":          {403, domain.Unavailable, "misconfigured"},
		"RequestTimeTooSkewed":           {403, domain.Unavailable, "clocks"},
		"XMinioStorageFull":              {507, domain.Unavailable, "full"},
		"XMinioAdminBucketQuotaExceeded": {400, domain.Unavailable, "full"},
		"SomethingNew":                   {507, domain.Unavailable, "full"},
		"SlowDown":                       {503, domain.Unavailable, ""},
		"InternalError":                  {500, domain.Unavailable, ""},
		"InvalidArgument":                {400, domain.Internal, ""},
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/xml")
				w.WriteHeader(test.status)
				_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>secret %s detail</Message></Error>", code, code)
			}))
			t.Cleanup(server.Close)
			store := open(t, Config{Endpoint: server.URL, AccessKey: "key", SecretKey: "secret"})
			_, _, err := store.Get(t.Context(), newKey(), ports.Range{})
			if domain.ErrorCode(err) != test.want || domain.ErrorReason(err) != test.reason {
				t.Fatalf("Get: %v with code %q and reason %q", err, domain.ErrorCode(err), domain.ErrorReason(err))
			}
			if message := domain.ErrorMessage(err); strings.Contains(message, code) || strings.Contains(message, "secret") || message == "" {
				t.Errorf("the message %q tells of the server", message)
			}
			if !strings.Contains(err.Error(), code) {
				t.Errorf("the log learns nothing of %s from %q", code, err)
			}
			if _, err := store.Put(t.Context(), newKey(), strings.NewReader("x"), -1, ""); err == nil {
				t.Error("Put succeeded")
			}
		})
	}
}

func TestEnsureBucket(t *testing.T) {
	t.Parallel()
	for name, s3 := range map[string]testenv.S3Server{"minio": testenv.S3(t), "versity": testenv.Versity(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := configOf(s3, testenv.Bucket(t, s3)+"-other")
			var group sync.WaitGroup
			for range 8 { // eight replicas start at once
				store := open(t, cfg)
				group.Go(func() {
					if err := store.EnsureBucket(t.Context()); err != nil {
						t.Errorf("EnsureBucket: %v", err)
					}
				})
			}
			group.Wait()
			store := open(t, cfg)
			must(t, store.Health(t.Context()))
			must(t, store.EnsureBucket(t.Context()))

			cfg.SecretKey += "x"
			err := open(t, cfg).EnsureBucket(t.Context())
			if domain.ErrorCode(err) != domain.Unavailable || domain.ErrorReason(err) != "misconfigured" {
				t.Fatalf("EnsureBucket with a wrong secret: %v, want Unavailable because misconfigured", err)
			}
		})
	}
}

// TestBucketScopedKey works with a key that may do on one bucket what D-15 gives it, and nothing else.
func TestBucketScopedKey(t *testing.T) {
	t.Parallel()
	s3 := testenv.S3(t)
	bucket, other := testenv.Bucket(t, s3), testenv.Bucket(t, s3)
	store := scoped(t, s3, bucket, bucket)
	must(t, store.EnsureBucket(t.Context()))
	key := newKey()
	_, err := store.Put(t.Context(), key, strings.NewReader("content"), -1, "")
	must(t, err)
	long := newKey()
	_, err = store.Put(t.Context(), long, strings.NewReader(strings.Repeat("x", minPartSize+1)), -1, "")
	must(t, err)
	abandon(t, store, newKey())
	if n, err := store.AbortStale(t.Context(), time.Now().Add(time.Hour), false); n != 1 || err != nil {
		t.Fatalf("AbortStale: %d, %v", n, err)
	}
	mustAllBe(t, everyCall(t.Context(), store, key), "")
	must(t, store.Delete(t.Context(), key))
	if _, err := store.Stat(t.Context(), key); domain.ErrorCode(err) != domain.NotFound {
		t.Fatalf("Stat of what was deleted: %v", err)
	}

	for name, err := range everyCall(t.Context(), scoped(t, s3, bucket, other), key) {
		if domain.ErrorCode(err) != domain.Unavailable || domain.ErrorReason(err) != "misconfigured" {
			t.Errorf("%s on another bucket: %v, want Unavailable because misconfigured", name, err)
		}
	}
	err = scoped(t, s3, bucket+"-x", bucket+"-x").EnsureBucket(t.Context())
	if domain.ErrorCode(err) != domain.Unavailable {
		t.Errorf("EnsureBucket with a key that may not make it: %v", err)
	}
}

// scoped opens a store on bucket with a key for allowed alone, by the policy that compose gives the key of api and worker.
func scoped(t *testing.T, s3 testenv.S3Server, allowed, bucket string) *Store {
	t.Helper()
	text, err := os.ReadFile("../../compose/storage-policy.json")
	must(t, err)
	policy := strings.ReplaceAll(string(text), "BUCKET", allowed)
	creds, err := credentials.NewSTSAssumeRole("http://"+s3.Endpoint, credentials.STSAssumeRoleOptions{
		AccessKey: s3.AccessKey, SecretKey: s3.SecretKey, Policy: policy, DurationSeconds: 3600,
	})
	must(t, err)
	transport := &http.Transport{DisableKeepAlives: true}
	value, err := creds.GetWithContext(&credentials.CredContext{Client: &http.Client{Transport: transport}})
	must(t, err)
	store := open(t, configOf(s3, bucket))
	client, err := minio.New(s3.Endpoint, &minio.Options{
		Creds:     credentials.NewStaticV4(value.AccessKeyID, value.SecretAccessKey, value.SessionToken),
		Transport: store.transport, Region: store.region, MaxRetries: tries,
	})
	must(t, err)
	store.s3 = minio.Core{Client: client}
	return store
}

// TestSlowReader: time between two reads is the reader's own and not the server's silence.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	s3 := testenv.S3(t)
	cfg := configOf(s3, testenv.Bucket(t, s3))
	cfg.Timeout = 500 * time.Millisecond
	store, key := open(t, cfg), newKey()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := store.Put(ctx, key, strings.NewReader(strings.Repeat("x", 4*minPartSize)), -1, "")
	must(t, err)
	reader, _, err := store.Get(ctx, key, ports.Range{})
	must(t, err)
	_, err = reader.Read(make([]byte, 10))
	must(t, err)
	<-time.After(2 * cfg.Timeout)
	n, err := reader.Read(make([]byte, 10))
	if err != nil || n == 0 {
		t.Fatalf("a reader that took its time got %d, %v", n, err)
	}
	must(t, reader.Close())
}

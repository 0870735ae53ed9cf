package minio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

var _ ports.StorageBackend = (*Store)(nil)

// Store is a ports.StorageBackend on one bucket.
type Store struct {
	s3        minio.Core
	public    *minio.Client // only ever signs; nil without a public endpoint
	transport *http.Transport
	bucket    string
	region    string
	partSize  int64
	timeout   time.Duration
	chunks    *chunkPool
	log       *slog.Logger

	secure       bool // by TLS
	signPayloads bool
}

// tries is how often a call is made that may be repeated.
const tries = 3

// New checks the configuration. It makes no call: the server may come later. Close the store when done.
func New(cfg Config, log *slog.Logger) (*Store, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	at, err := parseAddress("endpoint", cfg.Endpoint, cfg.Secure)
	if err != nil {
		return nil, err
	}
	transport := newTransport(cfg.Timeout)
	client, err := newClient(cfg, at, transport)
	if err != nil {
		return nil, err
	}
	s := &Store{
		s3: minio.Core{Client: client}, transport: transport, bucket: cfg.Bucket, region: cfg.regionOf(at), partSize: cfg.PartSize,
		timeout: cfg.Timeout, chunks: newChunkPool(), log: log, secure: at.secure, signPayloads: !cfg.UnsignedPayloads,
	}
	if cfg.PublicEndpoint != "" {
		public, err := parseAddress("public_endpoint", cfg.PublicEndpoint, cfg.Secure)
		if err != nil {
			return nil, err
		}
		if s.public, err = newClient(cfg, public, transport); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func newClient(cfg Config, at address, transport *http.Transport) (*minio.Client, error) {
	client, err := minio.New(at.host, &minio.Options{
		Creds:      credentials.NewStaticV4(cfg.AccessKey, cfg.SecretKey, ""),
		Secure:     at.secure,
		Transport:  transport,
		Region:     cfg.regionOf(at),
		MaxRetries: tries,
	})
	if err != nil {
		return nil, fmt.Errorf("set up the S3 client: %w", err)
	}
	return client, nil
}

// Name returns "minio", whichever S3 server it is.
func (s *Store) Name() string { return "minio" }

// Close closes idle connections. Calls that are under way end as they would have.
func (s *Store) Close() error {
	s.transport.CloseIdleConnections()
	return nil
}

// EnsureBucket makes the bucket if it is not there and the key may. A key that may not make buckets is fine where the bucket
// exists. Any number of processes may do this at once.
func (s *Store) EnsureBucket(ctx context.Context) error {
	err := s.Health(ctx)
	if domain.ErrorReason(err) != "bucket_missing" {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	err = s.s3.MakeBucket(ctx, s.bucket, minio.MakeBucketOptions{Region: s.region})
	var answer minio.ErrorResponse
	switch {
	case err == nil:
		s.log.Info("bucket created", slog.String("bucket", s.bucket))
		return nil
	case errors.As(err, &answer) && answer.Code == minio.BucketAlreadyOwnedByYou:
		return nil
	case errors.As(err, &answer) && answer.Code == minio.BucketAlreadyExists:
		return s.Health(ctx) // made meanwhile by another key, or somebody else's
	case errors.As(err, &answer) && answer.Code == minio.AccessDenied:
		if s.Health(ctx) == nil {
			return nil
		}
		missing := domain.Errorf(domain.Unavailable, "the bucket %s does not exist and our key may not make it", s.bucket)
		missing.Reason, missing.Err = "bucket_missing", err
		return missing
	default:
		return s.translate(ctx, "make the bucket", err)
	}
}

// Health asks whether the bucket exists. See ports.StorageBackend.
func (s *Store) Health(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	exists, err := s.s3.BucketExists(limited, s.bucket)
	if err != nil {
		return s.translate(ctx, "look for the bucket", err)
	}
	if !exists {
		return s.fromAnswer(minio.ErrorResponse{Code: minio.NoSuchBucket})
	}
	return nil
}

// Stat describes an object. See ports.StorageBackend.
func (s *Store) Stat(ctx context.Context, key domain.ObjectKey) (ports.Object, error) {
	if err := contextError(ctx); err != nil {
		return ports.Object{}, err
	}
	if key.IsZero() {
		return ports.Object{}, domain.Errorf(domain.NotFound, "no such object")
	}
	info, err := s.stat(ctx, key)
	if domain.ErrorCode(err) == domain.NotFound {
		if gone := s.Health(ctx); gone != nil { // an answer to HEAD has no body that tells a missing bucket from a missing object
			return ports.Object{}, gone
		}
	}
	if err != nil {
		return ports.Object{}, err
	}
	return describe(info), nil
}

func (s *Store) stat(ctx context.Context, key domain.ObjectKey) (minio.ObjectInfo, error) {
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	info, err := s.s3.StatObject(limited, s.bucket, key.String(), minio.StatObjectOptions{})
	return info, s.translate(ctx, "stat an object", err)
}

// Delete removes an object. See ports.StorageBackend.
func (s *Store) Delete(ctx context.Context, key domain.ObjectKey) error {
	if err := contextError(ctx); err != nil {
		return err
	}
	if key.IsZero() {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	err := s.s3.RemoveObject(limited, s.bucket, key.String(), minio.RemoveObjectOptions{})
	if err = s.translate(ctx, "delete an object", err); domain.ErrorCode(err) == domain.NotFound {
		return nil
	}
	return err
}

// URL signs a link for the public endpoint. See ports.StorageBackend.
func (s *Store) URL(ctx context.Context, key domain.ObjectKey, link ports.Link) (string, error) {
	switch {
	case s.public == nil:
		return "", domain.Errorf(domain.NotSupported, "no public address of the object storage is configured")
	case key.IsZero():
		return "", domain.Errorf(domain.Internal, "link without a key")
	case link.TTL < time.Second || link.TTL > 7*24*time.Hour:
		return "", domain.InvalidField("ttl", "must be from one second to seven days")
	}
	answer := url.Values{}
	if link.Disposition != "" {
		answer.Set("response-content-disposition", link.Disposition)
	}
	if link.ContentType != "" {
		answer.Set("response-content-type", link.ContentType)
	}
	signed, err := s.public.PresignedGetObject(ctx, s.bucket, key.String(), link.TTL, answer)
	if err != nil {
		return "", s.translate(ctx, "sign a link", err)
	}
	return signed.String(), nil
}

func describe(info minio.ObjectInfo) ports.Object {
	key, _ := domain.ParseObjectKey(info.Key) // the zero key is the answer for a name that is not ours
	return ports.Object{
		Key: key, Name: info.Key, Size: info.Size, ContentType: info.ContentType, ModTime: info.LastModified,
	}
}

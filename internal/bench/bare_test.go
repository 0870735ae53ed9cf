//go:build bench

package bench

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/redis/go-redis/v9"
)

// bare does the operations an upload is made of, and nothing else: no HTTP, no checks.
type bare struct {
	s3     *minio.Client
	bucket string
	db     *pgxpool.Pool
	redis  *redis.Client
}

func newBare(t *testing.T, s *stack) *bare {
	t.Helper()
	client, err := minio.New(s.s3.Endpoint, &minio.Options{Creds: credentials.NewStaticV4(s.s3.AccessKey, s.s3.SecretKey, ""), Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := pgxpool.ParseConfig(s.db.AppDSN)
	if err != nil {
		t.Fatal(err)
	}
	cfg.MaxConns = clients
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	opts, err := redis.ParseURL(s.redis.URL)
	if err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(opts)
	t.Cleanup(func() { _ = rdb.Close() })
	return &bare{s3: client, bucket: s.bucket, db: pool, redis: rdb}
}

func (b *bare) put(ctx context.Context, key string, content []byte) error {
	_, err := b.s3.PutObject(ctx, b.bucket, key, bytes.NewReader(content), int64(len(content)), minio.PutObjectOptions{ContentType: "text/plain"})
	return err
}

// insert adds the same row that the vault adds.
func (b *bare) insert(ctx context.Context, id uuid.UUID, key string, content []byte) error {
	sum := sha256.Sum256(content)
	_, err := b.db.Exec(ctx, `INSERT INTO documents (id, filename, object_key, content_type, size_bytes, sha256, task_id, enqueued_at, status)
		VALUES ($1, 'bench.txt', $2, 'text/plain', $3, $4, $5, now(), 'archived')`, id, key, len(content), sum[:], uuid.NewString())
	return err
}

// push adds a message as long as a task's to a list of its own.
func (b *bare) push(ctx context.Context) error {
	return b.redis.LPush(ctx, "bench-bare", message).Err()
}

var message = fmt.Sprintf(`{"body": "%0512d", "headers": {%0700d}}`, 1, 1)

func (b *bare) get(ctx context.Context, key string) error {
	object, err := b.s3.GetObject(ctx, b.bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return err
	}
	defer object.Close()
	_, err = io.Copy(io.Discard, object)
	return err
}

// update records a text, as the end of processing does.
func (b *bare) update(ctx context.Context, id uuid.UUID, text []byte) error {
	_, err := b.db.Exec(ctx, `UPDATE documents SET extracted_text = $2, updated_at = now() WHERE id = $1`, id, string(text))
	return err
}

func newKey(id uuid.UUID) string {
	return uuid.Nil.String() + "/" + id.String() + "/" + uuid.NewString() + ".txt"
}

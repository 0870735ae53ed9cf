package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/docuvault/docuvault/adapters/schema"
)

// An upload is a row in PostgreSQL and an object in the bucket, as SQL and a plain S3 client see them, and lists are read from
// the row (STORE-01, STORE-02).
func TestUploadLandsInPostgresAndInTheBucket(t *testing.T) {
	t.Parallel()
	s := services(t)
	api := process(t, s.env, "api")
	v := listening(t, api)
	const name, text = "tax return 2025.TXT", "What is owed.\n"
	doc := v.mustUpload(t, name, text)

	db, err := schema.Open(s.db.AppDSN)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() // nothing depends on it
	var filename, key, contentType, backend, status string
	var size int64
	var digest []byte
	row := db.QueryRowContext(t.Context(), `SELECT filename, object_key, content_type, storage_backend, status, size_bytes, sha256
		FROM documents WHERE id = $1 AND user_id IS NULL AND (SELECT count(*) FROM documents) = 1`, doc.ID)
	if err := row.Scan(&filename, &key, &contentType, &backend, &status, &size, &digest); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(text))
	if filename != name || contentType != "text/plain" || backend != "minio" || status != "pending" || size != int64(len(text)) || string(digest) != string(sum[:]) {
		t.Errorf("the row: %q %q %q %q %d %x", filename, contentType, backend, status, size, digest)
	}
	if !regexp.MustCompile(`^00000000-0000-0000-0000-000000000000/` + doc.ID + `/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\.txt$`).MatchString(key) {
		t.Errorf("the key is %q", key)
	}

	objects := objectsOf(t, s)
	if len(objects) != 1 || objects[key] != text {
		t.Errorf("the bucket holds %q, want the upload as %s", objects, key)
	}

	if _, err := db.ExecContext(t.Context(), "UPDATE documents SET filename = 'renamed by SQL.txt'"); err != nil {
		t.Fatal(err)
	}
	var listed []struct {
		Filename string `json:"filename"`
	}
	if code, err := v.call(http.MethodGet, "/api/documents", "", nil, &listed); err != nil || code != http.StatusOK || len(listed) != 1 || listed[0].Filename != "renamed by SQL.txt" {
		t.Errorf("the list: %d, %v, %+v", code, err, listed)
	}
	stop(t, api)
}

// objectsOf reads the whole bucket.
func objectsOf(t *testing.T, s realServices) map[string]string {
	t.Helper()
	var bucket string
	for _, setting := range s.env {
		if value, ok := strings.CutPrefix(setting, "MINIO_BUCKET="); ok {
			bucket = value
		}
	}
	transport := &http.Transport{DisableKeepAlives: true}
	client, err := minio.New(s.s3.Endpoint, &minio.Options{Creds: credentials.NewStaticV4(s.s3.AccessKey, s.s3.SecretKey, ""), Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	objects := map[string]string{}
	for info := range client.ListObjects(t.Context(), bucket, minio.ListObjectsOptions{Recursive: true}) {
		if info.Err != nil {
			t.Fatal(info.Err)
		}
		object, err := client.GetObject(t.Context(), bucket, info.Key, minio.GetObjectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(object)
		if err = errors.Join(err, object.Close()); err != nil {
			t.Fatal(err)
		}
		objects[info.Key] = string(content)
	}
	return objects
}

// Uploads of all sizes at once, single PUTs and multipart ones, are each stored as they were sent (STORE-07).
func TestConcurrentUploadsCorruptNothing(t *testing.T) {
	t.Parallel()
	const uploads = 64
	s := services(t)
	api := process(t, s.env, "api")
	v := listening(t, api)
	v.client = patientClient()
	errs := make([]error, uploads)
	var running sync.WaitGroup
	for i := range uploads {
		running.Go(func() { errs[i] = v.thereAndBack(fmt.Sprintf("%d.txt", i), hexText(i, sizeOf(i))) })
	}
	running.Wait()
	for i, err := range errs {
		if err != nil {
			t.Errorf("upload %d of %d bytes: %v", i, sizeOf(i), err)
		}
	}
	if objects := objectsOf(t, s); len(objects) != uploads {
		t.Errorf("%d objects for %d uploads", len(objects), uploads)
	}
	stop(t, api)
}

// patientClient is for a machine with much else to do.
func patientClient() *http.Client {
	return &http.Client{Timeout: 5 * time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}
}

// sizeOf mixes sizes from one byte up; two need more than one part.
func sizeOf(i int) int {
	sizes := []int{1, 17, 4 << 10, 32<<10 - 1, 64 << 10, 300_001, 1 << 20, 3<<20 + 5}
	if i == 20 || i == 40 {
		return 21 << 20
	}
	return sizes[i%len(sizes)]
}

// hexText is so many bytes of text that nobody else has.
func hexText(i, size int) string {
	random := make([]byte, size/2+1)
	_, _ = rand.NewChaCha8([32]byte{byte(i)}).Read(random) // always nil
	return hex.EncodeToString(random)[:size]
}

// thereAndBack uploads a text and downloads it again.
func (v vault) thereAndBack(name, text string) error {
	doc, status, err := v.upload(name, text)
	if err != nil || status != http.StatusCreated {
		return fmt.Errorf("answered with %d, %w", status, err)
	}
	response, err := v.client.Get(v.url + "/api/documents/" + doc.ID + "/content")
	if err != nil {
		return err
	}
	defer response.Body.Close() // read to its end
	hash := sha256.New()
	if _, err := io.Copy(hash, response.Body); err != nil {
		return err
	}
	if sum := sha256.Sum256([]byte(text)); response.StatusCode != http.StatusOK || string(hash.Sum(nil)) != string(sum[:]) {
		return fmt.Errorf("came back with %d and another hash", response.StatusCode)
	}
	return nil
}

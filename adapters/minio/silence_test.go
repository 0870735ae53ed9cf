package minio

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/docuvault/docuvault/domain"
)

// TestServerThatNeverAnswers takes everything it is sent and says nothing. An upload has no deadline of its own once its last
// byte is sent: the timeout of the answer is all that ends it.
func TestServerThatNeverAnswers(t *testing.T) {
	t.Parallel()
	over := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-over
	}))
	t.Cleanup(func() {
		close(over)
		server.Close()
	})
	store := open(t, Config{Endpoint: server.URL, Bucket: "bucket", AccessKey: "a", SecretKey: "s", Timeout: 200 * time.Millisecond})
	const size = smallBody + 1
	ended := make(chan error, 1)
	go func() {
		_, err := store.Put(t.Context(), newKey(), bytes.NewReader(make([]byte, size)), size, "")
		ended <- err
	}()
	limit := time.NewTimer(time.Minute)
	defer limit.Stop()
	select {
	case err := <-ended:
		mustAllBe(t, map[string]error{"Put": err}, domain.Unavailable)
	case <-limit.C:
		t.Fatal("a timeout of 200 ms does not end it")
	}
}

// transport plays the server's part without one.
type transport func(*http.Request) (status int, body string)

func (f transport) RoundTrip(request *http.Request) (*http.Response, error) {
	status, body := f(request)
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/xml"}, "Etag": {`"e"`}}, Body: io.NopCloser(strings.NewReader(body)), Request: request,
	}, nil
}

func openOn(t *testing.T, f transport) *Store {
	t.Helper()
	store := open(t, Config{Endpoint: "127.0.0.1:1", Bucket: "bucket", AccessKey: "a", SecretKey: "s", PartSize: minPartSize})
	client, err := minio.New("127.0.0.1:1", &minio.Options{
		Creds: credentials.NewStaticV4("a", "s", ""), Transport: f, Region: "us-east-1", MaxRetries: 1,
	})
	must(t, err)
	store.s3 = minio.Core{Client: client}
	return store
}

// TestPartsAreLetGo: the chunks of a part that failed are lent to the next upload. A transport may go on reading behind a call
// that has returned; the race detector sees whether it still reaches them.
func TestPartsAreLetGo(t *testing.T) {
	t.Parallel()
	var reading sync.WaitGroup
	store := openOn(t, func(request *http.Request) (int, string) {
		switch request.Method {
		case http.MethodPost:
			return http.StatusOK, `<InitiateMultipartUploadResult><UploadId>id</UploadId></InitiateMultipartUploadResult>`
		case http.MethodPut:
			begun := make(chan struct{})
			reading.Go(func() {
				_, _ = request.Body.Read(make([]byte, 1))
				close(begun)
				_, _ = io.Copy(io.Discard, request.Body)
			})
			<-begun
			return http.StatusForbidden, `<Error><Code>AccessDenied</Code></Error>`
		default:
			return http.StatusNoContent, ""
		}
	})
	for range 10 {
		_, err := store.Put(t.Context(), newKey(), bytes.NewReader(make([]byte, 2*minPartSize)), -1, "")
		mustAllBe(t, map[string]error{"Put": err}, domain.Unavailable)
	}
	reading.Wait()
}

// TestInTheWay: a server that refuses because of another request of the moment is sent the same bytes again, all of them.
func TestInTheWay(t *testing.T) {
	t.Parallel()
	var bodies []string
	store := openOn(t, func(request *http.Request) (int, string) {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			t.Error("the body of a try:", err)
		}
		if bodies = append(bodies, string(body)); len(bodies) < tries {
			return http.StatusConflict, `<Error><Code>ConditionalRequestConflict</Code></Error>`
		}
		return http.StatusOK, ""
	})
	n, err := store.Put(t.Context(), newKey(), strings.NewReader("the same bytes"), -1, "")
	if err != nil || n != 14 || len(bodies) != tries {
		t.Fatalf("%d bytes, %v after %d tries", n, err, len(bodies))
	}
	for _, body := range bodies {
		if !strings.Contains(body, "the same bytes") {
			t.Errorf("a try sent %q", body)
		}
	}
}

// TestTakenByNothing: a server that refuses a key as taken and has no object of it contradicts itself. That is no conflict, which
// would say that somebody else's object is there.
func TestTakenByNothing(t *testing.T) {
	t.Parallel()
	store := openOn(t, func(request *http.Request) (int, string) {
		if request.Method == http.MethodHead {
			return http.StatusNotFound, ""
		}
		_, _ = io.Copy(io.Discard, request.Body)
		return http.StatusPreconditionFailed, `<Error><Code>PreconditionFailed</Code></Error>`
	})
	_, err := store.Put(t.Context(), newKey(), strings.NewReader("x"), -1, "")
	mustAllBe(t, map[string]error{"Put": err}, domain.Unavailable)
}

package minio

import (
	"bytes"
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/internal/testenv"
	"github.com/docuvault/docuvault/ports"
)

func newKey() domain.ObjectKey {
	return domain.NewObjectKey(domain.Owner{}, domain.DocumentID(uuid.New()), uuid.New(), "a.txt")
}

// everyCall makes each call that needs the server once.
func everyCall(ctx context.Context, store *Store, key domain.ObjectKey) map[string]error {
	short, long := []byte("short"), make([]byte, store.partSize+1)
	put := func(content []byte, size int64) error {
		_, err := store.Put(ctx, newKey(), bytes.NewReader(content), size, "")
		return err
	}
	get := func() error {
		reader, _, err := store.Get(ctx, key, ports.Range{})
		if err == nil {
			_ = reader.Close()
		}
		return err
	}
	stat := func() error { _, err := store.Stat(ctx, key); return err }
	abort := func() error { _, err := store.AbortStale(ctx, time.Now(), false); return err }
	calls := map[string]func() error{
		"Put short, known": func() error { return put(short, 5) }, "Put short": func() error { return put(short, -1) },
		"Put streamed": func() error { return put(long[:smallBody+1], smallBody+1) },
		"Put long":     func() error { return put(long, -1) },
		"Get":          get, "Stat": stat, "AbortStale": abort,
		"Delete":       func() error { return store.Delete(ctx, newKey()) },
		"List":         func() error { return store.List(ctx, "", func(ports.Object) error { return nil }) },
		"Health":       func() error { return store.Health(ctx) },
		"EnsureBucket": func() error { return store.EnsureBucket(ctx) },
	}
	type answer struct {
		name string
		err  error
	}
	answers := make(chan answer)
	for name, call := range calls {
		go func() { answers <- answer{name, call()} }()
	}
	errs := map[string]error{}
	for range calls {
		a := <-answers
		errs[a.name] = a.err
	}
	return errs
}

func mustAllBe(t *testing.T, errs map[string]error, want domain.Code) {
	t.Helper()
	for name, err := range errs {
		if code := domain.ErrorCode(err); code != want {
			t.Errorf("%s: %v with code %q, want %q", name, err, code, want)
		}
	}
}

// TestServerGoesAndComesBack stops, freezes and kills a server under a store that lives on.
func TestServerGoesAndComesBack(t *testing.T) {
	t.Parallel()
	s3 := testenv.OwnS3(t)
	cfg := configOf(s3, testenv.Bucket(t, s3))
	store := open(t, cfg)
	cfg.Timeout = time.Second
	hasty := open(t, cfg)
	key := newKey()
	_, err := store.Put(t.Context(), key, strings.NewReader("kept"), -1, "")
	must(t, err)
	mustAllBe(t, everyCall(t.Context(), store, key), "")
	mustAllBe(t, everyCall(t.Context(), hasty, key), "")

	s3.Pause(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	began := time.Now()
	mustAllBe(t, everyCall(ctx, hasty, key), domain.Unavailable)
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("a deadline and a timeout of one second held for %v", took)
	}
	s3.Resume(t)
	mustAllBe(t, everyCall(t.Context(), store, key), "")

	s3.Stop(t)
	began = time.Now()
	mustAllBe(t, everyCall(t.Context(), store, key), domain.Unavailable)
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("an absent server took %v to notice", took)
	}
	s3.Start(t)
	mustAllBe(t, everyCall(t.Context(), store, key), "")
}

// TestFrozenServer: without any deadline of the caller's, the store's own timeout ends every call.
func TestFrozenServer(t *testing.T) {
	t.Parallel()
	s3 := testenv.OwnS3(t)
	cfg := configOf(s3, testenv.Bucket(t, s3))
	cfg.Timeout = time.Second
	store := open(t, cfg)
	key := newKey()
	_, err := store.Put(t.Context(), key, bytes.NewReader(make([]byte, 64<<20)), -1, "")
	must(t, err)
	reader, _, err := store.Get(t.Context(), key, ports.Range{})
	must(t, err)
	s3.Pause(t)
	t.Cleanup(func() { s3.Resume(t) })
	mustAllBe(t, everyCallButPut(t.Context(), store, key), domain.Unavailable)
	_, err = io.Copy(io.Discard, reader)
	mustAllBe(t, map[string]error{"Read": err}, domain.Unavailable)
	must(t, reader.Close())
}

// everyCallButPut leaves out what takes half a minute to find out what became of an object.
func everyCallButPut(ctx context.Context, store *Store, key domain.ObjectKey) map[string]error {
	stat := func() error { _, err := store.Stat(ctx, key); return err }
	return map[string]error{
		"Stat": stat(), "Health": store.Health(ctx), "Delete": store.Delete(ctx, newKey()),
		"List": store.List(ctx, "", func(ports.Object) error { return nil }),
	}
}

// forgetful is a proxy before a real server that can lose the answers to what the server has done.
type forgetful struct {
	*httptest.Server
	lose   atomic.Pointer[func(*http.Request) bool]
	lost   atomic.Int32
	during atomic.Pointer[func()]
	damage atomic.Bool // change a byte of every body
}

func newForgetful(t *testing.T, s3 testenv.S3Server) *forgetful {
	f := &forgetful{}
	transport := &http.Transport{DisableKeepAlives: true}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: s3.Endpoint})
			r.Out.Host = r.In.Host // the signature is for it
			if f.damage.Load() {
				r.Out.Body = &damaging{ReadCloser: r.In.Body}
			}
		},
		Transport: transport,
		ModifyResponse: func(answer *http.Response) error {
			lose := f.lose.Load()
			if lose == nil || !(*lose)(answer.Request) {
				return nil
			}
			f.lost.Add(1)
			if during := f.during.Load(); during != nil {
				(*during)()
			}
			panic(http.ErrAbortHandler)
		},
	}
	proxy.ErrorLog = log.New(io.Discard, "", 0) // what is cut off is meant to be
	f.Server = httptest.NewServer(proxy)
	t.Cleanup(f.Close)
	return f
}

func (f *forgetful) loseIf(lose func(*http.Request) bool) { f.lose.Store(&lose) }

func isPut(r *http.Request) bool { return r.Method == http.MethodPut && r.URL.RawQuery == "" }

func isComplete(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL.Query().Has("uploadId")
}

// TestLostAnswers: an object whose answer was lost is stored, and Put knows. Tried again, it is not its own rival.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	s3 := testenv.S3(t)
	bucket := testenv.Bucket(t, s3)
	for name, test := range map[string]struct {
		size      int64
		announced bool
		lose      func(*http.Request) bool
	}{
		"held":     {100, false, isPut},
		"streamed": {3 << 20, true, isPut},
		"parts":    {minPartSize + 1, false, isComplete},
	} {
		for _, canceled := range []bool{false, true} {
			t.Run(name+map[bool]string{true: " and canceled"}[canceled], func(t *testing.T) {
				t.Parallel()
				proxy := newForgetful(t, s3)
				cfg := configOf(s3, bucket)
				cfg.Endpoint = proxy.URL
				store, key := open(t, cfg), newKey()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				proxy.loseIf(test.lose)
				if canceled {
					do := func() { cancel() }
					proxy.during.Store(&do)
				}
				size := int64(-1)
				if test.announced {
					size = test.size
				}
				n, err := store.Put(ctx, key, bytes.NewReader(make([]byte, test.size)), size, "")
				if err != nil || n != test.size {
					t.Fatalf("Put whose answer was lost: %d, %v, want success: the object is there", n, err)
				}
				if proxy.lost.Load() == 0 {
					t.Fatal("no answer was lost")
				}
				object, err := store.Stat(t.Context(), key)
				if err != nil || object.Size != test.size {
					t.Fatalf("Stat: %+v, %v", object, err)
				}
			})
		}
	}
}

// TestCanceledWhileBeginning: the context ends with the answer that carries the upload's id, and nothing is left.
func TestCanceledWhileBeginning(t *testing.T) {
	t.Parallel()
	s3 := testenv.S3(t)
	proxy := newForgetful(t, s3)
	cfg := configOf(s3, testenv.Bucket(t, s3))
	direct := open(t, cfg)
	cfg.Endpoint = proxy.URL
	store, key := open(t, cfg), newKey()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	proxy.loseIf(func(r *http.Request) bool {
		if r.Method == http.MethodPost && r.URL.Query().Has("uploads") {
			cancel()
		}
		return false
	})
	_, err := store.Put(ctx, key, bytes.NewReader(make([]byte, 3*minPartSize)), -1, "")
	if domain.ErrorCode(err) != domain.Canceled {
		t.Fatalf("Put: %v, want Canceled", err)
	}
	if n := unfinished(t, direct); n != 0 {
		t.Fatalf("%d uploads are left", n)
	}
}

// TestNotTakenForAnother: when the answer is lost and the key is another Put's, that one's object stays and this one fails.
func TestNotTakenForAnother(t *testing.T) {
	t.Parallel()
	s3 := testenv.S3(t)
	proxy := newForgetful(t, s3)
	cfg := configOf(s3, testenv.Bucket(t, s3))
	direct := open(t, cfg)
	cfg.Endpoint = proxy.URL
	store := open(t, cfg)
	for _, size := range []int64{5, 3 << 20, minPartSize + 1} {
		key, others := newKey(), bytes.Repeat([]byte("o"), int(size))
		_, err := direct.Put(t.Context(), key, bytes.NewReader(others), size, "")
		must(t, err)
		proxy.loseIf(func(r *http.Request) bool { return isPut(r) || isComplete(r) })
		_, err = store.Put(t.Context(), key, bytes.NewReader(make([]byte, size)), size, "")
		if err == nil {
			t.Fatal("Put took another's object for its own")
		}
		proxy.loseIf(func(*http.Request) bool { return false })
		reader, _, err := store.Get(t.Context(), key, ports.Range{})
		must(t, err)
		got, err := io.ReadAll(reader)
		must(t, err)
		must(t, reader.Close())
		if !bytes.Equal(got, others) {
			t.Fatal("another's object was changed")
		}
	}
}

// damaging changes the hundredth byte.
type damaging struct {
	io.ReadCloser
	at int
}

func (d *damaging) Read(p []byte) (int, error) {
	n, err := d.ReadCloser.Read(p)
	if d.at <= 100 && 100 < d.at+n {
		p[100-d.at] ^= 1
	}
	d.at += n
	return n, err
}

// TestDamagedOnTheWay: no upload is stored with another byte than was sent, whichever way it goes.
func TestDamagedOnTheWay(t *testing.T) {
	t.Parallel()
	for name, s3 := range map[string]testenv.S3Server{"minio": testenv.S3(t), "versity": testenv.Versity(t)} {
		for _, signed := range []bool{false, true} {
			t.Run(name+map[bool]string{true: " signed"}[signed], func(t *testing.T) {
				t.Parallel()
				proxy := newForgetful(t, s3)
				cfg := configOf(s3, testenv.Bucket(t, s3))
				cfg.Endpoint, cfg.UnsignedPayloads = proxy.URL, !signed
				store := open(t, cfg)
				for _, size := range []int64{200, 1 << 20, 3 << 20, minPartSize + 1} {
					key := newKey()
					proxy.damage.Store(true)
					_, err := store.Put(t.Context(), key, bytes.NewReader(make([]byte, size)), size, "")
					proxy.damage.Store(false)
					if domain.ErrorCode(err) != domain.Unavailable {
						t.Errorf("Put of %d bytes of which one is changed: %v, want Unavailable", size, err)
					}
					if _, err := store.Stat(t.Context(), key); domain.ErrorCode(err) != domain.NotFound {
						t.Errorf("Stat of it: %v, want NotFound", err)
					}
					_, err = store.Put(t.Context(), key, bytes.NewReader(make([]byte, size)), size, "")
					must(t, err)
				}
			})
		}
	}
}

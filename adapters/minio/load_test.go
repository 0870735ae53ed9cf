package minio

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/docuvault/docuvault/internal/testenv"
)

// inUse is what the process has taken from the operating system and not given back, in bytes.
func inUse() uint64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64() - samples[1].Value.Uint64()
}

// growth runs f and returns by how much memory grew at most meanwhile.
func growth(f func()) uint64 {
	runtime.GC()
	debug.FreeOSMemory()
	before, peak := inUse(), atomic.Uint64{}
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			if now := inUse(); now > peak.Load() {
				peak.Store(now)
			}
			<-tick.C
		}
	})
	f()
	cancel()
	group.Wait()
	return max(peak.Load(), before) - before
}

// TestMemory is not parallel: it measures the whole process, in which nothing else runs meanwhile, for tests that are parallel
// start when it has ended. What the race detector keeps beside Go's own memory is not in the figures.
func TestMemory(t *testing.T) {
	s3 := testenv.S3(t)
	cfg := configOf(s3, testenv.Bucket(t, s3))
	cfg.PartSize = 0 // the default
	store := open(t, cfg)
	const mib = 1 << 20
	put := func(r io.Reader, size, want int64) {
		if n, err := store.Put(t.Context(), newKey(), r, size, ""); err != nil || n != want {
			t.Errorf("Put: %d, %v, want %d", n, err, want)
		}
	}
	for _, test := range []struct {
		name  string
		limit uint64 // MiB
		do    func()
	}{
		{"1 GiB of unknown length", 64, func() { put(io.LimitReader(noise{}, 1<<30), -1, 1<<30) }},
		{"1 GiB of known length", 64, func() { put(io.LimitReader(noise{}, 1<<30), 1<<30, 1<<30) }},
		{"64 at once of 4 KiB and unknown length", 32, func() { atOnce(64, func() { put(io.LimitReader(noise{}, 4<<10), -1, 4<<10) }) }},
		{"64 at once of 1 MiB and unknown length", 128, func() { atOnce(64, func() { put(io.LimitReader(noise{}, mib), -1, mib) }) }},
		{"64 at once of 1 MiB and known length", 128, func() { atOnce(64, func() { put(io.LimitReader(noise{}, mib), mib, mib) }) }},
	} {
		grew := growth(test.do)
		t.Logf("%s: %.1f MiB", test.name, float64(grew)/mib)
		if grew > test.limit*mib {
			t.Errorf("%s took %d MiB, at most %d are allowed", test.name, grew/mib, test.limit)
		}
	}
}

func atOnce(n int, f func()) {
	var group sync.WaitGroup
	for range n {
		group.Go(f)
	}
	group.Wait()
}

// noise yields bytes that are cheap to make.
type noise struct{}

func (noise) Read(p []byte) (int, error) {
	for i := 0; i < len(p); i += 512 {
		p[i] = byte(i >> 9)
	}
	return len(p), nil
}

// BenchmarkPut compares Put with a bare loop of minio-go's PutObject of known size: alternating rounds, 16 clients. It reports
// documents per second of both and their ratio.
func BenchmarkPut(b *testing.B) {
	s3 := testenv.S3(b)
	for _, size := range []int64{4 << 10, 1 << 20} {
		for _, announced := range []int64{size, -1} {
			b.Run(fmt.Sprintf("%dKiB announced %d", size>>10, announced), func(b *testing.B) {
				cfg := configOf(s3, testenv.Bucket(b, s3))
				cfg.PartSize = 0
				store := open(b, cfg)
				bare := bareClient(b, cfg)
				content := bytes.Repeat([]byte("docuvault"), int(size/9+1))[:size]
				ours := func() error {
					_, err := store.Put(b.Context(), newKey(), struct{ io.Reader }{bytes.NewReader(content)}, announced, "text/plain")
					return err
				}
				theirs := func() error {
					_, err := bare.PutObject(b.Context(), cfg.Bucket, uuid.NewString(), bytes.NewReader(content), size,
						minio.PutObjectOptions{ContentType: "text/plain"})
					return err
				}
				const rounds, clients = 4, 16
				each := min(400, int(96<<20/size))
				var spent [2]time.Duration
				measure := func(i int, f func() error) {
					began := time.Now()
					var left atomic.Int64
					left.Store(int64(each))
					atOnce(clients, func() {
						for left.Add(-1) >= 0 {
							if err := f(); err != nil {
								b.Error(err)
							}
						}
					})
					spent[i] += time.Since(began)
				}
				b.ResetTimer()
				for range b.N {
					for round := range rounds + 1 {
						if round == 1 {
							spent = [2]time.Duration{} // the first one warms up
						}
						measure(0, ours)
						measure(1, theirs)
					}
				}
				b.SetBytes(0)
				b.ReportMetric(float64(rounds*each)/spent[0].Seconds(), "put/s")
				b.ReportMetric(float64(rounds*each)/spent[1].Seconds(), "bare/s")
				b.ReportMetric(spent[1].Seconds()/spent[0].Seconds(), "ratio")
			})
		}
	}
}

func bareClient(b *testing.B, cfg Config) *minio.Client {
	b.Helper()
	transport, err := minio.DefaultTransport(false)
	must(b, err)
	b.Cleanup(func() { transport.CloseIdleConnections() })
	client, err := minio.New(cfg.Endpoint, &minio.Options{
		Creds: credentials.NewStaticV4(cfg.AccessKey, cfg.SecretKey, ""), Transport: transport,
	})
	must(b, err)
	return client
}

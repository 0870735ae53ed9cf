package filesystem

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"
)

var farFuture = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// BenchmarkPut is 16 clients that upload one document after the other, each to a folder of its own and synced to disk.
func BenchmarkPut(b *testing.B) {
	for _, size := range []int{4 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			store, _ := open(b)
			content := bytes.Repeat([]byte("x"), size)
			b.SetBytes(int64(size))
			b.ResetTimer()
			work := make(chan struct{})
			var group sync.WaitGroup
			for range 16 {
				group.Go(func() {
					for range work {
						if _, err := store.Put(b.Context(), newKey(), bytes.NewReader(content), int64(size), ""); err != nil {
							b.Error(err)
						}
					}
				})
			}
			for range b.N {
				work <- struct{}{}
			}
			close(work)
			group.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "uploads/s")
		})
	}
}

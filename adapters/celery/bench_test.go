package celery

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docuvault/docuvault/internal/testenv"
)

// BenchmarkWorker runs no-op tasks with results through a worker, then through a bare loop of the identical Redis
// commands (the same scripts with the same arguments in the same batches, nothing decoded, nothing run), on the same
// Redis, and prints the ratio: go test -run '^$' -bench Worker -benchtime 20000x ./adapters/celery
func BenchmarkWorker(b *testing.B) {
	c := benchClient(b)
	defer func() { _ = c.Close() }()
	var worker, bare time.Duration
	const rounds = 3
	for range rounds { // alternating, so that noise on the machine meets both
		worker += benchWorker(b, c, b.N)
		bare += benchBare(b, c, b.N)
	}
	perSecond := func(d time.Duration) float64 { return float64(rounds*b.N) / d.Seconds() }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(perSecond(worker), "tasks/s")
	b.ReportMetric(perSecond(bare), "bare/s")
	b.ReportMetric(bare.Seconds()/worker.Seconds(), "ratio")
}

// benchClient is on a Redis with the append-only file synced every second, Redis's default: the tests' own syncs on
// every write, and the disk would be all that is measured.
func benchClient(b *testing.B) *Client {
	b.Helper()
	c, err := Open(Config{BrokerURL: testenv.Redis(b).URL})
	if err != nil {
		b.Fatal(err)
	}
	if err := c.rdb.ConfigSet(context.Background(), "appendfsync", "everysec").Err(); err != nil {
		b.Fatal(err)
	}
	return c
}

func fill(b *testing.B, c *Client, n int) {
	b.Helper()
	p := NewProducer(c)
	for n > 0 {
		batch := make([]Task, min(n, 1000))
		for i := range batch {
			batch[i] = Task{Name: "bench.noop", Args: []any{i, "text"}}
		}
		if _, err := p.SendBatch(context.Background(), batch); err != nil {
			b.Fatal(err)
		}
		n -= len(batch)
	}
}

func benchWorker(b *testing.B, c *Client, n int) time.Duration {
	b.Helper()
	fill(b, c, n)
	w, err := NewWorker(c, WorkerConfig{})
	if err != nil {
		b.Fatal(err)
	}
	var ran atomic.Int64
	all := make(chan struct{})
	w.Handle("bench.noop", func(context.Context, *Delivery) (any, error) {
		if ran.Add(1) == int64(n) {
			close(all)
		}
		return nil, nil
	}, HandlerOptions{})
	done := make(chan error, 1)
	began := time.Now()
	go func() { done <- w.Run(context.Background()) }()
	<-all
	w.Stop()
	if err := <-done; err != nil { // returns once the last result is written
		b.Fatal(err)
	}
	return time.Since(began)
}

func benchBare(b *testing.B, c *Client, n int) time.Duration {
	b.Helper()
	fill(b, c, n)
	ctx := context.Background()
	began := time.Now()
	for left := n; left > 0; {
		take := &call{script: takeScript, keys: append([]string{c.keys.unacked(), c.keys.unackedIndex(), c.keys.quarantine()}, c.keys.lists(DefaultQueue)...),
			args: []any{128, c.scoreOffset(), freshTag(), 1, 0, `"celery"`}}
		if err := runScripts(ctx, c.rdb, []*call{take}); err != nil {
			b.Fatal(err)
		}
		got, err := take.cmd.StringSlice()
		if err != nil {
			b.Fatal(err)
		}
		var calls []*call
		for i := 0; i < len(got); i += 4 {
			doc := `{"status": "SUCCESS", "result": null, "traceback": null, "children": [], "date_done": "2026-11-23T20:21:23.187404+00:00", "task_id": "dc2100000-0000-0000-0000-00000000"}`
			calls = append(calls, c.completeCall(got[i+2], c.keys.result(got[i+2]), []byte(doc), nil))
		}
		if err := runScripts(ctx, c.rdb, calls); err != nil {
			b.Fatal(err)
		}
		left -= len(calls)
	}
	return time.Since(began)
}

// BenchmarkProducer sends one task a round trip, and many in one.
func BenchmarkProducer(b *testing.B) {
	for _, size := range []int{1, 1000} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			c := benchClient(b)
			defer func() { _ = c.Close() }()
			p := NewProducer(c)
			b.ResetTimer()
			for n := b.N; n > 0; n -= size {
				batch := make([]Task, min(n, size))
				for i := range batch {
					batch[i] = Task{Name: "bench.noop", Args: []any{i, "text"}}
				}
				if _, err := p.SendBatch(context.Background(), batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
		})
	}
}

package celery_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/docuvault/docuvault/adapters/celery"
)

// brokerURL is where the examples' Redis is.
func brokerURL() (string, func()) {
	m := miniredis.NewMiniRedis()
	if err := m.Start(); err != nil {
		panic(err)
	}
	return "redis://" + m.Addr() + "/0", m.Close
}

// A producer, a worker and somebody who waits, in one program; each could be Python.
func Example() {
	url, stop := brokerURL()
	defer stop()
	client, err := celery.Open(celery.Config{BrokerURL: url})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close() // an example

	worker, err := celery.NewWorker(client, celery.WorkerConfig{Queues: []string{"math"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	worker.Handle("math.add", func(_ context.Context, d *celery.Delivery) (any, error) {
		var a, b int
		if err := d.Bind(&a, &b); err != nil {
			return nil, err
		}
		return a + b, nil
	}, celery.HandlerOptions{})
	done := make(chan error, 1)
	go func() { done <- worker.Run(context.Background()) }()

	ctx := context.Background()
	id, err := celery.NewProducer(client).Send(ctx, celery.Task{Name: "math.add", Args: []any{2, 3}, Queue: "math"})
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := celery.NewResults(client).Wait(ctx, id)
	if err != nil {
		fmt.Println(err)
		return
	}
	var sum int
	fmt.Println(result.Decode(&sum), sum)

	worker.Stop()
	fmt.Println(<-done)
	// Output:
	// <nil> 5
	// <nil>
}

func ExampleProducer_Send() {
	url, stop := brokerURL()
	defer stop()
	client, err := celery.Open(celery.Config{BrokerURL: url})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close() // an example
	producer := celery.NewProducer(client)
	_, err = producer.Send(context.Background(), celery.Task{
		Name:      "tasks.document_tasks.extract_and_classify",
		Args:      []any{"0193f3c2-7a4e-7000-8000-000000000001"},
		Queue:     "documents",
		Priority:  3,
		ExpiresIn: time.Hour,
		Headers:   map[string]any{"x-request-id": "42"},
	})
	n, _ := celery.NewInspector(client).QueueLength(context.Background(), "documents")
	fmt.Println(err, n)
	_, err = producer.Send(context.Background(), celery.Task{})
	fmt.Println(errors.Is(err, celery.ErrInvalid))
	// Output:
	// <nil> 1
	// true
}

func ExampleProducer_Start() {
	url, stop := brokerURL()
	defer stop()
	client, err := celery.Open(celery.Config{BrokerURL: url})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close() // an example
	// Add in Go and Python side by side, sum in Go, then note it.
	add := func(queue string, a, b int) celery.Signature { return celery.Sig("add", a, b).With("queue", queue) }
	workflow := celery.Chain(
		celery.Group(add("go", 1, 2), add("py", 3, 4)),
		celery.Sig("sum").With("queue", "go"),
		celery.Sig("note").With("queue", "py"),
	)
	started, err := celery.NewProducer(client).Start(context.Background(), workflow)
	fmt.Println(err, started.ID != "")
	lengths, err := celery.NewInspector(client).QueueLengths(context.Background(), "go", "py")
	fmt.Println(err, lengths)
	// Output:
	// <nil> true
	// <nil> map[go:1 py:1]
}

// A handler that asks for another try: the reason is what the task fails with in the end.
func ExampleRetry() {
	handler := func(ctx context.Context, d *celery.Delivery) (any, error) {
		if err := fetch(ctx); err != nil {
			return nil, &celery.Retry{Reason: err, Countdown: 10 * time.Second}
		}
		return "done", nil
	}
	_, err := handler(context.Background(), &celery.Delivery{})
	fmt.Println(err)
	// Output: retry: storage is away
}

func fetch(context.Context) error { return errors.New("storage is away") }

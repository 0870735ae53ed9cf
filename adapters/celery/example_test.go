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

// A worker of two queues with a task that is tried again with growing, jittered pauses, bounded in time and in rate. It
// runs until its context ends or Stop is called, then finishes what it runs and puts the rest back.
func ExampleWorker() {
	client, stop := connected()
	defer stop()
	worker, err := celery.NewWorker(client, celery.WorkerConfig{Queues: []string{"documents", "mail"}, Concurrency: 8, Hostname: "reader@example"})
	if err != nil {
		fmt.Println(err)
		return
	}
	worker.Handle("mail.send", func(ctx context.Context, d *celery.Delivery) (any, error) {
		var mail struct{ To, Subject string }
		if err := d.BindKwargs(&mail); err != nil {
			return nil, err // a TypeError in Python, for good
		}
		if d.Retries == 0 {
			return nil, &celery.Retry{Reason: errors.New("the server is busy"), Countdown: time.Millisecond}
		}
		return "sent to " + mail.To, nil
	}, celery.HandlerOptions{MaxRetries: 5, RetryDelay: time.Second, RetryBackoff: true, RetryJitter: true, SoftTimeLimit: 20 * time.Second, TimeLimit: 30 * time.Second, RateLimit: "10/s"})

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- worker.Run(ctx) }()
	id, err := celery.NewProducer(client).Send(ctx, celery.Task{Name: "mail.send", Kwargs: map[string]any{"To": "a@example.org"}, Queue: "mail"})
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := celery.NewResults(client).Wait(ctx, id)
	fmt.Println(err, result.Status, string(result.Result))
	cancel()
	fmt.Println(<-done, worker.Stats().Retried)
	// Output:
	// <nil> SUCCESS "sent to a@example.org"
	// <nil> 1
}

// A result by its id, wherever the task ran: waited for, read, forgotten.
func ExampleResults() {
	client, stop := connected()
	defer stop()
	ctx := context.Background()
	results := celery.NewResults(client)
	pending, err := results.Get(ctx, "nobody-knows")
	fmt.Println(pending.Status, err)

	// What a worker does when a task fails.
	err = results.Store(ctx, celery.Result{TaskID: "42", Status: celery.StatusFailure,
		Result: []byte(`{"exc_type": "ValueError", "exc_message": ["boom", 42], "exc_module": "builtins"}`)})
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := results.Wait(ctx, "42")
	fmt.Println(result.Ready(), err)
	var failure *celery.Error
	fmt.Println(errors.As(result.Err(), &failure), failure.Type, failure.Args)

	err = results.Forget(ctx, "42")
	again, _ := results.Get(ctx, "42")
	fmt.Println(again.Status, err)
	// Output:
	// PENDING <nil>
	// true <nil>
	// true ValueError [boom 42]
	// PENDING <nil>
}

// Who is there, what waits, and a task that nobody is to run any more.
func ExampleInspector() {
	client, stop := connected()
	defer stop()
	worker, err := celery.NewWorker(client, celery.WorkerConfig{Queues: []string{"math"}, Hostname: "adder@example"})
	if err != nil {
		fmt.Println(err)
		return
	}
	worker.Handle("math.add", func(context.Context, *celery.Delivery) (any, error) { return nil, nil }, celery.HandlerOptions{})
	done := make(chan error, 1)
	go func() { done <- worker.Run(context.Background()) }()

	ctx := context.Background()
	inspector := celery.NewInspector(client)
	nodes, err := inspector.Ping(ctx, worker.Hostname())
	for len(nodes) == 0 && err == nil { // it may be just starting
		nodes, err = inspector.Ping(ctx, worker.Hostname())
	}
	fmt.Println(nodes, err)
	registered, err := inspector.Registered(ctx, worker.Hostname())
	fmt.Println(string(registered["adder@example"]), err)

	id, err := celery.NewProducer(client).Send(ctx, celery.Task{Name: "math.add", Queue: "math", Countdown: time.Hour})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := inspector.Revoke(ctx, false, id); err != nil {
		fmt.Println(err)
		return
	}
	result, err := celery.NewResults(client).Wait(ctx, id)
	fmt.Println(result.Status, err)
	waiting, err := inspector.QueueLength(ctx, "math")
	fmt.Println(waiting, err)

	fmt.Println(inspector.Shutdown(ctx, worker.Hostname()), <-done)
	// Output:
	// [adder@example] <nil>
	// ["math.add"] <nil>
	// REVOKED <nil>
	// 0 <nil>
	// <nil> <nil>
}

// Three additions side by side, their sum, and that sum with one more: a chord in a chain.
func ExampleChord() {
	client, stop := connected()
	defer stop()
	worker, err := celery.NewWorker(client, celery.WorkerConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	worker.Handle("add", func(_ context.Context, d *celery.Delivery) (any, error) {
		var a, b int
		err := d.Bind(&a, &b)
		return a + b, err
	}, celery.HandlerOptions{})
	worker.Handle("sum", func(_ context.Context, d *celery.Delivery) (any, error) {
		var list []int
		err := d.Bind(&list)
		sum := 0
		for _, n := range list {
			sum += n
		}
		return sum, err
	}, celery.HandlerOptions{})
	done := make(chan error, 1)
	go func() { done <- worker.Run(context.Background()) }()

	ctx := context.Background()
	sums := celery.Chord(celery.Sig("sum"), celery.Sig("add", 1, 2), celery.Sig("add", 3, 4), celery.Sig("add", 5, 6))
	started, err := celery.NewProducer(client).Start(ctx, celery.Chain(sums, celery.Sig("add", 1)))
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := celery.NewResults(client).Wait(ctx, started.ID)
	var n int
	fmt.Println(err, result.Decode(&n), n)
	worker.Stop()
	fmt.Println(<-done)
	// Output:
	// <nil> <nil> 22
	// <nil>
}

// connected is a client on a Redis of its own, and what ends both.
func connected() (*celery.Client, func()) {
	url, stop := brokerURL()
	client, err := celery.Open(celery.Config{BrokerURL: url})
	if err != nil {
		panic(err)
	}
	return client, func() {
		_ = client.Close()
		stop()
	}
}

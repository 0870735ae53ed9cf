package tasks_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/adapters/celery"
	"github.com/docuvault/docuvault/adapters/tasks"
	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/internal/testenv"
	"github.com/docuvault/docuvault/ports"
)

// TestWatch has a worker run tasks that end in every way, and looks at what is told and logged of each.
func TestWatch(t *testing.T) {
	t.Parallel()
	client := open(t, testenv.Redis(t).URL)
	worker, err := celery.NewWorker(client, celery.WorkerConfig{Queues: []string{tasks.DocumentsQueue}, Concurrency: 1})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var outcomes, carried []string
	var text bytes.Buffer
	log := slog.New(tasks.LogHandler(slog.NewJSONHandler(&text, nil)))
	var ends sync.Map // of document ids
	told := make(chan struct{}, 10)
	tasks.Register(worker, func(ctx context.Context, doc domain.DocumentID) (ports.TaskResult, error) {
		log.InfoContext(ctx, "inside")
		end, _ := ends.Load(doc)
		return end.(func() (ports.TaskResult, error))()
	}, tasks.Watch{
		Log: log,
		Continue: func(ctx context.Context, get func(string) string) context.Context {
			mu.Lock()
			defer mu.Unlock()
			carried = append(carried, get("traceparent")+"/"+get("absent"))
			return ctx
		},
		Observe: func(ctx context.Context, kind, name string, _ ...slog.Attr) (context.Context, func(string, error)) {
			return ctx, func(outcome string, err error) {
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					outcome += " !"
				}
				outcomes = append(outcomes, kind+" "+name+" "+outcome)
				told <- struct{}{}
			}
		},
	})
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(context.Background()) }()
	t.Cleanup(func() {
		worker.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	headers := map[string]any{"traceparent": "carried"}
	producer := celery.NewProducer(client)
	send := func(end func() (ports.TaskResult, error)) {
		t.Helper()
		doc := domain.DocumentID(uuid.New())
		ends.Store(doc, end)
		if _, err := producer.Send(t.Context(), celery.Task{Name: tasks.ExtractAndClassify, Args: []any{doc.String()}, Queue: tasks.DocumentsQueue, Headers: headers}); err != nil {
			t.Fatal(err)
		}
		limit := time.NewTimer(time.Minute)
		defer limit.Stop()
		select {
		case <-told:
		case <-limit.C:
			t.Fatal("nothing was told")
		}
	}
	send(func() (ports.TaskResult, error) { return ports.TaskResult{Status: "ready"}, nil })
	headers = map[string]any{"traceparent": 17}
	send(func() (ports.TaskResult, error) { return ports.TaskResult{Status: "a status of Python's"}, nil })
	headers = map[string]any{"traceparent": strings.Repeat("x", 10_000)}
	send(func() (ports.TaskResult, error) { return ports.TaskResult{}, domain.Errorf(domain.Invalid, "wrong") })
	headers = nil
	send(func() (ports.TaskResult, error) { panic("canary") })
	send(func() (ports.TaskResult, error) {
		return ports.TaskResult{}, &app.RetryError{After: time.Hour, Held: true, Err: errors.New("held")}
	})
	send(func() (ports.TaskResult, error) {
		return ports.TaskResult{}, &app.RetryError{After: time.Hour, Err: errors.New("later")}
	})
	mu.Lock()
	defer mu.Unlock()
	const task = "task extract_and_classify "
	if want := []string{task + "ready", task + "other", task + "error !", task + "error !", task + "held", task + "retry"}; !slices.Equal(outcomes, want) {
		t.Errorf("told %v", outcomes)
	}
	if want := []string{"carried/", "/", "/", "/", "/", "/"}; !slices.Equal(carried, want) {
		t.Errorf("carried %q", carried)
	}
}

// TestLogHandler: ids are added where they are missing, and no second time.
func TestLogHandler(t *testing.T) {
	t.Parallel()
	client := open(t, testenv.Redis(t).URL)
	var text bytes.Buffer
	log := slog.New(tasks.LogHandler(slog.NewJSONHandler(&text, nil))).With("a", 1)
	done := make(chan struct{})
	work(t, client, func(ctx context.Context, doc domain.DocumentID) (ports.TaskResult, error) {
		defer close(done)
		log.InfoContext(ctx, "bare")
		log.InfoContext(ctx, "named", "document_id", doc.String())
		return ports.TaskResult{Status: "ready"}, nil
	})
	log.InfoContext(t.Context(), "outside")
	doc := domain.DocumentID(uuid.New())
	if err := tasks.NewQueue(client).Enqueue(t.Context(), "the-task", doc, time.Now()); err != nil {
		t.Fatal(err)
	}
	<-done
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	if len(lines) != 3 || strings.Contains(lines[0], "task_id") {
		t.Fatalf("log:\n%s", text.String())
	}
	for _, line := range lines[1:] {
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil || record["task_id"] != "the-task" || record["document_id"] != doc.String() || strings.Count(line, "document_id") != 1 {
			t.Errorf("%v: %s", err, line)
		}
	}
}

package tasks_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/docuvault/docuvault/adapters/celery"
	"github.com/docuvault/docuvault/adapters/embedded"
	"github.com/docuvault/docuvault/adapters/tasks"
	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/internal/testenv"
	"github.com/docuvault/docuvault/ports"
	"github.com/docuvault/docuvault/ports/queuetest"
)

func TestMain(m *testing.M) { testenv.Main(m) }

func open(t *testing.T, url string) *celery.Client {
	t.Helper()
	client, err := celery.Open(celery.Config{BrokerURL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// work runs a worker with one handler at a time until the test ends.
func work(t *testing.T, client *celery.Client, process tasks.Process) {
	t.Helper()
	workWith(t, client, func(worker *celery.Worker) { tasks.Register(worker, process, tasks.Watch{}) })
}

func workWith(t *testing.T, client *celery.Client, register func(*celery.Worker)) {
	t.Helper()
	worker, err := celery.NewWorker(client, celery.WorkerConfig{Queues: []string{tasks.DocumentsQueue, tasks.OwnQueue}, Concurrency: 1, Prefetch: -1})
	if err != nil {
		t.Fatal(err)
	}
	register(worker)
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(context.Background()) }()
	t.Cleanup(func() {
		worker.Stop()
		if err := <-ended; err != nil {
			t.Errorf("worker: %v", err)
		}
	})
}

// retrySoon turns a retryable error into a retry that a test need not wait for.
func retrySoon(process tasks.Process) tasks.Process {
	return func(ctx context.Context, doc domain.DocumentID) (ports.TaskResult, error) {
		result, err := process(ctx, doc)
		if domain.ErrorCode(err).Retryable() && err != nil {
			err = &app.RetryError{After: 10 * time.Millisecond, Err: err}
		}
		return result, err
	}
}

func harness(t *testing.T, url string, lose, breakIt func(t *testing.T)) queuetest.Harness {
	client := open(t, url)
	return queuetest.Harness{
		Queue: tasks.NewQueue(client),
		Start: func(t *testing.T, handle func(context.Context, domain.DocumentID) (ports.TaskResult, error)) {
			work(t, client, retrySoon(handle))
		},
		Lose: lose, Break: breakIt,
	}
}

func TestConformanceOnRedis(t *testing.T) {
	t.Parallel()
	queuetest.Run(t, func(t *testing.T) queuetest.Harness {
		server := testenv.Redis(t)
		h := harness(t, server.URL,
			func(t *testing.T) { flush(t, server.URL) },
			func(t *testing.T) { server.Stop(t) })
		h.Refuse = func(t *testing.T) {
			if err := dial(t, server.URL).ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
				t.Fatal(err)
			}
		}
		return h
	})
}

func TestConformanceOnEmbeddedRedis(t *testing.T) {
	t.Parallel()
	queuetest.Run(t, func(t *testing.T) queuetest.Harness {
		server, err := embedded.StartRedis(t.Context(), embedded.RedisConfig{}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Stop)
		return harness(t, server.URL(),
			func(t *testing.T) { flush(t, server.URL()) },
			func(*testing.T) { server.Stop() })
	})
}

func TestTrainingConformance(t *testing.T) {
	t.Parallel()
	queuetest.RunTraining(t, func(t *testing.T) queuetest.TrainingHarness {
		server := testenv.Redis(t)
		client := open(t, server.URL)
		return queuetest.TrainingHarness{
			Queue: tasks.NewQueue(client),
			Start: func(t *testing.T, train func(context.Context, domain.Owner) error) {
				workWith(t, client, func(worker *celery.Worker) {
					tasks.RegisterTraining(worker, func(ctx context.Context, owner domain.Owner) error {
						err := train(ctx, owner)
						if domain.ErrorCode(err).Retryable() && err != nil {
							err = &app.RetryError{After: 10 * time.Millisecond, Err: err}
						}
						return err
					})
				})
			},
			Break: func(t *testing.T) { server.Stop(t) },
		}
	})
}

// TestPythonNeverSeesATraining has a Python worker, which destroys tasks it does not know, serve the documents beside a training.
func TestPythonNeverSeesATraining(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	testenv.Celery(t, testenv.CeleryOptions{RedisURL: server.URL, Files: map[string]string{"celery_app.py": celeryApp}, Queues: []string{"documents"}})
	client := open(t, server.URL)
	queue, inspector := tasks.NewQueue(client), celery.NewInspector(client)
	owner := domain.Owner(uuid.New())
	if err := queue.EnqueueTraining(t.Context(), owner, time.Now()); err != nil {
		t.Fatal(err)
	}
	task := domain.TaskID(uuid.NewString())
	if err := queue.Enqueue(t.Context(), task, domain.DocumentID(uuid.New()), time.Now()); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, time.Minute, func() error { // the document came after the training, and Python has it
		got, err := queue.Task(t.Context(), task)
		if err == nil && got.Status != ports.TaskSuccess {
			err = fmt.Errorf("the document's task is %s", got.Status)
		}
		return err
	})
	if waiting, err := inspector.QueueLength(t.Context(), tasks.OwnQueue); err != nil || waiting != 1 {
		t.Fatalf("%d trainings wait, error %v", waiting, err)
	}
	ran := make(chan domain.Owner, 1)
	workWith(t, client, func(worker *celery.Worker) {
		tasks.RegisterTraining(worker, func(_ context.Context, owner domain.Owner) error {
			ran <- owner
			return nil
		})
	})
	select {
	case got := <-ran:
		if got != owner {
			t.Errorf("trained for %s, want %s", got, owner)
		}
	case <-time.After(time.Minute):
		t.Error("a worker of ours did not get the training")
	}
}

func flush(t *testing.T, url string) {
	t.Helper()
	testenv.Python(t, `
import sys, redis
redis.Redis.from_url(sys.argv[1]).flushall()
`, url)
}

func dial(t *testing.T, url string) *redis.Client {
	t.Helper()
	opt, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(opt)
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

// The Python side of D-08, as it stays in service: the same names, the same queue.
const celeryApp = `
import os
from celery import Celery

app = Celery("docuvault", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])
app.conf.task_routes = {"tasks.document_tasks.*": {"queue": "documents"}}

@app.task(name="tasks.document_tasks.extract_and_classify")
def extract_and_classify(document_id):
    return {"document_id": document_id, "status": "ready", "topics": ["Taxes", "Ärzte"]}
`

// TestPythonWorkerRunsOurTask shows a Python worker what the API enqueues, and reads back what it made of it.
func TestPythonWorkerRunsOurTask(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	testenv.Celery(t, testenv.CeleryOptions{RedisURL: server.URL, Files: map[string]string{"celery_app.py": celeryApp}, Queues: []string{"documents"}})
	queue := tasks.NewQueue(open(t, server.URL))
	task, doc := domain.TaskID(uuid.NewString()), domain.DocumentID(uuid.New())
	if err := queue.Enqueue(t.Context(), task, doc, time.Now()); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, time.Minute, func() error {
		got, err := queue.Task(t.Context(), task)
		if err != nil || got.Status != ports.TaskSuccess {
			return fmt.Errorf("task is %+v, error %w", got, err)
		}
		if got.Result == nil || got.Result.DocumentID != doc.String() || strings.Join(got.Result.Topics, "|") != "Taxes|Ärzte" || got.DoneAt.IsZero() {
			t.Errorf("result is %+v", got.Result)
		}
		return nil
	})
}

// TestSilentHoldersAreNotBelievedForEver has a message held as Python holds it, never renewed, and as our workers do.
func TestSilentHoldersAreNotBelievedForEver(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	client := open(t, server.URL)
	queue := tasks.NewQueue(client)
	rdb := dial(t, server.URL)
	visibility := time.Hour // Celery's default, and ours
	soon, far := time.Now().Add(time.Minute).UTC().Truncate(time.Microsecond), time.Now().Add(3*time.Hour).UTC().Truncate(time.Microsecond)
	hold := func(tag, id string, taken time.Duration, eta time.Time) {
		t.Helper()
		at := "null"
		if !eta.IsZero() {
			at = `"` + eta.Format(time.RFC3339Nano) + `"`
		}
		entry := `[{"body": "W1sxXSx7fSx7fV0=", "headers": {"id": "` + id + `", "task": "t", "eta": ` + at + `}, "content-type": "application/json", "properties": {"body_encoding": "base64"}}, "", "documents"]`
		score := float64(time.Now().Add(-taken).UnixMicro()) / 1e6
		if err := errors.Join(rdb.HSet(t.Context(), "unacked", tag, entry).Err(), rdb.ZAdd(t.Context(), "unacked_index", redis.Z{Score: score, Member: tag}).Err()); err != nil {
			t.Fatal(err)
		}
	}
	for id, taken := range map[string]time.Duration{
		"python, just now":     0,
		"python, long ago":     3 * time.Minute,
		"ours, long ago":       visibility - 30*time.Second,
		"ours, almost expired": visibility - time.Second,
	} {
		hold(id, id, taken, time.Time{})
	}
	hold("later", "later", 0, soon)
	hold("much later", "much later", 0, far)
	held := map[domain.TaskID]bool{"python, just now": true, "python, long ago": false, "ours, long ago": true, "ours, almost expired": true, "later": true, "much later": false}
	for i := range 8 { // in whichever order Redis returns them
		id := fmt.Sprintf("twice %d", i)
		hold(id+" far", id, 0, far)
		hold(id+" now", id, 0, time.Time{})
		held[domain.TaskID(id)] = true
	}
	got, err := queue.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range held {
		if holds := got.Holds(id, time.Now().Add(time.Hour)); holds != want {
			t.Errorf("%s: held %v, want %v", id, holds, want)
		}
	}
	if n, err := celery.NewInspector(client).UnackedLength(t.Context()); err != nil || n != 6+2*8 {
		t.Errorf("%d messages are held, whoever is believed, %v", n, err)
	}
	if at := got.Held["later"]; !at.Equal(soon) {
		t.Errorf("a task that is to run at %s is held until %s", soon, at)
	}
}

// TestHealthSaysWhatIsWrong names the trouble that Redis itself names.
func TestHealthSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	queue := tasks.NewQueue(open(t, server.URL))
	if err := dial(t, server.URL).ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	if got := domain.ErrorMessage(queue.Health(t.Context())); got != "the task queue cannot work: Redis has no memory left" {
		t.Errorf("health says %q", got)
	}
}

// TestWorkerRunsPythonsTask has a Python producer wait for what our worker returns.
func TestWorkerRunsPythonsTask(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	work(t, open(t, server.URL), func(_ context.Context, doc domain.DocumentID) (ports.TaskResult, error) {
		return ports.TaskResult{DocumentID: doc.String(), Status: "ready", Topics: []string{"Ärzte"}}, nil
	})
	id := uuid.NewString()
	out := testenv.PythonEnv(t, []string{"REDIS_URL=" + server.URL}, celeryApp+`
import json, sys
by_position = extract_and_classify.delay(sys.argv[1]).get(timeout=60)
by_name = extract_and_classify.apply_async(kwargs={"document_id": sys.argv[1]}).get(timeout=60)
try:
    extract_and_classify.delay("not a uuid").get(timeout=60)
    failure = None
except ValueError as e:
    failure = str(e)
print(json.dumps([by_position, by_name, failure]))
`, id)
	var got []any
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	want := fmt.Sprint(map[string]any{"document_id": id, "status": "ready", "topics": []any{"Ärzte"}})
	if fmt.Sprint(got[0]) != want || fmt.Sprint(got[1]) != want {
		t.Errorf("results are %v, want %s", got, want)
	}
	if failure, _ := got[2].(string); !strings.Contains(failure, "UUID") {
		t.Errorf("a malformed id failed with %v", got[2])
	}
}

// TestForeignFailuresShowNoText keeps what a Python exception says to the logs: it may say anything.
func TestForeignFailuresShowNoText(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	testenv.Celery(t, testenv.CeleryOptions{RedisURL: server.URL, Queues: []string{"documents"}, Files: map[string]string{"celery_app.py": strings.Replace(celeryApp,
		`return {"document_id": document_id, "status": "ready", "topics": ["Taxes", "Ärzte"]}`, `raise KeyError("password=hunter2")`, 1)}})
	queue := tasks.NewQueue(open(t, server.URL))
	task := domain.TaskID(uuid.NewString())
	if err := queue.Enqueue(t.Context(), task, domain.DocumentID(uuid.New()), time.Now()); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, time.Minute, func() error {
		got, err := queue.Task(t.Context(), task)
		if err != nil || got.Status != ports.TaskFailure {
			return fmt.Errorf("task is %+v, error %w", got, err)
		}
		if got.Error != "the task failed with KeyError" {
			t.Errorf("error is %q", got.Error)
		}
		return nil
	})
}

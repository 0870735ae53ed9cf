package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docuvault/docuvault/cmd/docuvault/shell"
	"github.com/docuvault/docuvault/internal/testenv"
)

// produce sends what no Go program of ours would: a Python producer's tasks, and bytes that are no message at all.
const produce = `
import sys, os, celery, kombu.serialization, redis
app = celery.Celery("docuvault", broker=os.environ["REDIS_URL"], backend="cache+memory://")
def send(name, **kwargs):
    app.send_task(name, args=["00000000-0000-4000-8000-000000000000"], queue="documents", **kwargs)
exec(sys.argv[1])
`

func producer(t *testing.T, s realServices, program string) {
	t.Helper()
	testenv.PythonEnv(t, s.env, produce, program)
}

// redisOnly is what the queue commands need.
func redisOnly(s realServices) []string { return []string{"REDIS_URL=" + s.redis.URL} }

func queueJSON(t *testing.T, env []string, into any, args ...string) {
	t.Helper()
	code, stdout, stderr := once(t, env, append([]string{"queue"}, append(args, "--json")...)...)
	if err := json.Unmarshal([]byte(stdout), into); code != 0 || err != nil || stderr != "" {
		t.Fatalf("queue %v: code %d, %v\n%s%s", args, code, err, stdout, stderr)
	}
}

func TestQueueShowsWhatWaitsAndWhoHoldsWhat(t *testing.T) {
	t.Parallel()
	s := services(t)
	env := redisOnly(s)
	producer(t, s, `send("tasks.document_tasks.extract_and_classify", priority=4); send("tasks.document_tasks.extract_and_classify", countdown=3600)`)
	var q queueLine
	queueJSON(t, env, &q)
	want := shell.QueueState{Name: "documents", Waiting: 2, ByPriority: map[int]int64{0: 1, 3: 1, 6: 0, 9: 0}}
	if len(q.Queues) != 2 || fmt.Sprint(q.Queues[0]) != fmt.Sprint(want) || q.Queues[1].Name != "docuvault" || q.Queues[1].Waiting != 0 || len(q.Held) != 0 {
		t.Errorf("before a worker: %+v", q)
	}
	if code, stdout, _ := once(t, env, "queue"); code != 0 || !strings.Contains(stdout, "0: 1, 3: 1") || strings.Contains(stdout, "HELD TASK") {
		t.Errorf("code %d:\n%s", code, stdout)
	}
	if queueJSON(t, env, &q, "--queues", "other"); len(q.Queues) != 1 || q.Queues[0].Name != "other" {
		t.Errorf("another queue: %+v", q)
	}

	v := listening(t, process(t, s.env, "api"))
	worker := testenv.Child(t, "worker that halts", append(slices.Clone(s.env), "WORKER_HOSTNAME=celery@halting")...)
	v.mustUpload(t, "a.txt", "held while we look")
	worker.WaitLine(t, "halted in task")
	testenv.Eventually(t, 30*time.Second, func() error {
		queueJSON(t, env, &q)
		if d := q.Queues[0]; d.Waiting != 0 || d.Held != 2 || d.Scheduled != 1 {
			return fmt.Errorf("queues: %+v", q)
		}
		return nil
	})
	began := time.Now()
	for state, check := range map[string]func(shell.HeldTask) bool{
		"active":    func(h shell.HeldTask) bool { return h.ETA == nil },
		"scheduled": func(h shell.HeldTask) bool { return h.ETA.Sub(began) > 50*time.Minute },
	} {
		i := slices.IndexFunc(q.Held, func(h shell.HeldTask) bool { return h.State == state })
		if i < 0 || !check(q.Held[i]) || q.Held[i].Worker != "celery@halting" || q.Held[i].TaskID == "" ||
			q.Held[i].Task != "tasks.document_tasks.extract_and_classify" || q.Held[i].Queue != "documents" ||
			q.Held[i].Until.Before(began.Add(-time.Minute)) || q.Held[i].Until.After(began.Add(2*time.Minute)) {
			t.Errorf("%s: %+v", state, q.Held)
		}
	}
	code, stdout, _ := once(t, env, "queue")
	for _, part := range []string{"HELD TASK", "celery@halting", "active", "scheduled", "tasks.document_tasks.extract_and_classify", "(in "} {
		if code != 0 || !strings.Contains(stdout, part) {
			t.Errorf("code %d, %q is not in:\n%s", code, part, stdout)
		}
	}

	// Its worker gone, a task is held by nobody that answers, until others take it back.
	worker.Kill()
	queueJSON(t, env, &q)
	for _, h := range q.Held {
		if h.Worker != "" || h.State == "active" || h.Until == nil {
			t.Errorf("held by a worker that is gone: %+v", h)
		}
	}
	if len(q.Held) != 2 {
		t.Errorf("held: %+v", q.Held)
	}
}

// Messages of every unreadable kind, sent by Python, come into the quarantine, can be looked at, and go only where somebody
// sends them.
func TestQueueQuarantine(t *testing.T) {
	t.Parallel()
	s := services(t)
	env := redisOnly(s)
	const garbage = "no message \x1b[31m\x07"
	producer(t, s, `
send("tasks.document_tasks.extract_and_classify", serializer="pickle", task_id="pickled")
send("tasks.document_tasks.extract_and_classify", serializer="yaml", task_id="yamled")
redis.Redis.from_url(os.environ["REDIS_URL"]).lpush("documents", b"no message \x1b[31m\x07")
`)
	worker := process(t, s.env, "worker")
	var list []quarantinedLine
	quarantined := func(n int) {
		t.Helper()
		testenv.Eventually(t, 30*time.Second, func() error {
			queueJSON(t, env, &list, "quarantine", "list")
			if len(list) != n {
				return fmt.Errorf("in quarantine: %+v", list)
			}
			return nil
		})
	}
	quarantined(3)
	of := func(match func(quarantinedLine) bool) quarantinedLine {
		t.Helper()
		i := slices.IndexFunc(list, match)
		if i < 0 {
			t.Fatalf("in quarantine: %+v", list)
		}
		return list[i]
	}
	pickled := of(func(q quarantinedLine) bool { return q.TaskID == "pickled" })
	noise := of(func(q quarantinedLine) bool { return q.Reason == "envelope" })
	if pickled.Reason != "content-type" || pickled.Queue != "documents" || pickled.Task != "tasks.document_tasks.extract_and_classify" || pickled.At.IsZero() || pickled.Size == 0 {
		t.Errorf("pickled: %+v", pickled)
	}
	var q queueLine
	if queueJSON(t, env, &q); q.Queues[0].Quarantined != 3 || q.Queues[0].Held != 0 {
		t.Errorf("queues: %+v", q)
	}
	says := func(want int, part string, args ...string) string {
		t.Helper()
		code, stdout, stderr := once(t, env, append([]string{"queue", "quarantine"}, args...)...)
		if code != want || !strings.Contains(stdout+stderr, part) || strings.Contains(stdout+stderr, s.redis.Password) {
			t.Errorf("%v: code %d, want %d and %q\n%s%s", args, code, want, part, stdout, stderr)
		}
		return stdout
	}
	for _, args := range [][]string{nil, {"list"}, {"show", noise.ID}} {
		if out := says(0, noise.ID, args...); strings.ContainsAny(out, "\x1b\x07") {
			t.Errorf("%v: a message steers the terminal: %q", args, out)
		}
	}
	says(0, "content-type", "show", pickled.ID)
	if out := says(0, "", "show", noise.ID, "--raw"); out != garbage {
		t.Errorf("raw: %q", out)
	}
	var shown shownLine
	if queueJSON(t, env, &shown, "quarantine", "show", noise.ID); shown.Message != garbage || shown.ID != noise.ID {
		t.Errorf("shown: %+v", shown)
	}

	// What makes no sense changes nothing, and says what would.
	says(2, "name one message", "show")
	says(1, "no message nobody is in quarantine", "show", "nobody")
	says(2, "name messages, or --all", "requeue")
	says(2, "not both", "requeue", noise.ID, "--all")
	says(2, "say --yes", "purge", noise.ID)
	says(2, "say --yes", "purge", "--all")
	says(1, "0 of 1", "requeue", "nobody")
	says(1, "no message nobody", "purge", "nobody", "--yes")
	quarantined(3)

	// Put back with a worker there, a message that still cannot be run is in quarantine again; without one, it waits.
	says(0, "1 of 1", "requeue", pickled.ID)
	quarantined(3)
	stop(t, worker)
	pickled = of(func(q quarantinedLine) bool { return q.TaskID == "pickled" })
	says(1, "1 of 2", "requeue", pickled.ID, "nobody")
	if queueJSON(t, env, &q); q.Queues[0].Waiting != 1 || q.Queues[0].Quarantined != 2 {
		t.Errorf("after a requeue: %+v", q)
	}
	says(0, "1 of 1", "purge", noise.ID, "--yes")
	quarantined(1)
	says(0, "1 of 1", "requeue", "--all")
	quarantined(0)
	says(0, "nothing is in quarantine")
	if queueJSON(t, env, &q); q.Queues[0].Waiting != 2 {
		t.Errorf("after all were put back: %+v", q)
	}
	says(0, "0 of 0", "purge", "--all", "--yes")
	if queueJSON(t, env, &q); q.Queues[0].Waiting != 2 {
		t.Errorf("a purge of the quarantine took from the queue: %+v", q)
	}
}

// What nobody can read back was parked without its queue: it is not sent anywhere by guessing.
func TestQuarantineOfUnknownOrigin(t *testing.T) {
	t.Parallel()
	s := services(t)
	producer(t, s, `
r = redis.Redis.from_url(os.environ["REDIS_URL"])
r.hset("unacked", "tag\n1", "not an entry")
r.zadd("unacked_index", {"tag\n1": 0})
`)
	env := redisOnly(s)
	process(t, s.env, "worker")
	var list []quarantinedLine
	testenv.Eventually(t, 30*time.Second, func() error {
		queueJSON(t, env, &list, "quarantine")
		if len(list) != 1 {
			return fmt.Errorf("in quarantine: %+v", list)
		}
		return nil
	})
	if code, _, stderr := once(t, env, "queue", "quarantine", "requeue", "--all"); code != 1 || !strings.Contains(stderr, `tag\n1 stays`) {
		t.Errorf("requeue: %d %s", code, stderr)
	}
	if code, stdout, _ := once(t, env, "queue"); code != 0 || !strings.Contains(stdout, "(not known)") {
		t.Errorf("queue: %d %s", code, stdout)
	}
	if code, stdout, stderr := once(t, env, "queue", "quarantine", "purge", `tag\n1`, "--yes"); code != 0 || !strings.Contains(stdout, "1 of 1") {
		t.Errorf("purge by the name the list shows: %d %s%s", code, stdout, stderr)
	}
}

func TestQueueWithoutRedis(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env  []string
		code int
		says string
	}{
		"not set":      {nil, 2, "REDIS_URL is not set"},
		"broken":       {[]string{"REDIS_URL=redis://:canary@h:notaport/0"}, 2, "REDIS_URL"},
		"out of reach": {[]string{"REDIS_URL=redis://:canary@127.0.0.1:1/0"}, 1, "see that it runs and that REDIS_URL is right"},
	} {
		for _, args := range [][]string{{"queue"}, {"queue", "quarantine"}, {"queue", "quarantine", "purge", "--all", "--yes"}} {
			t.Run(name+"/"+strings.Join(args, " "), func(t *testing.T) {
				t.Parallel()
				code, stdout, stderr := once(t, c.env, args...)
				if code != c.code || !strings.Contains(stderr, c.says) || stdout != "" || strings.Contains(stderr, "canary") {
					t.Errorf("code %d, want %d\n%s%s", code, c.code, stdout, stderr)
				}
			})
		}
	}
}

package celery_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/celery"
	"github.com/docuvault/docuvault/internal/testenv"
)

// TestRefusedContent has a Python producer send what must never be executed: a pickle that would write a file, yaml, an
// unknown compression, a body that inflates past the limit, and one that is not JSON. Each task fails where its producer sees it,
// each message is in the quarantine with its reason, can be put back and purged, and the worker goes on.
func TestRefusedContent(t *testing.T) {
	t.Parallel()
	s := realRedis(t)
	dir, err := filepath.Abs("testdata/app")
	if err != nil {
		t.Fatal(err)
	}
	c := open(t, celery.Config{BrokerURL: s.url})
	start(t, c, celery.WorkerConfig{Queues: []string{"go"}, MaxBody: 64 << 10, UnknownRounds: 2, UnknownPause: time.Millisecond}, map[string]celery.Handler{"go.add": add})
	proof := filepath.Join(t.TempDir(), "executed")
	out := testenv.PythonEnv(t, []string{"CELERY_BROKER_URL=" + s.url, "CELERY_RESULT_BACKEND=" + s.url, "PYTHONPATH=" + dir}, `
import json, sys
from kombu.serialization import enable_insecure_serializers, register
from celery_app import app
enable_insecure_serializers()
register("msgpack", lambda v: b"\x93\x90\x80\x80", None, content_type="application/x-msgpack", content_encoding="binary")
register("broken", lambda v: "{", None, content_type="application/json", content_encoding="utf-8")


class Bomb:
    def __reduce__(self):
        return open, (sys.argv[1], "w")


def outcome(**how):
    r = app.send_task(how.pop("name", "go.add"), how.pop("args", (1, 2)), **how)
    try:
        r.get(timeout=40)
        return [r.id, "ran"]
    except Exception as exc:
        return [r.id, type(exc).__name__]


print(json.dumps({
    "pickle": outcome(args=(Bomb(), 2), serializer="pickle"),
    "yaml": outcome(serializer="yaml"),
    "msgpack": outcome(serializer="msgpack"),
    "not json": outcome(serializer="broken"),
    "inflates": outcome(args=("x" * 1000000, 2), compression="zlib"),
    "too large": outcome(args=("x" * 100000, 2)),
    "unknown task": outcome(name="go.nobody"),
}))
`, proof)
	var got map[string][2]string
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if _, err := os.Stat(proof); err == nil {
		t.Error("the pickle was executed")
	}
	i := celery.NewInspector(c)
	list, err := i.Quarantine(ctx(t))
	if err != nil {
		t.Fatal(err)
	}
	byTask := map[string]celery.Quarantined{}
	for _, q := range list {
		byTask[q.TaskID] = q
	}
	for name, want := range map[string][2]string{
		"pickle": {"ContentDisallowed", celery.ReasonContentType}, "yaml": {"ContentDisallowed", celery.ReasonContentType},
		"msgpack": {"ContentDisallowed", celery.ReasonContentType}, "not json": {"DecodeError", celery.ReasonBody},
		"inflates": {"DecodeError", celery.ReasonTooLarge}, "too large": {"DecodeError", celery.ReasonTooLarge},
		"unknown task": {"NotRegistered", celery.ReasonUnknownTask},
	} {
		q := byTask[got[name][0]]
		if got[name][1] != want[0] || q.Reason != want[1] || q.Queue != "go" || !strings.HasPrefix(q.Task, "go.") {
			t.Errorf("%s: Python sees %s, the quarantine has %+v", name, got[name][1], q)
		}
	}
	if len(list) != 7 {
		t.Errorf("%d are quarantined", len(list))
	}

	// Put back, it is refused again; purged, it is gone.
	pickle := byTask[got["pickle"][0]].ID
	if n, err := i.Requeue(ctx(t), pickle); err != nil || n != 1 {
		t.Errorf("put back %d, %v", n, err)
	}
	var ids []string
	until(t, "it is back in the quarantine", func() bool {
		again, err := i.Quarantine(ctx(t))
		ids = nil
		for _, q := range again {
			ids = append(ids, q.ID)
		}
		return err == nil && len(again) == 7 && slices.ContainsFunc(again, func(q celery.Quarantined) bool { return q.TaskID == got["pickle"][0] })
	})
	if n, err := i.Purge(ctx(t), ids...); err != nil || n != 7 {
		t.Errorf("purged %d, %v", n, err)
	}
	if id := send(t, c, celery.Task{Name: "go.add", Args: []any{1, 2}, Queue: "go"})[0]; string(wait(t, c, id).Result) != "3" {
		t.Error("the worker does not go on")
	}
	if n := s.rdb.HLen(ctx(t), "unacked").Val(); n != 0 {
		t.Error(fmt.Sprint(n, " are still held"))
	}
}

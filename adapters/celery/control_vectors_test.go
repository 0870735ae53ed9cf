package celery

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// controlVector is a captured remote control call: what the client published, and what the Python worker's node replied.
type controlVector struct {
	Wire []struct {
		Cmd string `json:"cmd"`
		Raw string `json:"raw"`
	}
}

// TestVectorsControl plays every captured request to our worker and compares each reply with the Python worker's: its
// envelope, and the shape of its value.
func TestVectorsControl(t *testing.T) {
	t.Parallel()
	// What this worker does not do it says at once, so that nobody waits for it.
	refused := map[string]bool{"add_consumer": true, "cancel_consumer": true, "pool_grow": true, "pool_shrink": true}
	// Keys of Python's replies that stand for something only Python has.
	foreign := map[string][]string{
		"stats": {"put-guarded-by-semaphore", "timeouts", "writes", "insist", "connect_timeout", "login_method", "uri_prefix", "heartbeat", "failover_strategy",
			"credential_provider", "utime", "stime", "ixrss", "idrss", "isrss", "minflt", "majflt", "nswap", "inblock", "oublock", "msgsnd", "msgrcv", "nsignals", "nvcsw", "nivcsw"},
		"conf": {"broker_url", "result_backend", "deprecated_settings", "worker_prefetch_multiplier", "broker_connection_retry_on_startup", "include"},
	}
	files, err := filepath.Glob("testdata/vectors/control_*.json")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d vectors, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "control_"), ".json")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var v controlVector
			if err := json.Unmarshal(b, &v); err != nil {
				t.Fatal(err)
			}
			var request, reply string
			for _, w := range v.Wire {
				switch {
				case w.Cmd == "PUBLISH" && request == "":
					request = w.Raw
				case w.Cmd == "LPUSH":
					reply = w.Raw
				}
			}
			got := play(t, name, request)
			if reply == "" {
				if got != "" {
					t.Errorf("replies %s where Python is silent", got)
				}
				return
			}
			if got == "" {
				t.Fatal("no reply")
			}
			want, have := opened(t, reply), opened(t, got)
			if refused[name] {
				if body := fmt.Sprint(have["body"]); !strings.Contains(body, "error:"+name+" is not supported") {
					t.Errorf("replies %s", body)
				}
				return
			}
			delete(want["headers"].(map[string]any), "clock")
			delete(have["headers"].(map[string]any), "clock")
			for _, key := range []string{"headers", "content-type", "content-encoding"} {
				if a, b := fmt.Sprint(have[key]), fmt.Sprint(want[key]); a != b {
					t.Errorf("%s: %s, Python's %s", key, a, b)
				}
			}
			sameShape(t, "properties", have["properties"], want["properties"], nil)
			sameShape(t, "reply", have["body"], want["body"], foreign[name])
		})
	}
}

// play publishes a captured request to a worker named as the captured one that runs one task and holds another, and returns
// its reply; empty when it makes none.
func play(t *testing.T, name, raw string) string {
	t.Helper()
	m := miniredis.NewMiniRedis()
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	now := time.Unix(1795465700, 0) // before the requests expire
	c, err := Open(Config{BrokerURL: "redis://" + m.Addr(), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	w, err := NewWorker(c, WorkerConfig{Hostname: "py1@vm"})
	if err != nil {
		t.Fatal(err)
	}
	began := make(chan struct{})
	w.Handle("docs.sleep", func(ctx context.Context, _ *Delivery) (any, error) { close(began); <-ctx.Done(); return nil, nil }, HandlerOptions{})
	w.Handle("docs.add", func(context.Context, *Delivery) (any, error) { return nil, nil }, HandlerOptions{})
	// The ids the captured requests ask about; the one to be terminated was gone.
	running := "0639bcc8-8c39-4dd2-9aec-d52f9066961b"
	if name == "revoke_terminate" {
		running = ""
	}
	w.events.enabled.Store(name == "disable_events")
	if _, err := NewProducer(c).SendBatch(ctx, []Task{
		{ID: running, Name: "docs.sleep", Args: []any{25}},
		{ID: "9fabedc4-9e4e-4827-a1fc-1e5e9dca787e", Name: "docs.add", Args: []any{1, 2}, ETA: now.Add(time.Hour)},
	}); err != nil {
		t.Fatal(err)
	}
	w.cfg.AbortGrace, w.cfg.DrainTimeout = time.Second, time.Millisecond
	done := make(chan error, 1)
	go func() { done <- w.Run(context.Background()) }()
	defer func() {
		w.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	<-began
	for w.state.later.len() == 0 {
		select {
		case <-ctx.Done():
			t.Fatal("nothing is scheduled")
		case <-time.After(time.Millisecond):
		}
	}
	r, err := parseRequest([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	if r.replyTo == "" {
		w.answer(ctx, []byte(raw))
		return ""
	}
	queue := r.replyTo + "." + replyPidbox
	if err := c.rdb.SAdd(ctx, c.keys.binding(replyPidbox), r.replyTo+c.keys.sep+c.keys.sep+queue).Err(); err != nil {
		t.Fatal(err)
	}
	w.answer(ctx, []byte(raw))
	out, err := c.rdb.RPop(ctx, queue).Result()
	if err != nil {
		return ""
	}
	return out
}

// opened is a broadcast envelope with its body in clear.
func opened(t *testing.T, raw string) map[string]any {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal([]byte(envelope(t, raw)), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// sameShape compares keys and kinds of JSON; texts that are replies in words are compared as they are.
func sameShape(t *testing.T, at string, got, want any, foreign []string) {
	t.Helper()
	switch want := want.(type) {
	case map[string]any:
		have, ok := got.(map[string]any)
		if !ok {
			t.Errorf("%s is %v, Python's %v", at, got, want)
			return
		}
		for k, v := range want {
			skip := false
			for _, f := range foreign {
				skip = skip || f == k
			}
			if _, there := have[k]; !there && !skip && !strings.HasSuffix(at, "total") && !strings.HasSuffix(at, "options") {
				t.Errorf("%s has no %s", at, k)
			} else if there {
				sameShape(t, at+"."+k, have[k], v, foreign)
			}
		}
	case []any:
		have, ok := got.([]any)
		if !ok {
			t.Errorf("%s is %v, Python's %v", at, got, want)
			return
		}
		if len(want) > 0 && len(have) == 0 {
			t.Errorf("%s is empty, Python's has %v", at, want[0])
		}
		for i := range min(len(want), len(have)) {
			sameShape(t, fmt.Sprintf("%s[%d]", at, i), have[i], want[i], foreign)
		}
	case nil:
	default:
		if fmt.Sprintf("%T", got) != fmt.Sprintf("%T", want) {
			t.Errorf("%s is %T %v, Python's %T %v", at, got, got, want, want)
		}
		if strings.HasSuffix(at, ".ok") && !strings.Contains(fmt.Sprint(want), "software") && got != want || strings.HasSuffix(at, ".error") && got != want {
			t.Errorf("%s is %v, Python's %v", at, got, want)
		}
	}
}

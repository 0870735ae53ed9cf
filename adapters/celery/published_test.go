package celery

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// TestVectorsPublished gives our worker the messages a Python worker was seen to take, and compares everything it pushes
// with what that one pushed: callbacks, errbacks, the next step of a chain (a task, a group, a chord), the body of a chord,
// retries.
func TestVectorsPublished(t *testing.T) {
	t.Parallel()
	taken := map[string]int{"workerpub_chord_body.json": 2} // messages that were the producer's; else one
	vectors := vectorsOf(t, "workerpub_*.json")
	if len(vectors) < 12 {
		t.Fatalf("only %d", len(vectors))
	}
	for name, v := range vectors {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := max(1, taken[name])
			if len(v.Pushes) <= n {
				t.Fatalf("%d pushes", len(v.Pushes))
			}
			known, want := "", []string{}
			for i, p := range v.Pushes {
				if i < n {
					known += envelope(t, p.Raw)
				} else {
					want = append(want, p.Key+" "+envelope(t, p.Raw))
				}
			}
			var got []string
			for _, p := range republish(t, v, n) {
				got = append(got, p.Key+" "+envelope(t, p.Raw))
			}
			got, want = normal(t, got, known), normal(t, want, known)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got\n%s\nPython pushed\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

type pushed = struct{ Key, Raw string }

// republish runs a worker over the first n messages of a vector and returns what it pushed.
func republish(t *testing.T, v vector, n int) []pushed {
	t.Helper()
	m := miniredis.NewMiniRedis()
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	now := time.Date(2026, 11, 23, 22, 1, 0, 0, time.UTC) // when they were captured: one of them expires
	c, err := Open(Config{BrokerURL: "redis://" + m.Addr(), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	ours := map[string]bool{}
	for _, p := range v.Pushes[:n] {
		ours[p.Raw] = true
		d, bad := decodeDelivery([]byte(p.Raw), testLimits)
		if bad != nil {
			t.Fatal(bad)
		}
		if d.GroupID != "" && n > 1 {
			m.Set("celery-taskset-meta-"+d.GroupID+".s", "2")
		}
		if err := c.rdb.LPush(ctx, p.Key, p.Raw).Err(); err != nil {
			t.Fatal(err)
		}
	}
	w, err := NewWorker(c, WorkerConfig{Concurrency: 1})
	if err != nil {
		t.Fatal(err)
	}
	w.Handle("docs.add", func(_ context.Context, d *Delivery) (any, error) {
		var a, b int
		err := d.Bind(&a, &b)
		return a + b, err
	}, HandlerOptions{})
	w.Handle("docs.fail", func(context.Context, *Delivery) (any, error) {
		return nil, &Error{Type: "ValueError", Args: []any{"boom", 42}}
	}, HandlerOptions{})
	w.Handle("docs.retry", func(context.Context, *Delivery) (any, error) {
		return nil, &Retry{Reason: &Error{Type: "OSError", Message: "again"}, Countdown: time.Hour}
	}, HandlerOptions{})
	done := make(chan error, 1)
	go func() { done <- w.Run(context.Background()) }()
	defer func() {
		w.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	for {
		var got []pushed
		held, seen := false, map[string]bool{} // a message may move on between two looks
		for _, queue := range []string{"celery", "godocs"} {
			for _, list := range c.keys.lists(queue) {
				raws, err := c.rdb.LRange(ctx, list, 0, -1).Result()
				if err != nil {
					t.Fatal(err)
				}
				slices.Reverse(raws)
				for _, raw := range raws {
					held = held || ours[raw]
					if !ours[raw] && !seen[raw] {
						seen[raw] = true
						got = append(got, pushed{list, raw})
					}
				}
			}
		}
		entries, err := c.rdb.HGetAll(ctx, "unacked").Result()
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries { // a retry, which waits for its time
			h, err := parseEntry([]byte(entry))
			if err != nil {
				t.Fatal(err)
			}
			held = held || ours[string(h.msg.raw)]
			if raw := string(h.msg.raw); !ours[raw] && !seen[raw] {
				seen[raw] = true
				got = append(got, pushed{c.keys.list(h.routingKey, c.keys.step(h.priority())), string(h.msg.raw)})
			}
		}
		if !held && len(got) >= len(v.Pushes)-n {
			return got
		}
		select {
		case <-ctx.Done():
			t.Fatalf("pushed %d, held %v", len(got), held)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// envelope is a message with its body in clear.
func envelope(t *testing.T, raw string) string {
	t.Helper()
	m, err := parseEnvelope([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	body, bad := m.payload(testLimits)
	if bad != nil {
		t.Fatal(bad)
	}
	var all map[string]any
	if err := json.Unmarshal([]byte(raw), &all); err != nil {
		t.Fatal(err)
	}
	all["body"] = json.RawMessage(body)
	out, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// normal takes out what differs by nature: ids chosen on the spot, times, who sent it, keys without a value.
func normal(t *testing.T, list []string, known string) []string {
	t.Helper()
	var out []string
	for _, line := range list {
		key, doc, _ := strings.Cut(line, " ")
		var v any
		if err := json.Unmarshal([]byte(doc), &v); err != nil {
			t.Fatal(err)
		}
		top, _ := v.(map[string]any)
		headers, _ := top["headers"].(map[string]any)
		props, _ := top["properties"].(map[string]any)
		if headers["eta"] != nil {
			headers["eta"] = "a time"
		}
		if _, ok := props["expiration"]; ok {
			props["expiration"] = "milliseconds" // for show; Python counts anew
		}
		delete(headers, "origin")
		delete(headers, "ignore_result") // Python forgets it on retries, we keep it
		if _, ok := props["origin"]; ok {
			props["origin"] = "somebody"
		}
		delete(props, "delivery_tag")
		text, err := json.Marshal(bare(v, known))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%q %s", key, text))
	}
	slices.Sort(out)
	return out
}

// bare drops null, empty lists and empty objects, and names ids that the producer did not choose.
func bare(v any, known string) any {
	switch v := v.(type) {
	case map[string]any:
		for k, one := range v {
			if one = bare(one, known); one == nil {
				delete(v, k)
				continue
			}
			v[k] = bare(v[k], known)
		}
		if len(v) == 0 {
			return nil
		}
	case []any:
		for i := range v {
			v[i] = bare(v[i], known)
		}
		if len(v) == 0 {
			return nil
		}
	case string:
		if len(v) == 36 && strings.Count(v, "-") == 4 && !strings.Contains(known, v) {
			return "a new id"
		}
	}
	return v
}

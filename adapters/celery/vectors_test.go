package celery

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

// vector is what a file of testdata/vectors may hold; they are captures of real Celery, see its README.
type vector struct {
	Meta struct {
		Versions map[string]string
	}
	Entries []struct {
		Key  string
		Raw  string
		Body struct {
			Text string `json:"json_text"`
		} `json:"body_decoded"`
	}
	Published []struct{ Channel, Raw string } `json:"published_in_order"`
	Cases     map[string]struct{ Raw string } `json:"cases"`
	Pushes    []struct{ Key, Raw string }     `json:"pushes"`
	Before    map[string]string               `json:"before_unacked"`
	After     map[string][]string             `json:"after"`
}

func vectorsOf(t testing.TB, pattern string) map[string]vector {
	t.Helper()
	out := map[string]vector{}
	for _, dir := range []string{"testdata/vectors", "testdata/vectors/older/5.4.0", "testdata/vectors/older/5.2.6"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var v vector
			if err := json.Unmarshal(b, &v); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			out[strings.TrimPrefix(file, "testdata/vectors/")] = v
		}
	}
	if len(out) == 0 {
		t.Fatalf("no vectors match %s", pattern)
	}
	return out
}

var testLimits = limits{body: 1 << 20}

// TestVectorsMessages decodes every message a Python producer was seen to send, of all captured versions.
func TestVectorsMessages(t *testing.T) {
	t.Parallel()
	refused := regexp.MustCompile(`_(pickle|yaml|msgpack)\.json$`)
	n := 0
	for name, v := range vectorsOf(t, "msg_*.json") {
		for _, e := range v.Entries {
			n++
			d, bad := decodeDelivery([]byte(e.Raw), testLimits)
			if refused.MatchString(name) {
				if bad == nil || bad.Reason != ReasonContentType || bad.TaskID == "" {
					t.Errorf("%s: got %+v", name, bad)
				}
				continue
			}
			if bad != nil {
				t.Errorf("%s: %v", name, bad)
				continue
			}
			want := 2
			if strings.Contains(name, "msg_p1") {
				want = 1
			}
			if d.Protocol != want || d.ID == "" || d.Name == "" || d.CorrelationID != d.ID {
				t.Errorf("%s: %+v", name, d)
			}
			if _, err := d.argsRaw.Any(); err != nil {
				t.Errorf("%s: args: %v", name, err)
			}
			if text := e.Body.Text; text != "" && want == 2 {
				parts, err := splitArray(Value(text))
				if err != nil || !bytes.Equal(parts[0], d.argsRaw) || !bytes.Equal(parts[1], d.kwargsRaw) {
					t.Errorf("%s: args %s kwargs %s, body is %s", name, d.argsRaw, d.kwargsRaw, text)
				}
			}
			keys, err := newKeyspace(Config{}.withDefaults(), 0)
			if err != nil {
				t.Fatal(err)
			}
			queue, _ := asString(find(d.msg.delivery, d.msg.raw, "routing_key"))
			if list := keys.list(queue, keys.step(d.Priority)); list != e.Key && !strings.Contains(name, "keyprefix") && !strings.Contains(name, "topic") {
				t.Errorf("%s: belongs in %q, was in %q", name, list, e.Key)
			}
		}
	}
	if n < 150 {
		t.Errorf("only %d messages", n)
	}
}

// TestVectorsEncode re-encodes each plain protocol-2 message of 5.6.3 from what was decoded and compares the bytes.
func TestVectorsEncode(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"msg_p2_plain.json", "msg_p2_shadow_ignore_limits_headers.json", "msg_p2_kwargs_eta_expires_priority5.json", "msg_p2_link_link_error.json"} {
		v := vectorsOf(t, name)[name]
		raw := v.Entries[0].Raw
		d, bad := decodeDelivery([]byte(raw), testLimits)
		if bad != nil {
			t.Fatal(bad)
		}
		task := Task{Name: d.Name, ID: d.ID, Shadow: d.Shadow, ETA: d.ETA, Expires: d.Expires, Priority: d.Priority, TimeLimit: d.TimeLimit,
			SoftTimeLimit: d.SoftTimeLimit, IgnoreResult: d.IgnoreResult, replyTo: d.ReplyTo}
		for _, a := range d.Args {
			task.Args = append(task.Args, a)
		}
		if len(d.Kwargs) > 0 {
			task.Kwargs = map[string]any{"y": d.Kwargs["y"], "name": d.Kwargs["name"]}
		}
		if len(d.Headers) > 0 {
			task.Headers = map[string]any{}
			for k, v := range d.Headers {
				task.Headers[k] = v
			}
		}
		for list, dst := range map[string]*[]Signature{string(d.embed.callbacks): &task.Link, string(d.embed.errbacks): &task.LinkError} {
			sigs, err := parseSignatures(Value(list))
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range sigs {
				args := []any{}
				for _, a := range s.args {
					args = append(args, a)
				}
				*dst = append(*dst, Signature{Task: s.task, Args: args, Immutable: s.immutable})
			}
		}
		out, err := task.outgoing(time.Now(), "gen16310@vm", d.ReplyTo)
		if err != nil {
			t.Fatal(err)
		}
		got, err := out.encode()
		if err != nil {
			t.Fatal(err)
		}
		if a, b := comparable(t, got), comparable(t, []byte(raw)); !reflect.DeepEqual(a, b) {
			t.Errorf("%s\ngot  %v\nwant %v", name, a, b)
		}
	}
}

// comparable takes out what differs by nature: delivery tag, expiration, order of keyword arguments, and the exact
// spelling of times.
func comparable(t *testing.T, raw []byte) any {
	t.Helper()
	m, err := parseEnvelope(raw)
	if err != nil {
		t.Fatal(err)
	}
	body, bad := m.payload(testLimits)
	if bad != nil {
		t.Fatal(bad)
	}
	bodyAny, err := Value(body).Any()
	if err != nil {
		t.Fatal(err)
	}
	all, err := Value(raw).Any()
	if err != nil {
		t.Fatal(err)
	}
	top := all.(map[string]any)
	delete(top, "body")
	props, headers := top["properties"].(map[string]any), top["headers"].(map[string]any)
	delete(props, "delivery_tag")
	delete(props, "expiration")
	delete(headers, "kwargsrepr")
	for _, k := range []string{"eta", "expires"} {
		if s, ok := headers[k].(string); ok {
			headers[k], _ = parseTime(s)
		}
	}
	var order []string
	for _, h := range m.headers {
		order = append(order, h.key)
	}
	return []any{top, bodyAny, order[:19]}
}

// TestVectorsResults reads every captured result document, and writes it again byte for byte.
func TestVectorsResults(t *testing.T) {
	t.Parallel()
	for name, v := range vectorsOf(t, "result_*.json") {
		for _, p := range v.Published {
			id, ok := strings.CutPrefix(p.Channel, "celery-task-meta-")
			if !ok {
				continue
			}
			r, err := parseResult(id, []byte(p.Raw))
			if err != nil || r.Status == "" {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if failed := r.Status == StatusFailure || r.Status == StatusRevoked || r.Status == StatusRetry; failed != (r.Err() != nil) {
				t.Errorf("%s: %s has error %v", name, r.Status, r.Err())
			}
			fields, err := members([]byte(p.Raw))
			if err != nil {
				t.Fatal(err)
			}
			o := outcome{status: r.Status, value: Value(r.Result), traceback: r.Traceback}
			kids := find(fields, []byte(p.Raw), "children")
			o.noRequest = isNull(kids)
			if o.children, err = listOf(kids); err != nil {
				t.Fatal(err)
			}
			var extended object
			for _, f := range fields {
				switch f.key {
				case "status", "result", "traceback", "children", "date_done", "group_id", "parent_id", "task_id":
				default:
					extended = append(extended, field{f.key, Value(p.Raw[f.start:f.end])})
				}
			}
			got, err := o.document(id, r.GroupID, r.ParentID, r.DateDone, extended)
			if err != nil {
				t.Fatal(err)
			}
			if want := p.Raw; string(got) != want {
				t.Errorf("%s:\ngot  %s\nwant %s", name, got, want)
			}
		}
	}
}

// TestVectorsRestored marks held messages as kombu's own restore did.
func TestVectorsRestored(t *testing.T) {
	t.Parallel()
	v := vectorsOf(t, "restored_message.json")["restored_message.json"]
	after := map[string]bool{}
	for _, list := range v.After {
		for _, raw := range list {
			after[raw] = true
		}
	}
	for tag, entry := range v.Before {
		h, err := parseEntry([]byte(entry))
		if err != nil {
			t.Fatal(err)
		}
		if !after[string(h.msg.markRedelivered())] {
			t.Errorf("%s: not what kombu made of it:\n%s", tag, h.msg.markRedelivered())
		}
	}
}

// TestVectorsMalformed reads what kills Python workers. None may pass as a task unless Python would run it too.
func TestVectorsMalformed(t *testing.T) {
	t.Parallel()
	v := vectorsOf(t, "malformed.json")["malformed.json"]
	if len(v.Cases) < 20 {
		t.Fatalf("only %d cases", len(v.Cases))
	}
	runs := map[string]bool{}
	for name, c := range v.Cases {
		if _, bad := decodeDelivery([]byte(c.Raw), testLimits); bad == nil {
			runs[name] = true
		} else if bad.Reason == "" {
			t.Errorf("%s: no reason", name)
		}
	}
	t.Logf("runs here: %v", sortedKeys(runs))
}

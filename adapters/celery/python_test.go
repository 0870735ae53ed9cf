package celery_test

import (
	"context"
	"encoding/json"
	"errors"
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

// interop is a Python worker on queue py and a Go worker on queue go, sharing one Redis.
type interop struct {
	*server
	c   *celery.Client
	w   *celery.Worker
	dir string
	env []string
	p   *celery.Producer
	r   *celery.Results
}

func newInterop(t *testing.T, python bool, env ...string) *interop {
	t.Helper()
	s := realRedis(t)
	dir, err := filepath.Abs("testdata/app")
	if err != nil {
		t.Fatal(err)
	}
	in := &interop{server: s, dir: dir, c: open(t, celery.Config{BrokerURL: s.url})}
	in.env = append([]string{"CELERY_BROKER_URL=" + s.url, "CELERY_RESULT_BACKEND=" + s.url, "PYTHONPATH=" + dir, "PYTHONDONTWRITEBYTECODE=1"}, env...)
	in.p, in.r = celery.NewProducer(in.c), celery.NewResults(in.c)
	if python {
		testenv.Celery(t, testenv.CeleryOptions{RedisURL: s.url, Dir: dir, Queues: []string{"py"}, Env: env})
	}
	w, err := celery.NewWorker(in.c, celery.WorkerConfig{Queues: []string{"go"}, Concurrency: 4, ExtendedResults: true, TrackStarted: true, Route: route,
		AbortGrace: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	in.w = w
	for name, h := range in.handlers() {
		w.Handle(name, h, celery.HandlerOptions{RetryDelay: 10 * time.Millisecond})
	}
	run(t, w)
	return in
}

func route(task string) string {
	name, _, _ := strings.Cut(task, ".")
	return name
}

func (in *interop) handlers() map[string]celery.Handler {
	return map[string]celery.Handler{
		"go.add": add,
		"go.echo": func(_ context.Context, d *celery.Delivery) (any, error) {
			args := d.Args
			if args == nil {
				args = []celery.Value{}
			}
			return []any{args, d.Kwargs}, nil
		},
		"go.when": func(context.Context, *celery.Delivery) (any, error) {
			return float64(time.Now().UnixMicro()) / 1e6, nil
		},
		"go.fail": func(context.Context, *celery.Delivery) (any, error) {
			return nil, &celery.Error{Type: "ValueError", Module: "builtins", Args: []any{"boom", 42}}
		},
		"go.fail_own": func(context.Context, *celery.Delivery) (any, error) {
			return nil, &celery.Error{Type: "Unreadable", Module: "docuvault.errors", Message: "no text"}
		},
		"go.panic": func(context.Context, *celery.Delivery) (any, error) { panic("at the disco") },
		"go.retry": func(_ context.Context, d *celery.Delivery) (any, error) {
			var n int
			if err := d.Bind(&n); err != nil {
				return nil, err
			}
			if d.Retries < n {
				return nil, &celery.Retry{Reason: &celery.Error{Type: "OSError", Module: "builtins", Message: "again"}}
			}
			return map[string]any{"retries": d.Retries, "tenant": d.Headers["x-tenant"], "parent_is_self": d.ParentID == d.ID}, nil
		},
		"go.fail_as": func(_ context.Context, d *celery.Delivery) (any, error) {
			var module, name string
			if err := d.Bind(&module, &name); err != nil {
				return nil, err
			}
			return nil, &celery.Error{Type: name, Module: module, Message: "no"}
		},
		"go.retry_seen": func(_ context.Context, d *celery.Delivery) (any, error) {
			seen := map[string]any{"retries": d.Retries, "tenant": d.Headers["x-tenant"], "priority": d.Priority, "limits": []any{d.TimeLimit.Seconds(), d.SoftTimeLimit.Seconds()},
				"shadow": d.Shadow, "root": d.RootID, "parent": d.ParentID, "group": d.GroupID, "reply_to": d.ReplyTo, "kwargs": d.Kwargs, "expires": !d.Expires.IsZero()}
			if d.GroupIndex != nil {
				seen["index"] = *d.GroupIndex
			}
			if d.Retries == 0 {
				return nil, &celery.Retry{Countdown: time.Millisecond}
			}
			return seen, nil
		},
		"go.limited": func(ctx context.Context, _ *celery.Delivery) (any, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
		"go.paced": func(context.Context, *celery.Delivery) (any, error) {
			return float64(time.Now().UnixMicro()) / 1e6, nil
		},
		"go.sleep": func(ctx context.Context, _ *celery.Delivery) (any, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
		"go.deaf": func(ctx context.Context, _ *celery.Delivery) (any, error) {
			<-ctx.Done()
			return "too late", nil
		},
		"go.tsum": func(_ context.Context, d *celery.Delivery) (any, error) {
			var list []int
			if err := d.Bind(&list); err != nil {
				return nil, err
			}
			sum := 0
			for _, n := range list {
				sum += n
			}
			return sum, nil
		},
		"go.note": func(ctx context.Context, d *celery.Delivery) (any, error) {
			return nil, in.rdb.RPush(ctx, "notes", string(d.Args[0])).Err()
		},
		"go.errback": func(ctx context.Context, d *celery.Delivery) (any, error) {
			var id string
			if err := d.Bind(&id); err != nil {
				return nil, err
			}
			return nil, in.rdb.RPush(ctx, "errbacks", id).Err()
		},
	}
}

// drive runs a case of testdata/app/driver.py.
func (in *interop) drive(t *testing.T, name string) map[string]any {
	t.Helper()
	out := testenv.PythonEnv(t, in.env, filepath.Join(in.dir, "driver.py"), name)
	var got map[string]any
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	return got
}

func TestPythonToGo(t *testing.T) {
	t.Parallel()
	in := newInterop(t, false)
	for name, want := range map[string]string{
		"plain":             `map[state:SUCCESS value:5]`,
		"kwargs":            `map[state:SUCCESS value:[[1 ë😀 <nil> 1.5 1.2089258196146292e+24] map[deep:map[a:[true map[]]] name:Zoë]]]`,
		"nonfinite":         `map[value:[[nan, inf, -inf], {}]]`,
		"expires":           `map[args:[expired] exc:TaskRevokedError module:celery.exceptions state:REVOKED traceback:false]`,
		"failure":           `map[args:[boom 42] exc:ValueError module:builtins state:FAILURE traceback:false]`,
		"failure_own_class": `map[args:[no text] exc:Unreadable module:celery.exceptions state:FAILURE traceback:false]`,
		"wrong_arguments":   `map[args:[go.add takes 2 arguments, 1 were given] exc:TypeError module:builtins state:FAILURE traceback:false]`,
		"panic":             `map[args:[panic: at the disco] exc:RuntimeError module:builtins state:FAILURE traceback:true]`,
		"retries":           `map[state:SUCCESS value:map[parent_is_self:true retries:2 tenant:t1]]`,
		"retries_exhausted": `map[args:[again] exc:OSError module:builtins state:FAILURE traceback:false]`,
		"ignored":           `map[stored:0 value:7]`,
		"soft_limit":        `map[args:[] exc:SoftTimeLimitExceeded module:billiard.exceptions state:FAILURE traceback:false]`,
		"hard_limit":        `map[args:[1] exc:TimeLimitExceeded module:billiard.exceptions state:FAILURE traceback:false]`,
		"announced":         `map[before:PENDING value:[STARTED SUCCESS]]`,
		"started":           `map[state:REVOKED value:[[hostname pid] ` + in.w.Hostname() + ` true]]`,
		"exceptions":        `map[value:[builtins.KeyError builtins.OSError celery.exceptions.Reject builtins.Exception celery.exceptions.Made celery.exceptions.SecurityError]]`,
		"retry_keeps":       `map[state:SUCCESS value:map[expires:true group:group index:3 kwargs:map[k:1] limits:[30 20] parent:parent priority:6 reply_to:reply retries:1 root:root shadow:shown tenant:t1]]`,

		"time_limit_from_control": `map[args:[] exc:SoftTimeLimitExceeded module:billiard.exceptions state:FAILURE traceback:false]`,
		"rate_limit_from_control": `map[value:true]`,

		"compressed":     `map[value:[true true true true]]`,
		"extended":       `map[value:map[args:[2 3] kwargs:map[] name:go.add queue:go retries:0 status:SUCCESS worker:` + in.w.Hostname() + `]]`,
		"pickle_refused": `map[args:[content type "application/x-python-serialize" is refused] exc:ContentDisallowed module:kombu.exceptions state:FAILURE traceback:false]`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := fmt.Sprint(in.drive(t, name)); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
	t.Run("many", func(t *testing.T) {
		t.Parallel()
		list, _ := in.drive(t, "many")["value"].([]any)
		if len(list) != 200 || list[199] != float64(200) {
			t.Errorf("got %v", list)
		}
	})
	for _, name := range []string{"countdown", "eta_offset"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := in.drive(t, name)
			began, _ := got["value"].(float64)
			sent, _ := got["sent"].(float64)
			if d := began - sent; d < 1.2 || d > 5 {
				t.Errorf("started %.3f s after it was sent: %v", d, got)
			}
		})
	}
}

func TestProtocol1ToGo(t *testing.T) {
	t.Parallel()
	in := newInterop(t, false, "TASK_PROTOCOL=1")
	for name, want := range map[string]string{
		"plain":      `map[state:SUCCESS value:5]`,
		"kwargs":     `map[state:SUCCESS value:[[1 ë😀 <nil> 1.5 1.2089258196146292e+24] map[deep:map[a:[true map[]]] name:Zoë]]]`,
		"retries":    `map[state:SUCCESS value:map[parent_is_self:true retries:2 tenant:t1]]`,
		"compressed": `map[value:[true true true true]]`,
		"expires":    `map[args:[expired] exc:TaskRevokedError module:celery.exceptions state:REVOKED traceback:false]`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := fmt.Sprint(in.drive(t, name)); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestCanvasMixed(t *testing.T) {
	t.Parallel()
	in := newInterop(t, true)
	for name, want := range map[string]string{
		"chain_go_py":         `map[state:SUCCESS value:113]`,
		"chain_py_go":         `map[state:SUCCESS value:113]`,
		"chain_fails":         `map[args:[boom 42] exc:ValueError module:builtins parent:FAILURE state:FAILURE traceback:false]`,
		"group_mixed":         `map[value:[3 7 11]]`,
		"chord_mixed_py_body": `map[state:SUCCESS value:21]`,
		"chord_mixed_go_body": `map[state:SUCCESS value:10]`,
		"chord_header_chain":  `map[state:SUCCESS value:12]`,
		"chord_body_chain":    `map[state:SUCCESS value:16]`,
		"chain_into_group":    `map[value:[13 23]]`,
		"chain_into_chord":    `map[state:SUCCESS value:37]`,
		"chord_in_chord":      `map[state:SUCCESS value:12]`,
		"nested_link":         `map[state:SUCCESS value:5]`,
		"starmap":             `map[value:[3 7]]`,
		"link_py":             `map[children:1 state:SUCCESS value:5]`,

		"chord_header_chain_group": `map[value:[[[[12 22] 7]] map[]]]`,

		"group_fails":              `map[value:[3 ValueError ValueError]]`,
		"chain_fails_first_py":     `map[args:[boom 42] exc:ValueError module:builtins state:FAILURE traceback:true]`,
		"chain_fails_first_go":     `map[args:[boom 42] exc:ValueError module:builtins state:FAILURE traceback:false]`,
		"chain_fails_before_group": `map[value:[map[state:FAILURE value:ValueError('boom', 42)] map[state:FAILURE value:ValueError('boom', 42)]]]`,
		"chain_fails_before_chord": `map[args:[boom 42] exc:ValueError module:builtins state:FAILURE traceback:false]`,
		"chord_body_fails":         `map[args:[boom 42] exc:ValueError module:builtins state:FAILURE traceback:false]`,
		"unknown_step":             `map[args:[subtask type quantum] exc:NotImplementedError module:builtins state:FAILURE traceback:false]`,
		"link":                     `map[children:1 state:SUCCESS value:5]`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := in.drive(t, name)
			if _, ok := got["value"].([]any); ok {
				delete(got, "state") // groups have none
			}
			if text := fmt.Sprint(got); text != want {
				t.Errorf("got  %s\nwant %s", text, want)
			}
		})
	}
	for name, want := range map[string]string{
		"chord_go_fails": "raised ValueError('boom', 42)", "chord_py_fails": "raised ValueError('boom', 42)",
		"chord_go_fails_go_body": "raised ValueError('boom', 42)", "chord_py_fails_py_body": "raised ValueError('boom', 42)",
		"chord_chain_member_fails": "raised ValueError('boom', 42)", "chord_member_expires": "raised TaskRevokedError('expired')",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := in.drive(t, name)
			if got["exc"] != "ChordError" || !strings.Contains(fmt.Sprint(got["args"]), want) {
				t.Errorf("got %v", got)
			}
		})
	}
	for _, name := range []string{"link_error", "link_error_py", "chain_link_error", "chord_fails_link_error"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := in.drive(t, name)
			until(t, "errback called", func() bool {
				ids, err := in.rdb.LRange(ctx(t), "errbacks", 0, -1).Result()
				return err == nil && slices.Contains(ids, fmt.Sprint(got["id"]))
			})
		})
	}
}

func TestGoToPython(t *testing.T) {
	t.Parallel()
	in := newInterop(t, true)
	send := func(t *testing.T, task celery.Task) celery.Result {
		t.Helper()
		task.Queue = "py"
		id, err := in.p.Send(ctx(t), task)
		if err != nil {
			t.Fatal(err)
		}
		res, err := in.r.Wait(ctx(t), id)
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	for name, c := range map[string]struct {
		task celery.Task
		want string
	}{
		"plain":       {celery.Task{Name: "py.add", Args: []any{2, 3}}, `5`},
		"kwargs":      {celery.Task{Name: "py.echo", Args: []any{1, "ë😀", nil, 1.5}, Kwargs: map[string]any{"name": "Zoë", "deep": map[string]any{"a": []any{true}}}}, `[[1, "\u00eb\ud83d\ude00", null, 1.5], {"deep": {"a": [true]}, "name": "Zo\u00eb"}]`},
		"retries":     {celery.Task{Name: "py.retry", Args: []any{2}}, `2`},
		"compression": {celery.Task{Name: "py.add", Args: []any{2, 3}, Compression: "zlib"}, `5`},
		"countdown":   {celery.Task{Name: "py.add", Args: []any{2, 3}, Countdown: time.Second, ExpiresIn: time.Minute}, `5`},
		"headers": {celery.Task{Name: "py.headers", Priority: 5, TimeLimit: 30 * time.Second, SoftTimeLimit: 20 * time.Second, ParentID: "p", RootID: "r",
			Headers: map[string]any{"x-tenant": "t1"}}, `"limits": [30, 20]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if res := send(t, c.task); res.Status != celery.StatusSuccess || !strings.Contains(string(res.Result), c.want) {
				t.Errorf("got %s %s", res.Status, res.Result)
			}
		})
	}
	t.Run("failure", func(t *testing.T) {
		t.Parallel()
		var e *celery.Error
		if res := send(t, celery.Task{Name: "py.fail"}); !errors.As(res.Err(), &e) || e.Type != "ValueError" || e.Module != "builtins" || len(e.Args) != 2 {
			t.Errorf("got %+v", res)
		}
	})
	for name, c := range map[string]struct {
		task celery.Task
		want string
	}{
		"hard time limit": {celery.Task{Name: "py.sleep", Args: []any{60}, TimeLimit: time.Second}, "TimeLimitExceeded"},
		"soft time limit": {celery.Task{Name: "py.sleep", Args: []any{60}, SoftTimeLimit: time.Second, TimeLimit: 50 * time.Second}, "SoftTimeLimitExceeded"},
		"retries used up": {celery.Task{Name: "py.retry", Args: []any{99}}, "OSError"},
		"unknown task":    {celery.Task{Name: "py.nobody"}, "NotRegistered"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var e *celery.Error
			if res := send(t, c.task); res.Status != celery.StatusFailure || !errors.As(res.Err(), &e) || e.Type != c.want {
				t.Errorf("got %+v", res)
			}
		})
	}
	t.Run("retry keeps everything", func(t *testing.T) { // but what Celery 5.2.6 itself loses: custom headers; it cannot retry a task that expires at all
		t.Parallel()
		index := 3
		res := send(t, celery.Task{Name: "py.retry_seen", Kwargs: map[string]any{"k": 1}, Headers: map[string]any{"x-tenant": "t1"}, Priority: 6, TimeLimit: 30 * time.Second,
			SoftTimeLimit: 20 * time.Second, Shadow: "shown", RootID: "root", ParentID: "parent", GroupID: "group", GroupIndex: &index,
			Link: []celery.Signature{goSig("go.note", "linked")}, LinkError: []celery.Signature{goSig("go.errback")}})
		var seen []map[string]any
		if err := res.Decode(&seen); err != nil || len(seen) != 2 {
			t.Fatalf("%v in %s", err, res.Result)
		}
		first, second := seen[0], seen[1]
		if first["retries"] != 0.0 || second["retries"] != 1.0 {
			t.Errorf("retries %v, then %v", first["retries"], second["retries"])
		}
		if first["x-tenant"] != "t1" {
			t.Errorf("the custom header arrives as %v", first["x-tenant"])
		}
		for key, want := range map[string]any{"id": res.TaskID, "priority": 6.0, "timelimit": "[30 20]", "shadow": "shown", "root_id": "root", "parent_id": "parent",
			"group": "group", "kwargs": "map[k:1]", "callbacks": 1.0, "errbacks": 1.0} {
			if a, b := fmt.Sprint(first[key]), fmt.Sprint(second[key]); a != fmt.Sprint(want) || b != a {
				t.Errorf("%s: %s, then %s, want %v", key, a, b, want)
			}
		}
	})
	t.Run("expires", func(t *testing.T) {
		t.Parallel()
		if res := send(t, celery.Task{Name: "py.add", Args: []any{1, 2}, Expires: time.Now().Add(-time.Minute)}); res.Status != celery.StatusRevoked {
			t.Errorf("got %+v", res)
		}
	})
	t.Run("ignore_result", func(t *testing.T) {
		t.Parallel()
		id, err := in.p.Send(ctx(t), celery.Task{Name: "py.note", Args: []any{"ignored"}, Queue: "py", IgnoreResult: true})
		if err != nil {
			t.Fatal(err)
		}
		until(t, "the task ran", func() bool {
			notes, err := in.rdb.LRange(ctx(t), "notes", 0, -1).Result()
			return err == nil && strings.Contains(fmt.Sprint(notes), "ignored")
		})
		send(t, celery.Task{Name: "py.add", Args: []any{1, 1}})
		if res, err := in.r.Get(ctx(t), id); err != nil || res.Ready() { // with task_track_started Python stores STARTED all the same
			t.Errorf("got %+v, %v", res, err)
		}
	})
	for name, c := range map[string]struct {
		sig  celery.Signature
		want string
	}{
		"chain":            {celery.Chain(pySig("py.add", 1, 2), goSig("go.add", 10), pySig("py.add", 100)), `113`},
		"chord":            {celery.Chord(pySig("py.tsum"), goSig("go.add", 1, 2), pySig("py.add", 3, 4)), `10`},
		"chain_into_chord": {celery.Chain(goSig("go.add", 1, 2), celery.Group(goSig("go.add", 10), pySig("py.add", 20)), goSig("go.tsum"), pySig("py.add", 1)), `37`},
		"chord_header_chain_group": {celery.Chord(goSig("go.echo"), celery.Chain(pySig("py.add", 1, 1), celery.Group(goSig("go.add", 10), pySig("py.add", 20))), pySig("py.add", 3, 4)),
			`[[[[12, 22], 7]], {}]`},
		"chord_header_group_go": {celery.Chord(pySig("py.echo"), celery.Chain(goSig("go.add", 1, 1), celery.Group(goSig("go.add", 10), pySig("py.add", 20))), goSig("go.add", 3, 4)),
			`[[[[12, 22], 7]], {}]`},
		"chord_header_chain": {celery.Chord(goSig("go.tsum"), celery.Chain(pySig("py.add", 1, 2), goSig("go.add", 3)), goSig("go.add", 1, 1)), `8`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st, err := in.p.Start(ctx(t), c.sig)
			if err != nil {
				t.Fatal(err)
			}
			res, err := in.r.Wait(ctx(t), st.ID)
			if err != nil || string(res.Result) != c.want {
				t.Errorf("got %+v, %v", res, err)
			}
		})
	}
}

func pySig(task string, args ...any) celery.Signature {
	return celery.Sig(task, args...).With("queue", "py")
}
func goSig(task string, args ...any) celery.Signature {
	return celery.Sig(task, args...).With("queue", "go")
}

// TestSameMessageAsPython compares what we push with what a Python producer pushes for the same call.
func TestSameMessageAsPython(t *testing.T) {
	t.Parallel()
	s := realRedis(t)
	dir, err := filepath.Abs("testdata/app")
	if err != nil {
		t.Fatal(err)
	}
	c := open(t, celery.Config{BrokerURL: s.url})
	eta := time.Date(2027, 1, 2, 3, 4, 5, 678901000, time.UTC)
	if _, err := celery.NewProducer(c).Send(ctx(t), celery.Task{ID: "same", Name: "go.add", Args: []any{2, "ë'", nil}, Kwargs: map[string]any{"y": 1.5}, Queue: "go",
		ETA: eta, Priority: 5, TimeLimit: 30 * time.Second, SoftTimeLimit: 20 * time.Second, Shadow: "shown", Headers: map[string]any{"x-tenant": "t1"},
		Link: []celery.Signature{celery.Sig("go.note", "x")}}); err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("testdata/same.py")
	if err != nil {
		t.Fatal(err)
	}
	env := []string{"CELERY_BROKER_URL=" + s.url, "CELERY_RESULT_BACKEND=" + s.url, "PYTHONPATH=" + dir}
	if out := strings.TrimSpace(testenv.PythonEnv(t, env, string(script))); out != "same" {
		t.Error(out)
	}
}

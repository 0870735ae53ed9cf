package celery

import (
	"context"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// TestVectorsStamped revokes the captured stamped message by its stamp. Debian's Celery has neither stamps nor the command,
// so the request is the one 5.3 and later send.
func TestVectorsStamped(t *testing.T) {
	t.Parallel()
	raw := vectorsOf(t, "msg_p2_stamped.json")["msg_p2_stamped.json"].Entries[0].Raw
	for name, c := range map[string]struct {
		headers string
		revoked bool
	}{
		"value":         {`{"tenant": "t1"}`, true},
		"one of":        {`{"tenant": ["t0", "t1"]}`, true},
		"other value":   {`{"tenant": "t2"}`, false},
		"other header":  {`{"owner": "t1"}`, false},
		"not an object": {`"tenant"`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := miniredis.NewMiniRedis()
			if err := m.Start(); err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			client, err := Open(Config{BrokerURL: "redis://" + m.Addr()})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			w, err := NewWorker(client, WorkerConfig{})
			if err != nil {
				t.Fatal(err)
			}
			w.Handle("docs.add", func(context.Context, *Delivery) (any, error) { return "ran", nil }, HandlerOptions{})
			reply, _ := w.command(t.Context(), &request{method: "revoke_by_stamped_headers", args: map[string]Value{"headers": Value(c.headers), "terminate": Value("false")}})
			if fields, _ := reply.(object); len(fields) != 1 || (fields[0].key == "ok") != (c.headers[0] == '{') {
				t.Errorf("reply: %v", reply)
			}
			if _, err := m.Lpush("celery", raw); err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() { done <- w.Run(context.Background()) }()
			defer func() {
				w.Stop()
				if err := <-done; err != nil {
					t.Error(err)
				}
			}()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			d, bad := decodeDelivery([]byte(raw), testLimits)
			if bad != nil {
				t.Fatal(bad)
			}
			res, err := NewResults(client).Wait(ctx, d.ID)
			if err != nil || (res.Status == StatusRevoked) != c.revoked {
				t.Errorf("%+v, %v", res, err)
			}
		})
	}
}

package celery

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/docuvault/docuvault/internal/testenv"
)

// TestRenewedMeanwhile has a holder renew a message between a sweep's look and its grasp: it stays with its holder. The
// score that the sweep saw counts, and counts once.
func TestRenewedMeanwhile(t *testing.T) {
	t.Parallel()
	c, err := Open(Config{BrokerURL: testenv.Redis(t).URL})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() // nothing depends on it
	ctx := context.Background()
	entry := `[{"body": "W1tdLHt9LHt9XQ==", "headers": {"id": "1", "task": "t"}, "content-type": "application/json", "properties": {"body_encoding": "base64"}}, "", "home"]`
	score := func(to float64) {
		if err := c.rdb.ZAdd(ctx, c.keys.unackedIndex(), redis.Z{Score: to, Member: "tag"}).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.rdb.HSet(ctx, c.keys.unacked(), "tag", entry).Err(); err != nil {
		t.Fatal(err)
	}
	score(2)
	if ok, err := c.restoreOne(ctx, "tag", "1", []byte(entry)); ok || err != nil {
		t.Errorf("taken from a holder that renewed it: %v, %v", ok, err)
	}
	for _, want := range []bool{true, false} {
		if ok, err := c.restoreOne(ctx, "tag", "2", []byte(entry)); ok != want || err != nil {
			t.Errorf("restored %v, %v, want %v", ok, err, want)
		}
	}
	if n, err := c.rdb.LLen(ctx, "home").Result(); n != 1 || err != nil {
		t.Errorf("%d in its queue, %v", n, err)
	}
}

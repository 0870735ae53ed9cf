package celery_test

import (
	"testing"

	"github.com/docuvault/docuvault/adapters/celery"
)

// TestSameTagTwiceInQuarantine pushes two messages under one delivery tag, one after the other: the second must not take the
// first one's place.
func TestSameTagTwiceInQuarantine(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *server) {
		c := open(t, celery.Config{BrokerURL: s.url})
		i := celery.NewInspector(c)
		start(t, c, celery.WorkerConfig{}, nil)
		for n := range 2 {
			const pickled = `{"body": "gA==", "content-encoding": "binary", "content-type": "application/x-python-serialize",
				"headers": {"id": "a", "task": "t"}, "properties": {"body_encoding": "base64", "delivery_tag": "same"}}`
			if err := s.rdb.LPush(ctx(t), "celery", pickled).Err(); err != nil {
				t.Fatal(err)
			}
			until(t, "it is in quarantine", func() bool {
				length, err := i.QuarantineLength(ctx(t))
				return err == nil && length == int64(n+1)
			})
		}
	})
}

package ratelimit

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed take.lua
var takeSource string

var take = redis.NewScript(takeSource)

// Config says how much is allowed.
type Config struct {
	Name  string        // of what is limited: limits of different names do not count each other's
	Count int           // how many are allowed at once, and in each
	Per   time.Duration // this long, on average
}

// Limiter lets a client do something so often and no more. It is safe for concurrent use, and keeps nothing but in Redis: one key
// for each client, which ends by itself.
type Limiter struct {
	rdb    redis.Scripter
	prefix string
	step   int64 // microseconds from one to the next
	burst  int64 // microseconds
}

// New returns a limiter on a Redis. What is not positive cannot be a limit, which is an error.
func New(rdb redis.Scripter, cfg Config) (*Limiter, error) {
	if cfg.Count < 1 || cfg.Per.Microseconds() < int64(cfg.Count) {
		return nil, errors.New("ratelimit: the limit must be at least one, and no more than one in a microsecond")
	}
	return &Limiter{rdb: rdb, prefix: "docuvault:rate:" + cfg.Name + ":", step: cfg.Per.Microseconds() / int64(cfg.Count), burst: cfg.Per.Microseconds()}, nil
}

// answerWithin bounds how long Redis is waited for: whoever asks would rather go on without an answer.
const answerWithin = 500 * time.Millisecond

// Take counts one for the client. It returns 0 if that was within the limit, else how long the client has to wait until it would be,
// and then nothing was counted. Calls at the same moment, from any number of processes, are counted one after another, by Redis's
// clock. An error means that Redis did not answer in time, and that it may have counted.
func (l *Limiter) Take(ctx context.Context, client string) (wait time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	micros, err := take.Run(ctx, l.rdb, []string{l.prefix + client}, l.step, l.burst).Int64()
	if err != nil {
		return 0, fmt.Errorf("ask for the rate: %w", err)
	}
	return time.Duration(micros) * time.Microsecond, nil
}

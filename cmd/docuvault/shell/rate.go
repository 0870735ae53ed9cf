package shell

import (
	"context"
	"fmt"
	"time"

	"github.com/docuvault/docuvault/adapters/ratelimit"
)

// UploadLimit counts uploads by client as UPLOAD_RATE_LIMIT says, in the Redis of the queue; it is nil if there is no limit.
func (p *Parts) UploadLimit() (func(ctx context.Context, client string) (time.Duration, error), error) {
	rate := p.cfg.UploadRate
	if rate.Count == 0 {
		return nil, nil
	}
	limiter, err := ratelimit.New(p.broker.Redis(), ratelimit.Config{Name: "upload", Count: rate.Count, Per: rate.Per})
	if err != nil {
		return nil, fmt.Errorf("set up UPLOAD_RATE_LIMIT: %w", err)
	}
	return limiter.Take, nil
}

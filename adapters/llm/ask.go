package llm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// ask sends a question until there is an answer: again after a pause when the server is busy or failing, and in another style when
// it does not understand this one.
func (c *Classifier) ask(ctx context.Context, q question) (string, error) {
	c.mu.Lock()
	style := c.style
	c.mu.Unlock()
	pause := c.cfg.Pause
	for tries := 1; ; tries++ {
		status, header, body, err := c.send(ctx, q, style)
		wait := pause/2 + rand.N(pause/2+1)
		switch {
		case ctx.Err() != nil:
			return "", ended(ctx)
		case err != nil:
			err = unreached(err)
		case status == http.StatusOK && len(body) > maxBody:
			return "", because("its answer is too long", nil)
		case status == http.StatusOK:
			c.mu.Lock()
			c.style = style
			c.mu.Unlock()
			return c.protocol.answer(body), nil
		case (status == http.StatusBadRequest || status == http.StatusUnprocessableEntity) && style+1 < styles:
			style++
			tries-- // the server answered: this was no failure
			continue
		case status == http.StatusTooManyRequests || status >= 500:
			err = because(fmt.Sprintf("it answered with status %d", status), nil)
			if asked, ok := retryAfter(header, c.cfg.Now()); ok {
				wait = asked
			}
		default:
			return "", because(fmt.Sprintf("it answered with status %d", status), nil)
		}
		if tries >= c.cfg.Tries || wait > c.cfg.MaxPause {
			return "", err
		}
		c.log.DebugContext(ctx, "asking the language model again", "try", tries, "after", wait.String(), "error", err)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return "", ended(ctx)
		}
		pause = min(2*pause, c.cfg.MaxPause)
	}
}

// send makes one request. Of an answer that is too long, one byte more than is allowed comes back.
func (c *Classifier) send(ctx context.Context, q question, style style) (status int, header http.Header, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	sent, err := json.Marshal(c.protocol.body(q, style))
	if err != nil {
		return 0, nil, nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(sent))
	if err != nil {
		return 0, nil, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	c.protocol.headers(req.Header, c.cfg.APIKey)
	response, err := c.http.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer func() { _ = response.Body.Close() }() // read as far as it matters
	body, err = io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	return response.StatusCode, response.Header, body, err
}

// unreached says what kept a request from its answer. The error itself, for the log, names the address but no key.
func unreached(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return because("it did not answer in time", err)
	}
	return because("it cannot be reached", err)
}

// retryAfter reads the header, in seconds or as a date.
func retryAfter(header http.Header, now time.Time) (time.Duration, bool) {
	value := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil && seconds >= 0 && seconds < 1<<20 {
		return time.Duration(seconds) * time.Second, true
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(now), 0), true
	}
	return 0, false
}

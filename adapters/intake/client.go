package intake

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Bounds of what is taken from the server.
const (
	maxAnswer   = 16 << 20 // bytes of an answer
	firstPause  = time.Second
	longestWait = time.Minute // between two tries, whatever Retry-After says
	maxFaults   = 3           // tries that may end in a fault of the server's own
)

// refusal is an answer that another try would not change.
type refusal struct {
	status int
	Detail string `json:"detail"`
	Reason string `json:"reason"`
}

func (r *refusal) Error() string {
	if r.Detail == "" {
		return fmt.Sprintf("the server answered with status %d", r.status)
	}
	return r.Detail
}

// client calls the API. While the vault says that it has no time, nobody calls it: all wait for as long as it asked for.
type client struct {
	base     string
	http     *http.Client
	patience time.Duration
	now      func() time.Time

	mu     sync.Mutex
	paused time.Time
}

func newClient(base string, cfg Config) *client {
	transport := cfg.Transport
	if transport == nil {
		transport = &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: 2 * time.Minute, IdleConnTimeout: time.Minute,
			MaxIdleConnsPerHost: cfg.Parallel, ForceAttemptHTTP2: true,
		}
	}
	return &client{base: base, patience: cfg.Patience, now: cfg.Now, http: &http.Client{Transport: transport}}
}

func (c *client) close() { c.http.CloseIdleConnections() }

// json makes a call whose body, if there is one, and whose answer are JSON.
func (c *client) json(ctx context.Context, method, path string, body, answer any) error {
	var raw []byte
	if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			return err
		}
	}
	return c.call(ctx, func(ctx context.Context) (*http.Request, error) {
		request, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(raw))
		if err == nil && body != nil {
			request.Header.Set("Content-Type", "application/json")
		}
		return request, err
	}, answer)
}

// call sends a request, made anew for each try, until it is answered with anything but "not now", and reads the answer. It
// returns a refusal where another try would not help.
func (c *client) call(ctx context.Context, make func(context.Context) (*http.Request, error), answer any) error {
	last, faults := c.now().Add(c.patience), 0
	for pause := firstPause; ; pause = min(2*pause, longestWait) {
		if err := c.wait(ctx); err != nil {
			return err
		}
		asked, err := c.try(ctx, make, answer)
		var no *refusal
		var cannot *unsendable
		if err == nil || ctx.Err() != nil || errors.As(err, &no) || errors.As(err, &cannot) {
			return err
		}
		var answered *httpError
		if errors.As(err, &answered) && answered.answer.status == http.StatusInternalServerError {
			if faults++; faults == maxFaults {
				return err
			}
		}
		if asked > 0 {
			pause = min(asked, longestWait)
		}
		if c.now().Add(pause).After(last) {
			return err
		}
		c.pause(c.now().Add(pause))
	}
}

// unsendable is a request that cannot be made: its file cannot be read.
type unsendable struct{ err error }

func (e *unsendable) Error() string { return e.err.Error() }
func (e *unsendable) Unwrap() error { return e.err }

// try sends a request once. With an error that another try may mend it returns how long the server asked to wait, 0 if it did not.
func (c *client) try(ctx context.Context, make func(context.Context) (*http.Request, error), answer any) (wait time.Duration, err error) {
	request, err := make(ctx)
	if err != nil {
		return 0, &unsendable{err}
	}
	response, err := c.http.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }() // read as far as it is wanted
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return 0, fmt.Errorf("read the answer: %w", err)
	}
	switch status := response.StatusCode; {
	case status < 300:
		if answer == nil {
			return 0, nil
		}
		if err := json.Unmarshal(body, answer); err != nil {
			return 0, &refusal{status: status, Detail: "the server's answer is not that of a vault"}
		}
		return 0, nil
	case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, status >= 500:
		return c.retryAfter(response), &httpError{refused(status, body)}
	default:
		return 0, refused(status, body)
	}
}

func refused(status int, body []byte) *refusal {
	r := &refusal{status: status}
	_ = json.Unmarshal(body, r) // a proxy's page says nothing
	return r
}

// httpError is an answer that another try may change.
type httpError struct{ answer *refusal }

func (e *httpError) Error() string { return e.answer.Error() }

// retryAfter reads how long the server asks to wait (RFC 9110, section 10.2.3).
func (c *client) retryAfter(response *http.Response) time.Duration {
	value := response.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil && seconds >= 0 {
		return max(time.Duration(min(seconds, 3600))*time.Second, time.Millisecond)
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(c.now()), time.Millisecond)
	}
	return 0
}

// pause keeps everybody from calling until then.
func (c *client) pause(until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if until.After(c.paused) {
		c.paused = until
	}
}

func (c *client) wait(ctx context.Context) error {
	c.mu.Lock()
	left := c.paused.Sub(c.now())
	c.mu.Unlock()
	if left <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

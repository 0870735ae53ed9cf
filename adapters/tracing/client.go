package tracing

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// client sends spans by OTLP over HTTP (https://opentelemetry.io/docs/specs/otlp/#otlphttp), as an otlptrace.Client. The one that
// OpenTelemetry has brings gRPC and its gateway into the program, for a message that is a list.
type client struct {
	url     string
	headers map[string]string
	http    *http.Client
}

func newClient(cfg Config) (*client, error) {
	base, err := url.Parse(cfg.Endpoint)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, errors.New("the collector's address cannot be used") // it is not repeated, it may hold a secret
	}
	return &client{
		url: base.JoinPath("v1", "traces").String(), headers: cfg.Headers,
		http: &http.Client{
			Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConns: 2, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the headers are for this address alone
			Timeout:       10 * time.Second,
		},
	}, nil
}

// Start implements otlptrace.Client.
func (c *client) Start(context.Context) error { return nil }

// Stop implements otlptrace.Client.
func (c *client) Stop(context.Context) error {
	c.http.CloseIdleConnections()
	return nil
}

// How often a batch is tried, and the pause after the first try, which doubles.
const (
	tries      = 4
	firstPause = time.Second
)

// UploadTraces implements otlptrace.Client. A collector that is away, or asks for patience, is tried again a few times. Errors hold
// no address.
func (c *client) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	// On the wire ExportTraceServiceRequest is TracesData: field 1, repeated ResourceSpans.
	message, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return fmt.Errorf("encode spans: %w", err)
	}
	var body bytes.Buffer
	packed := gzip.NewWriter(&body)
	if _, err := packed.Write(message); err != nil {
		return fmt.Errorf("pack spans: %w", err)
	}
	if err := packed.Close(); err != nil {
		return fmt.Errorf("pack spans: %w", err)
	}
	for pause := firstPause; ; pause *= 2 {
		again, err := c.post(ctx, body.Bytes())
		if err == nil || !again || pause >= firstPause<<(tries-1) {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
	}
}

// post sends a batch once, and says whether it is worth another try.
func (c *client) post(ctx context.Context, body []byte) (again bool, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return false, errors.New("the collector's address cannot be used")
	}
	for name, value := range c.headers {
		request.Header.Set(name, value)
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	request.Header.Set("Content-Encoding", "gzip")
	answer, err := c.http.Do(request)
	if err != nil {
		var withAddress *url.Error
		if errors.As(err, &withAddress) {
			err = withAddress.Err
		}
		return true, fmt.Errorf("the collector cannot be reached: %w", err)
	}
	defer func() { _ = answer.Body.Close() }() // what it says beyond its status is of no use
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10))
	switch status := answer.StatusCode; {
	case status < 300:
		return false, nil
	case status == http.StatusTooManyRequests, status == http.StatusBadGateway, status == http.StatusServiceUnavailable, status == http.StatusGatewayTimeout:
		return true, fmt.Errorf("the collector answers %d", status)
	default:
		return false, fmt.Errorf("the collector answers %d", status)
	}
}

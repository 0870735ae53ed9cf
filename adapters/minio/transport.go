package minio

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// newTransport keeps enough idle connections that a busy API does not dial for each document, and bounds every wait. HTTP/2
// is left out: one connection's flow control is no match for many when streaming.
func newTransport(timeout time.Duration) *http.Transport {
	dialer := &net.Dialer{Timeout: min(timeout, 5*time.Second), KeepAlive: 15 * time.Second}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return &watchedConn{Conn: conn, timeout: timeout}, nil
		},
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   min(timeout, 10*time.Second),
		ResponseHeaderTimeout: timeout,
		ExpectContinueTimeout: time.Second,
		IdleConnTimeout:       time.Minute,
		MaxIdleConns:          256,
		MaxIdleConnsPerHost:   256,
		WriteBufferSize:       64 << 10,
		ReadBufferSize:        64 << 10,
		DisableCompression:    true, // bytes are kept and given back as they are
	}
}

// watchedConn gives up on a peer that takes no byte for a while. Reads are watched where they are made: how long a peer may
// be silent depends on whether we asked it for something.
type watchedConn struct {
	net.Conn
	timeout time.Duration
}

func (c *watchedConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// watchdog cancels a request when the server is silent for too long. It watches between wait and pause.
type watchdog struct {
	timer   *time.Timer
	timeout time.Duration
}

func newWatchdog(timeout time.Duration, cancel func()) *watchdog {
	return &watchdog{timer: time.AfterFunc(timeout, cancel), timeout: timeout}
}

func (w *watchdog) wait()  { w.timer.Reset(w.timeout) }
func (w *watchdog) pause() { w.timer.Stop() }

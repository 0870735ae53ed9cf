package celery

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

func dialOne(ctx context.Context, network, addr string, e endpoint, timeout time.Duration) (net.Conn, error) {
	d := &net.Dialer{Timeout: timeout, KeepAlive: 30 * time.Second}
	if e.tls == nil {
		return d.DialContext(ctx, network, addr)
	}
	conf := e.tls.Clone()
	if host, _, err := net.SplitHostPort(addr); err == nil {
		conf.ServerName = host
	}
	return (&tls.Dialer{NetDialer: d, Config: conf}).DialContext(ctx, network, addr)
}

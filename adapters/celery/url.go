package celery

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// endpoint is where a URL points.
type endpoint struct {
	network  string   // tcp or unix
	addrs    []string // host:port, or a socket's path; several are sentinels or a failover list
	sentinel bool
	user     string
	password string
	db       int
	tls      *tls.Config // no ServerName: whoever dials takes the host it dials

	ioTimeout, dialTimeout time.Duration // socket_timeout, socket_connect_timeout; zero: what Config says
}

// errURL hides the URL, which may hold a password, from errors.
func errURL(format string, args ...any) error {
	return fmt.Errorf("celery: redis URL: "+format, args...)
}

// parseURL reads every form Celery accepts for a Redis broker or result backend: redis://, rediss://,
// redis+socket://, unix:// and socket://, sentinel:// and lists separated by semicolons. Of the query it reads
// ssl_cert_reqs, ssl_ca_certs, ssl_certfile, ssl_keyfile, socket_timeout, socket_connect_timeout, and virtual_host and
// password of sockets; redis-py's other options have no meaning here. Errors never contain the URL.
func parseURL(raw string) (endpoint, error) {
	if raw == "" {
		raw = "redis://"
	}
	var out endpoint
	for i, part := range strings.Split(raw, ";") {
		one, err := parseOneURL(strings.TrimSpace(part))
		if err != nil {
			return endpoint{}, err
		}
		if i == 0 {
			out = one
			continue
		}
		if one.network != out.network || one.sentinel != out.sentinel {
			return endpoint{}, errURL("a list mixes kinds of URL")
		}
		out.addrs = append(out.addrs, one.addrs...)
	}
	return out, nil
}

func parseOneURL(raw string) (endpoint, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return endpoint{}, errURL("cannot be parsed")
	}
	e := endpoint{network: "tcp"}
	if u.User != nil {
		e.user = u.User.Username()
		e.password, _ = u.User.Password()
	}
	query := u.Query()
	e.ioTimeout, e.dialTimeout = asSeconds(Value(query.Get("socket_timeout"))), asSeconds(Value(query.Get("socket_connect_timeout")))
	port := "6379"
	switch u.Scheme {
	case "redis", "valkey":
	case "rediss", "valkeys":
		if e.tls, err = tlsConfig(query); err != nil {
			return endpoint{}, err
		}
	case "sentinel", "sentinels":
		e.sentinel, port = true, "26379"
		if u.Scheme == "sentinels" {
			if e.tls, err = tlsConfig(query); err != nil {
				return endpoint{}, err
			}
		}
	case "redis+socket", "socket", "unix":
		e.network, e.addrs = "unix", []string{u.Path}
		if u.Path == "" {
			return endpoint{}, errURL("no socket path")
		}
		for _, key := range []string{"virtual_host", "db"} {
			if v := query.Get(key); v != "" {
				if e.db, err = parseDB(v); err != nil {
					return endpoint{}, err
				}
			}
		}
		if pw := query.Get("password"); pw != "" {
			e.password = pw
		}
		return e, nil
	default:
		return endpoint{}, errURL("scheme %q is not known", u.Scheme)
	}
	host := u.Hostname()
	if host == "" {
		host = "127.0.0.1"
	}
	if p := u.Port(); p != "" {
		port = p
	}
	e.addrs = []string{net.JoinHostPort(host, port)}
	if path := strings.Trim(u.Path, "/"); path != "" {
		if e.db, err = parseDB(path); err != nil {
			return endpoint{}, err
		}
	} else if v := query.Get("db"); v != "" {
		if e.db, err = parseDB(v); err != nil {
			return endpoint{}, err
		}
	}
	return e, nil
}

func parseDB(s string) (int, error) {
	n, err := strconv.Atoi(strings.TrimPrefix(s, "/"))
	if err != nil || n < 0 {
		return 0, errURL("the database is not a number")
	}
	return n, nil
}

// tlsConfig follows ssl_cert_reqs: none, optional or required, with or without CERT_. Without it certificates
// are verified, where kombu silently would not.
func tlsConfig(q url.Values) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	switch reqs := strings.ToLower(strings.TrimPrefix(q.Get("ssl_cert_reqs"), "CERT_")); reqs {
	case "", "required", "optional":
	case "none":
		c.InsecureSkipVerify = true
	default:
		return nil, errURL("ssl_cert_reqs %q is not known", reqs)
	}
	if ca := q.Get("ssl_ca_certs"); ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, errURL("ssl_ca_certs: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, errURL("ssl_ca_certs holds no certificate")
		}
	}
	if cert, key := q.Get("ssl_certfile"), q.Get("ssl_keyfile"); cert != "" {
		if key == "" {
			key = cert
		}
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, errURL("ssl_certfile: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

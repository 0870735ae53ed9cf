//go:build unix

package testenv

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/embedded/childproc"
)

// RedisServer is one test's own redis-server, with a password and an append-only file that is synced on every write: what
// it has acknowledged is there again after Stop or Kill and Start.
type RedisServer struct {
	URL      string // redis://:password@127.0.0.1:port/0
	Addr     string // 127.0.0.1:port
	PeerAddr string // where another such server reaches it, until it is started again
	Password string
	*server
}

// Redis starts a redis-server for this test alone. It ends with the test.
func Redis(t testing.TB) RedisServer {
	t.Helper()
	if Containers() {
		return containerRedis(t)
	}
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("testenv: redis-server is not installed: apt-get install redis-server (or make test-deps)")
	}
	dir := testDir(t, "redis")
	r := RedisServer{Password: rand.Text()}
	r.server, err = onFreePort("redis", func(port int) *process {
		r.Addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		addr := r.Addr
		return &process{
			cfg: childproc.Config{Path: path, Dir: dir, Args: []string{
				"--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--requirepass", r.Password, "--dir", dir,
				"--appendonly", "yes", "--appendfsync", "always", "--save", "", "--maxmemory-policy", "noeviction",
			}},
			ready: func(ctx context.Context) error { return pingRedis(ctx, addr, r.Password) },
		}
	})
	if err != nil {
		t.Fatal("testenv: start redis:", err)
	}
	r.PeerAddr, r.URL = r.Addr, fmt.Sprintf("redis://:%s@%s/0", r.Password, r.Addr)
	r.own(t)
	return r
}

// pingRedis speaks the protocol by hand: two lines are not worth a client with its goroutines. It answers nil once the
// server that has this password serves, its append-only file loaded.
func pingRedis(ctx context.Context, addr, password string) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(conn, "AUTH %s\r\nPING\r\n", password); err != nil {
		return err
	}
	in := bufio.NewReader(conn)
	for _, want := range []string{"+OK", "+PONG"} {
		line, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		if line = strings.TrimSpace(line); line != want {
			return fmt.Errorf("redis answers %q", line)
		}
	}
	return nil
}

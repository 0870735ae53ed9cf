package testenv

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/docuvault/docuvault/internal/childproc"
)

// RedisServer is one test's own redis-server, with a password and an append-only file that is synced on every write.
// Address, password and data stay the same over Stop, Kill and Start.
type RedisServer struct {
	URL      string // redis://:password@127.0.0.1:port/0
	Addr     string // 127.0.0.1:port
	Password string

	mu   *sync.Mutex
	proc **childproc.Process
	dir  string
	port int
}

// Redis starts a redis-server for this test alone. It ends with the test.
func Redis(t testing.TB) RedisServer {
	t.Helper()
	if Containers() {
		return containerRedis(t)
	}
	dir, err := tempDir(t, "redis")
	if err != nil {
		t.Fatal("testenv:", err)
	}
	r := RedisServer{Password: rand.Text(), mu: new(sync.Mutex), proc: new(*childproc.Process), dir: dir}
	for try := 1; ; try++ {
		if r.port, err = childproc.LoopbackPort(); err == nil {
			err = r.start()
		}
		if err == nil {
			break
		}
		if try == 5 {
			t.Fatal("testenv:", err)
		}
	}
	r.Addr = r.addr()
	r.URL = fmt.Sprintf("redis://:%s@%s/0", r.Password, r.Addr)
	t.Cleanup(func() { r.Kill(t) })
	return r
}

func (r RedisServer) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(r.port)) }

func (r RedisServer) start() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if *r.proc != nil {
		return nil
	}
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return errors.New("redis-server is not installed: apt-get install redis-server (or make test-deps)")
	}
	proc, err := childproc.Start(childproc.Config{Path: path, Dir: r.dir, Args: []string{
		"--bind", "127.0.0.1", "--port", strconv.Itoa(r.port), "--requirepass", r.Password, "--dir", r.dir,
		"--appendonly", "yes", "--appendfsync", "always", "--save", "", "--maxmemory-policy", "noeviction",
		"--loglevel", "notice", "--databases", "16", "--daemonize", "no",
	}})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	err = until(ctx, proc, func() error { return pingRedis(ctx, r.addr(), r.Password) })
	if err != nil {
		proc.Kill()
		return err
	}
	*r.proc = proc
	return nil
}

// pingRedis speaks the protocol by hand: two lines are not worth a client with its goroutines. It answers nil once the
// server that has this password serves, its append-only file loaded.
func pingRedis(ctx context.Context, addr, password string) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // a probe
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

// Start starts the server again after Stop or Kill, on the same address, with what its append-only file holds.
func (r RedisServer) Start(t testing.TB) {
	t.Helper()
	if err := r.start(); err != nil {
		t.Fatal("testenv: start redis:", err)
	}
}

// Stop shuts the server down in order. A second Stop does nothing.
func (r RedisServer) Stop(t testing.TB) {
	t.Helper()
	r.end(func(p *childproc.Process) {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := p.Stop(ctx, 20*time.Second, syscall.SIGTERM); err != nil {
			t.Error("testenv: stop redis:", err)
		}
	})
}

// Kill ends the server by SIGKILL.
func (r RedisServer) Kill(testing.TB) {
	r.end(func(p *childproc.Process) { p.Kill() })
}

// Pause freezes the server: connections stay open and nothing answers, as when a network swallows packets.
func (r RedisServer) Pause(t testing.TB) { r.signal(t, syscall.SIGSTOP) }

// Resume lets a paused server go on.
func (r RedisServer) Resume(t testing.TB) { r.signal(t, syscall.SIGCONT) }

func (r RedisServer) signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if *r.proc == nil {
		t.Fatal("testenv: redis does not run")
	}
	if err := (*r.proc).Signal(sig); err != nil {
		t.Fatal("testenv:", err)
	}
}

func (r RedisServer) end(how func(*childproc.Process)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if *r.proc != nil {
		how(*r.proc)
		*r.proc = nil
	}
}

// Log is the server's last output.
func (r RedisServer) Log() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if *r.proc == nil {
		return ""
	}
	return (*r.proc).Tail()
}

// DataDir is where the append-only file lies.
func (r RedisServer) DataDir() string { return filepath.Clean(r.dir) }

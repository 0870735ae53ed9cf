package postgres

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// relay is the way to a server, which a test can cut.
type relay struct {
	listener        net.Listener
	network, server string
	running         sync.WaitGroup

	mu    sync.Mutex
	isCut bool
	conns map[net.Conn]bool // of both ends
}

// openByRelay opens a store that reaches its server by a relay.
func openByRelay(t *testing.T, cfg Config) reachedStore {
	t.Helper()
	conn, err := cfg.withDefaults().connConfig()
	if err != nil {
		t.Fatal(err)
	}
	way := newRelay(t)
	way.network, way.server = pgconn.NetworkAddress(conn.Host, conn.Port)
	way.running.Go(way.accept)
	conn.DialFunc = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", way.listener.Addr().String())
	}
	store, err := openConn(t.Context(), cfg.withDefaults(), conn, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return reachedStore{store, way}
}

func newRelay(t *testing.T) *relay {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: listener, conns: map[net.Conn]bool{}}
	t.Cleanup(func() {
		_ = listener.Close()
		r.cut()
		r.running.Wait()
	})
	return r
}

func (r *relay) accept() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.running.Go(func() { r.carry(client) })
	}
}

// carry passes bytes both ways until either end hangs up or the way is cut.
func (r *relay) carry(client net.Conn) {
	defer r.drop(client)
	if !r.keep(client) {
		return
	}
	server, err := net.Dial(r.network, r.server)
	if err != nil {
		return
	}
	defer r.drop(server)
	if !r.keep(server) {
		return
	}
	r.running.Go(func() {
		_, _ = io.Copy(server, client)
		r.drop(server)
	})
	_, _ = io.Copy(client, server)
}

// keep remembers a connection for cut, and reports false if the way is cut already.
func (r *relay) keep(conn net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns[conn] = true
	return !r.isCut
}

func (r *relay) drop(conn net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = conn.Close()
	delete(r.conns, conn)
}

// cut breaks every connection, and each new one at once, until mend.
func (r *relay) cut() (mend func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.isCut = true
	for conn := range r.conns {
		_ = conn.Close()
	}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.isCut = false
	}
}

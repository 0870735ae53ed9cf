package serve

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"
)

// A listener about to close turns new connections away and waits until those made before are accepted, but not for ever.
func TestLastCalls(t *testing.T) {
	t.Parallel()
	listener, err := listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	dial := func(patience time.Duration) error {
		conn, err := net.DialTimeout("tcp", listener.Addr().String(), patience)
		if err == nil {
			t.Cleanup(func() { _ = conn.Close() })
		}
		return err
	}
	if err := dial(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	if err := lastCalls(t.Context(), listener); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("with a connection that nobody accepts: %v", err)
	}
	var timeout net.Error // the dialer has two errors for this, as whichever of its clocks is first
	if err := dial(300 * time.Millisecond); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("a new connection: %v, want that nobody answers", err)
	}
	conn, err := listener.Accept()
	if err != nil {
		t.Fatalf("the connection that was made before: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := lastCalls(t.Context(), listener); err != nil {
		t.Errorf("with nobody waiting: %v", err)
	}
}

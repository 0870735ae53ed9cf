package childproc

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// The ports to try lie below the range from which systems take ports for outgoing connections and for listeners on port
// 0 (32768 on Linux, 49152 elsewhere). So a port stays free between LoopbackPort and the server's own bind, and across a
// server's restart, unless another caller of LoopbackPort draws the same one.
const firstPort, lastPort = 12000, 32000

// LoopbackPort returns a TCP port that nothing listens on at 127.0.0.1. It is not reserved: whoever starts a server on
// it tries another port when the bind fails.
func LoopbackPort() (int, error) {
	var last error
	for range 200 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)) //nolint:noctx // at once, or not at all
		if err != nil {
			last = err
			continue
		}
		if err := l.Close(); err != nil {
			return 0, err
		}
		return port, nil
	}
	return 0, fmt.Errorf("no free loopback port: %w", last)
}

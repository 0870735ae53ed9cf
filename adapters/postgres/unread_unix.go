//go:build unix

package postgres

import (
	"net"
	"syscall"
)

// unread reports whether something waits to be read on an idle connection, its end included, without waiting and without
// taking it.
func unread(conn net.Conn) bool {
	if under, ok := conn.(interface{ NetConn() net.Conn }); ok { // TLS
		conn = under.NetConn()
	}
	raw, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	control, err := raw.SyscallConn()
	if err != nil {
		return true
	}
	waiting := false
	err = control.Control(func(fd uintptr) {
		var one [1]byte
		_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		waiting = err != syscall.EAGAIN && err != syscall.EINTR
	})
	return waiting || err != nil
}

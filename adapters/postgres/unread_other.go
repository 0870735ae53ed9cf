//go:build !unix

package postgres

import "net"

// unread knows nothing here: a connection that the server ended is noticed after a pause, or by the query it fails.
func unread(net.Conn) bool { return false }

package serve

import (
	"context"
	"fmt"
	"net"
	"syscall"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// handshake is how long the last packet of a connection that is just being made may take, and how long a server may take from
// accepting a connection to counting it among its own.
const handshake, lastCallsLimit = 100 * time.Millisecond, 2 * time.Second

// lastCalls lets a listener that is about to be closed run empty. The kernel completes connections before anybody accepts them,
// and closing the listener would reset those: requests that were sent and would never be answered. So new ones are turned away
// first, by a filter that drops packets with the SYN flag, which makes their senders try again and find the port closed or the
// next process there; then it waits until the server has accepted all that were made before.
func lastCalls(ctx context.Context, listener net.Listener) error {
	tcp, ok := listener.(*net.TCPListener)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return fmt.Errorf("stop accepting: %w", err)
	}
	if err := onDescriptor(raw, dropSYN); err != nil {
		return fmt.Errorf("turn new connections away: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, lastCallsLimit)
	defer cancel()
	pause := time.NewTicker(handshake)
	defer pause.Stop()
	for waiting, quiet := uint32(1), 0; quiet < 2; quiet++ {
		select {
		case <-pause.C:
		case <-ctx.Done():
			return fmt.Errorf("%d connections were not accepted any more: %w", waiting, ctx.Err())
		}
		err := onDescriptor(raw, func(fd int) error {
			info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
			if err == nil {
				waiting = info.Unacked // of a listening socket: connections not yet accepted (tcp_get_info in Linux)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("count the connections that wait: %w", err)
		}
		if waiting > 0 {
			quiet = -1
		}
	}
	return nil
}

func onDescriptor(raw syscall.RawConn, do func(fd int) error) (err error) {
	if controlled := raw.Control(func(fd uintptr) { err = do(int(fd)) }); controlled != nil {
		return controlled
	}
	return err
}

// dropSYN makes a socket deaf to packets that open a connection. The filter sees a packet from its TCP header on, whose
// fourteenth byte holds the flags.
func dropSYN(fd int) error {
	const flags, syn, drop, keep = 13, 0x02, 0, 0xffff
	program, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: flags, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: syn, SkipFalse: 1},
		bpf.RetConstant{Val: drop},
		bpf.RetConstant{Val: keep},
	})
	if err != nil {
		return err
	}
	filter := make([]unix.SockFilter, len(program))
	for i, in := range program {
		filter[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]})
}

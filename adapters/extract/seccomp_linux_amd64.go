package extract

import (
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

const auditArch = unix.AUDIT_ARCH_X86_64

// ownCalls are those for starting and reading that this architecture has under names of its own, or alone: musl still uses the old ones.
var ownCalls = []uint32{unix.SYS_ARCH_PRCTL, unix.SYS_NEWFSTATAT, unix.SYS_STAT, unix.SYS_LSTAT, unix.SYS_ACCESS, unix.SYS_READLINK}

// opening allows open without those flags.
func opening(f filter, not uint32) filter { return f.when(unix.SYS_OPEN, 1, bpf.JumpBitsNotSet, not) }

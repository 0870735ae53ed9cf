package extract

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_AARCH64

// ownCalls are those for starting and reading that this architecture has under names of its own.
var ownCalls = []uint32{unix.SYS_FSTATAT}

// opening has nothing to allow: there is openat alone.
func opening(f filter, _ uint32) filter { return f }

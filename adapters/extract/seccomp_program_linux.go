//go:build amd64 || arm64

package extract

import (
	"os"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// beyondOffice are calls that no office program needs, and that reach the network by another way, other processes, or the kernel.
var beyondOffice = []uint32{
	unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_IO_URING_SETUP, unix.SYS_BPF, unix.SYS_KEYCTL,
	unix.SYS_ADD_KEY, unix.SYS_MOUNT, unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_USERFAULTFD, unix.SYS_PERF_EVENT_OPEN, unix.SYS_PIDFD_OPEN,
}

// firstForeignCall is where another way to number the calls begins on amd64 (x32). No call of ours has so high a number.
const firstForeignCall = 0x40000000

// filterNetwork forbids this process and what it becomes every socket but those inside this machine's file system, and what
// beyondOffice lists. LibreOffice needs files and processes of its own; what it may read there is not confined by this.
func filterNetwork() (assembled, error) {
	program := append(prologue(),
		bpf.JumpIf{Cond: bpf.JumpLessThan, Val: firstForeignCall, SkipTrue: 1},
		bpf.RetConstant{Val: answerError | uint32(unix.ENOSYS)})
	for _, call := range beyondOffice {
		program = append(program, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: call, SkipTrue: 1}, bpf.RetConstant{Val: answerError | uint32(unix.EPERM)})
	}
	return assemble(append(program,
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.SYS_SOCKET, SkipTrue: 3},
		bpf.LoadAbsolute{Off: offsetArgs, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.AF_UNIX, SkipTrue: 1},
		bpf.RetConstant{Val: answerError | uint32(unix.EAFNOSUPPORT)},
		bpf.RetConstant{Val: answerAllow}))
}

// readingCalls are what a program needs beside computing to start, load its libraries and read its data. Each
// architecture has a few of its own.
var readingCalls = []uint32{
	unix.SYS_EXECVE, unix.SYS_MMAP, unix.SYS_MPROTECT, unix.SYS_SET_TID_ADDRESS, unix.SYS_LSEEK, unix.SYS_STATX, unix.SYS_FSTATFS,
	unix.SYS_FACCESSAT, unix.SYS_FACCESSAT2, unix.SYS_READLINKAT, unix.SYS_GETDENTS64, unix.SYS_GETCWD, unix.SYS_UNAME, unix.SYS_SYSINFO,
	unix.SYS_GETUID, unix.SYS_GETEUID, unix.SYS_GETGID, unix.SYS_GETEGID,
}

// filterReading forbids this process and what it becomes everything but computing and opening files to read them: no file is made,
// changed or removed, no socket is made and no process started. It may become another program, which is as confined. What it
// may read is what this user may.
func filterReading() (assembled, error) {
	const writing = unix.O_WRONLY | unix.O_RDWR | unix.O_CREAT | unix.O_TRUNC
	return assemble(opening(computing(os.Getpid()).allow(readingCalls...).allow(ownCalls...), writing).
		when(unix.SYS_OPENAT, 2, bpf.JumpBitsNotSet, writing).
		end())
}

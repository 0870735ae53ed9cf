//go:build amd64 || arm64

package extract

import (
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// allowedCalls is what a Go program needs to compute, to use memory it has asked for, and to read and write descriptors that
// are open already. Nothing here opens a file, makes a socket or a process, or reaches another process.
var allowedCalls = []uint32{
	unix.SYS_READ, unix.SYS_WRITE, unix.SYS_READV, unix.SYS_WRITEV, unix.SYS_PREAD64, unix.SYS_CLOSE, unix.SYS_FSTAT, unix.SYS_FCNTL,
	unix.SYS_MUNMAP, unix.SYS_MREMAP, unix.SYS_MADVISE, unix.SYS_MINCORE, unix.SYS_BRK,
	unix.SYS_FUTEX, unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ, unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY,
	unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_SIGALTSTACK, unix.SYS_RESTART_SYSCALL,
	unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_CLOCK_GETTIME, unix.SYS_GETTIMEOFDAY,
	unix.SYS_GETPID, unix.SYS_GETTID, unix.SYS_GETRANDOM, unix.SYS_EXIT, unix.SYS_EXIT_GROUP,
	unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT, unix.SYS_EVENTFD2,
}

// Answers of a filter (linux/seccomp.h): the call is made, or it fails with the error number in the low bits, or it is the last.
const (
	answerAllow = unix.SECCOMP_RET_ALLOW
	answerError = unix.SECCOMP_RET_ERRNO
	answerKill  = unix.SECCOMP_RET_KILL_PROCESS
)

// Offsets into struct seccomp_data. Both architectures are little-endian: an argument's low half comes first.
const (
	offsetCall = 0
	offsetArch = 4
	offsetArgs = 16
)

// prologue ends a program that speaks another architecture's calls, whose numbers would mean something else, and loads the number.
func prologue() []bpf.Instruction {
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: offsetArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: auditArch, SkipTrue: 1},
		bpf.RetConstant{Val: answerKill},
		bpf.LoadAbsolute{Off: offsetCall, Size: 4},
	}
}

// filter is a program that the kernel runs before every system call, as far as it is written: what is not allowed by its end fails
// with EPERM, as if there were no right to it, which libraries are used to.
type filter []bpf.Instruction

// allow allows calls, whatever their arguments are.
func (f filter) allow(calls ...uint32) filter {
	for _, call := range calls {
		f = append(f, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: call, SkipTrue: 1}, bpf.RetConstant{Val: answerAllow})
	}
	return f
}

// when allows a call if its argument passes the test.
func (f filter) when(call uint32, argument uint32, test bpf.JumpTest, value uint32) filter {
	return append(f,
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: call, SkipTrue: 4},
		bpf.LoadAbsolute{Off: offsetArgs + 8*argument, Size: 4},
		bpf.JumpIf{Cond: test, Val: value, SkipTrue: 1},
		bpf.RetConstant{Val: answerError | uint32(unix.EPERM)},
		bpf.RetConstant{Val: answerAllow})
}

// end refuses what was not allowed before.
func (f filter) end() []bpf.Instruction {
	return append(f,
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.SYS_CLONE3, SkipTrue: 1},
		bpf.RetConstant{Val: answerError | uint32(unix.ENOSYS)}, // its flags are out of a filter's sight; C libraries then use clone
		bpf.RetConstant{Val: answerError | uint32(unix.EPERM)})
}

// computing allows what every program of ours does.
func computing(pid int) filter {
	return filter(prologue()).allow(allowedCalls...).
		when(unix.SYS_CLONE, 0, bpf.JumpBitsSet, unix.CLONE_THREAD).    // threads, not processes
		when(unix.SYS_TGKILL, 0, bpf.JumpEqual, uint32(pid)).           // signals to itself: how Go preempts and crashes
		when(unix.SYS_PRCTL, 0, bpf.JumpEqual, uint32(unix.PR_SET_VMA)) // names for regions of memory
}

// callFilter is the filter of a child.
func callFilter(pid int) []bpf.Instruction {
	return computing(pid).
		when(unix.SYS_MMAP, 2, bpf.JumpBitsNotSet, unix.PROT_EXEC).     // memory, not code
		when(unix.SYS_MPROTECT, 2, bpf.JumpBitsNotSet, unix.PROT_EXEC). // so what was compiled before is all there is
		end()
}

// filterCalls forbids this process, all its threads, everything but computing: no file is opened, no socket made, no process
// started from here on, and no program it could ever start gains rights (no_new_privs). It cannot be undone.
func filterCalls() error { return install(callFilter(os.Getpid())) }

// install puts a filter before all threads of this process and of what it starts.
func install(program []bpf.Instruction) error {
	ready, err := assemble(program)
	if err != nil {
		return err
	}
	return ready.install()
}

// assembled is a filter as the kernel takes it.
type assembled []unix.SockFilter

func assemble(program []bpf.Instruction) (assembled, error) {
	raw, err := bpf.Assemble(program)
	if err != nil {
		return nil, fmt.Errorf("assemble the filter: %w", err)
	}
	filter := make(assembled, len(raw))
	for i, in := range raw {
		filter[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	return filter, nil
}

// install needs no memory unless it fails.
func (filter assembled) install() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up new rights: %w", err)
	}
	code := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&code))) //nolint:gosec // the call takes the filter by its address
	switch {
	case errno != 0:
		return fmt.Errorf("install the filter: %w", errno)
	case thread != 0:
		return fmt.Errorf("thread %d cannot be filtered", thread)
	}
	return nil
}

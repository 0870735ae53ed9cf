//go:build unix

package extract

import (
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// prepare puts the child into a process group of its own, out of reach of Ctrl-C, and ties its life to ours where the kernel
// can.
func prepare(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(cmd.SysProcAttr)
}

// killGroup ends a process that prepare put into a group of its own, and all it started.
func killGroup(p *os.Process) error { return syscall.Kill(-p.Pid, syscall.SIGKILL) }

// killedFromOutside reports whether a signal that no parser raises ended the process: an operator or the kernel, out of memory.
func killedFromOutside(state *os.ProcessState) bool {
	status, ok := state.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && (status.Signal() == syscall.SIGKILL || status.Signal() == syscall.SIGTERM)
}

func endingSignals() []os.Signal {
	return []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGXFSZ}
}

// environment is all that a child gets to know: nothing of ours. One arena keeps the C library's reservations out of the
// limit on address space, and more threads than two would not make parsing faster.
func environment() []string { return []string{marker + "=1", "GOMAXPROCS=2", "MALLOC_ARENA_MAX=1"} }

// endOnCPULimit ends this process when the kernel says that its processor time is used up.
func endOnCPULimit() {
	used := make(chan os.Signal, 1)
	signal.Notify(used, syscall.SIGXCPU)
	go func() {
		<-used
		os.Exit(exitCPU)
	}()
}

package childproc

import (
	"os"
	"syscall"
)

func setDeathSignal(attr *syscall.SysProcAttr, sig os.Signal) {
	attr.Pdeathsig = syscall.SIGKILL
	if s, ok := sig.(syscall.Signal); ok {
		attr.Pdeathsig = s
	}
}

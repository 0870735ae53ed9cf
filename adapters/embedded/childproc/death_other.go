//go:build unix && !linux

package childproc

import (
	"os"
	"syscall"
)

// setDeathSignal has nothing to set: these kernels offer no such signal.
func setDeathSignal(*syscall.SysProcAttr, os.Signal) {}

package extract

import (
	"math"
	"syscall"

	"golang.org/x/sys/unix"
)

func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }

// keepDescriptors keeps from children the descriptors that this program itself inherited: what Go opens is never passed on, but
// what was open before is. Kernels before 5.11 do not know the call; there they go along.
func keepDescriptors() { _ = unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC) }

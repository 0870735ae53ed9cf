package extract

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// role is what a program of the system may have.
type role struct {
	memory uint64 // bytes of address space
	file   uint64 // bytes of the largest file it may write
	filter func() (assembled, error)
}

// roleNamed returns the role of that name: the second argument that makes this program limit itself and then become another one.
func roleNamed(name string) (role, bool) {
	switch name {
	case officeRole:
		return role{4 << 30, 512 << 20, filterNetwork}, true // LibreOffice reserves what it does not use
	case tesseractRole:
		return role{1 << 30, 0, filterReading}, true
	}
	return role{}, false
}

// command starts a program by way of this one, which confines itself first.
func (p program) command(cfg Config) []string {
	require := "auto"
	if cfg.RequireSandbox {
		require = "require"
	}
	own := append([]string{}, cfg.Command...)
	own = append(own, p.role, require, strconv.Itoa(int((cfg.CPU+time.Second-1)/time.Second)), p.path)
	return append(own, p.args...)
}

// become limits this process and becomes the program that args name: role, sandbox, seconds of processor time, program and its
// arguments. It returns only if that fails.
func become(args []string, log *slog.Logger) int {
	log.Error("the program cannot be run", "err", confineAndExec(args))
	return exitProgram
}

// confineAndExec returns only if it fails.
func confineAndExec(args []string) error {
	if len(args) < 4 {
		return errors.New("arguments are missing")
	}
	role, ok := roleNamed(args[0])
	if !ok {
		return fmt.Errorf("there is no role %q", args[0])
	}
	required, path := args[1] == "require", args[3]
	seconds, err := strconv.ParseUint(args[2], 10, 32)
	if err != nil {
		return errors.New("the processor time is no number")
	}
	if _, err := os.Stat(path); err != nil { //nolint:gosec // the operator names the program
		return err
	}
	filter, unfiltered := role.filter()
	if unfiltered != nil && required {
		return unfiltered
	}
	program, err := syscall.BytePtrFromString(path)
	if err != nil {
		return err
	}
	argv, err := syscall.SlicePtrFromStrings(args[3:])
	if err != nil {
		return err
	}
	env, err := syscall.SlicePtrFromStrings(os.Environ())
	if err != nil {
		return err
	}
	// The limit on memory is below what this process has mapped already: from there on it gets none, and Go ends it where it asks
	// for some. So all that takes memory comes before, nothing collects garbage, and the program is begun without Go's own Exec.
	debug.SetGCPercent(-1)
	for _, limit := range []struct {
		resource int
		most     uint64
	}{{unix.RLIMIT_CPU, seconds}, {unix.RLIMIT_CORE, 0}, {unix.RLIMIT_FSIZE, role.file}, {unix.RLIMIT_AS, role.memory}} {
		if err := unix.Setrlimit(limit.resource, &unix.Rlimit{Cur: limit.most, Max: limit.most}); err != nil && required {
			return fmt.Errorf("set a limit: %w", err)
		}
	}
	if unfiltered == nil {
		if err := filter.install(); err != nil && required {
			return err
		}
	}
	_, _, failed := unix.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(program)), uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&env[0]))) //nolint:gosec // the call takes addresses
	return failed
}

package extract

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// officeRole is the second argument that makes the program limit itself and then become LibreOffice.
const officeRole = "office"

// LibreOffice may use more than a child: it reserves what it does not use.
const (
	officeMemory = 4 << 30
	officeFile   = 512 << 20 // the largest file it may write
)

// officeCommand starts LibreOffice by way of this program, which confines itself first.
func officeCommand(cfg Config) []string {
	require := "auto"
	if cfg.RequireSandbox {
		require = "require"
	}
	own := append([]string{}, cfg.Command...)
	return append(own, officeRole, require, strconv.Itoa(int((cfg.CPU+time.Second-1)/time.Second)), cfg.Soffice)
}

// becomeOffice limits this process and becomes the program that args name: sandbox, seconds of processor time, program and its
// arguments. It returns only if that fails.
func becomeOffice(args []string, log *slog.Logger) int {
	if err := office(args); err != nil {
		log.Error("LibreOffice cannot be run", "err", err)
	}
	return exitOffice
}

func office(args []string) error {
	if len(args) < 3 {
		return errors.New("arguments are missing")
	}
	seconds, err := strconv.ParseUint(args[1], 10, 32)
	if err != nil {
		return errors.New("the processor time is no number")
	}
	if _, err := os.Stat(args[2]); err != nil { //nolint:gosec // the operator's SOFFICE_PATH
		return err
	}
	for resource, most := range map[int]uint64{
		unix.RLIMIT_AS: officeMemory, unix.RLIMIT_CPU: seconds, unix.RLIMIT_CORE: 0, unix.RLIMIT_FSIZE: officeFile,
	} {
		if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: most, Max: most}); err != nil && args[0] == "require" {
			return fmt.Errorf("set a limit: %w", err)
		}
	}
	if err := filterNetwork(); err != nil && args[0] == "require" {
		return err
	}
	return unix.Exec(args[2], args[2:], os.Environ())
}

package extract

import (
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// confine applies the limits to this process and names those that are active.
func confine(h hello, log *slog.Logger) []string {
	var layers []string
	limit := func(name string, resource int, value uint64) {
		if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: value, Max: value}); err != nil {
			log.Warn("a limit could not be set", "limit", name, "err", err)
			return
		}
		layers = append(layers, name)
	}
	if h.Memory > 0 {
		debug.SetMemoryLimit(h.Memory)
		if used, err := addressSpace(); err == nil && !raceDetector {
			limit(layerAddressSpace, unix.RLIMIT_AS, used+uint64(h.Memory)+addressSlack)
		}
	}
	limit(layerNoCore, unix.RLIMIT_CORE, 0)
	limit(layerNoWrites, unix.RLIMIT_FSIZE, 0)
	if err := filterCalls(); err != nil {
		log.Warn("system calls could not be filtered", "err", err)
		return layers
	}
	return append(layers, layerCalls)
}

// addressSlack is for stacks of threads and what the runtime reserves without using it. With it the memory watch mostly comes
// first, which ends the process in a way that can be told from a crash for certain.
const addressSlack = 256 << 20

// addressSpace is what this process has reserved, much more than it uses: the runtime reserves ahead.
func addressSpace() (uint64, error) {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	var pages uint64
	if _, err := fmt.Sscan(string(b), &pages); err != nil {
		return 0, err
	}
	return pages * uint64(os.Getpagesize()), nil
}

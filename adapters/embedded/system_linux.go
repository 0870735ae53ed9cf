package embedded

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// maxSocketPath is sun_path's 108 bytes less the terminating NUL.
const maxSocketPath = 107

// locale is the server's own, and the cluster's.
const locale = "C.UTF-8"

func localeArgs() []string { return []string{"--locale=" + locale} }

// serversIn lists the processes of a PostgreSQL server that works in the cluster, leftover children included: they all
// have it as their working folder.
func serversIn(cluster string) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		dir := filepath.Join("/proc", e.Name())
		name, err := os.ReadFile(filepath.Join(dir, "comm"))
		if err != nil || strings.TrimSpace(string(name)) != "postgres" {
			continue
		}
		if cwd, err := os.Readlink(filepath.Join(dir, "cwd")); err == nil && cwd == cluster {
			pids = append(pids, pid)
		}
	}
	return pids
}

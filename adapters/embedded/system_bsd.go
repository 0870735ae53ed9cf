//go:build darwin || freebsd || netbsd || openbsd

package embedded

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// maxSocketPath is sun_path's 104 bytes less the terminating NUL.
const maxSocketPath = 103

// locale avoids C.UTF-8, which older systems of this family lack. PostgreSQL refuses to start under a locale that the
// system does not know.
const locale = "en_US.UTF-8"

// localeArgs make what C.UTF-8 would be: sorted by code point, with the character classes of Unicode.
func localeArgs() []string { return []string{"--locale=C", "--lc-ctype=" + locale} }

// serversIn is the server that the cluster's pid file names, when that process is a server of this folder.
func serversIn(cluster string) []int {
	pid := readPID(filepath.Join(cluster, "postmaster.pid"))
	if pid <= 0 || !alive(pid) {
		return nil
	}
	out, err := exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	if err != nil || !strings.Contains(string(out), cluster) {
		return nil
	}
	return []int{pid}
}

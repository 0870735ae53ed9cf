//go:build !(linux || darwin || freebsd || netbsd || openbsd)

package embedded

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"runtime"
	"syscall"

	"github.com/docuvault/docuvault/adapters/embedded/childproc"
)

const (
	fastShutdown      = syscall.SIGINT
	immediateShutdown = syscall.SIGQUIT
	maxSocketPath     = 107
	locale            = "C"
)

// lockFile is the first thing a start does, and here the last.
func lockFile(string) (*os.File, error) {
	return nil, errors.New("an embedded PostgreSQL is not supported on " + runtime.GOOS + ": set DATABASE_URL to a server, or run under WSL")
}

func rootMode() fs.FileMode                                    { return 0o700 }
func serverUser(string) (*childproc.Credential, error)         { return nil, nil }
func openToServer(string, *childproc.Credential) error         { return nil }
func giveTo(string, *childproc.Credential) error               { return nil }
func (d *dataDir) checkAccess(context.Context, binaries) error { return nil }
func blocked(string, *childproc.Credential) string             { return "" }
func alive(int) bool                                           { return false }
func signalServer(int, syscall.Signal)                         {}
func localeArgs() []string                                     { return nil }
func serversIn(string) []int                                   { return nil }

package filesystem

import (
	"errors"
	"os"
	"syscall"
)

// Codes of winerror.h that package syscall does not name.
const (
	errorHandleDiskFull    = syscall.Errno(39)
	errorNotSupported      = syscall.Errno(50)
	errorInvalidFunction   = syscall.Errno(1)
	errorDiskFull          = syscall.Errno(112)
	errorDiskQuotaExceeded = syscall.Errno(1295)
)

// isFull reports whether err says that there is no room on the volume or in the quota.
func isFull(err error) bool {
	return errors.Is(err, errorHandleDiskFull) || errors.Is(err, errorDiskFull) || errors.Is(err, errorDiskQuotaExceeded)
}

// noHardLinks reports whether err says that the filesystem cannot link, as FAT.
func noHardLinks(err error) bool {
	return errors.Is(err, errorInvalidFunction) || errors.Is(err, errorNotSupported)
}

// syncFolderFile does nothing: Windows has no way to sync a folder, NTFS journals names by itself.
func syncFolderFile(*os.File) error { return nil }

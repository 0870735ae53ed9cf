//go:build !windows

package filesystem

import (
	"errors"
	"os"
	"syscall"
)

// isFull reports whether err says that there is no room: on the device, in the quota, or for a file of this length.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}

// noHardLinks reports whether err says that the filesystem cannot link, as FAT and some that are mounted from afar.
func noHardLinks(err error) bool {
	return errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOTSUP) || errors.Is(err, syscall.EOPNOTSUPP) ||
		errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.EMLINK)
}

// syncFolderFile syncs an open folder. Filesystems that cannot sync folders need not: they say so by EINVAL or ENOTSUP.
func syncFolderFile(folder *os.File) error {
	err := folder.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	return err
}

//go:build !linux

package extract

import "syscall"

// dieWithParent has nothing to ask for here: a child ends when its standard input does.
func dieWithParent(*syscall.SysProcAttr) {}

// keepDescriptors has no call here that does it for all of them.
func keepDescriptors() {}

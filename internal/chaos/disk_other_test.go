//go:build chaos && unix && !linux

package chaos

import "testing"

// smallDisk takes Linux.
func smallDisk(t *testing.T, _ string) string {
	t.Skip("NOT RUN: a small disk for a test is mounted on Linux alone")
	return ""
}

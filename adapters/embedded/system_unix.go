//go:build linux || darwin || freebsd || netbsd || openbsd

package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"github.com/docuvault/docuvault/adapters/embedded/childproc"
)

// PostgreSQL's shutdown modes: https://www.postgresql.org/docs/current/server-shutdown.html
const (
	fastShutdown      = syscall.SIGINT
	immediateShutdown = syscall.SIGQUIT
)

// lockFile takes the folder's lock. The kernel frees it with the process, however that ends.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = fmt.Errorf("another docuvault up uses %s: stop it, or name another data folder", filepath.Dir(path))
		}
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// rootMode lets the server's user pass through a folder that root makes, and nothing more.
func rootMode() fs.FileMode {
	if os.Geteuid() == 0 {
		return 0o711
	}
	return 0o700
}

// serverUser is who the server runs as: the owner of the cluster when there is one, else, because PostgreSQL refuses to
// run as root, postgres or nobody in place of root.
func serverUser(cluster string) (*childproc.Credential, error) {
	euid := os.Geteuid()
	if info, err := os.Stat(cluster); err == nil {
		st, ok := info.Sys().(*syscall.Stat_t)
		switch {
		case !ok:
		case int(st.Uid) == euid && euid != 0:
			return nil, nil
		case euid != 0:
			return nil, fmt.Errorf("%s belongs to user %d: run as that user, or as root", cluster, st.Uid)
		case st.Uid != 0:
			return &childproc.Credential{UID: st.Uid, GID: st.Gid}, nil
		}
	}
	if euid != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil && uid != 0 {
			return &childproc.Credential{UID: uint32(uid), GID: uint32(gid)}, nil
		}
	}
	return nil, errors.New("PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it as: run as an ordinary user")
}

// openToServer lets the server's user enter the data folder itself when root made it for itself alone.
func openToServer(root string, runAs *childproc.Credential) error {
	if runAs == nil || mayEnter(root, runAs) {
		return nil
	}
	info, err := os.Stat(root)
	if err != nil {
		return err
	}
	return os.Chmod(root, info.Mode().Perm()|0o011)
}

func giveTo(path string, runAs *childproc.Credential) error {
	if runAs == nil {
		return nil
	}
	return os.Chown(path, int(runAs.UID), int(runAs.GID))
}

// checkAccess tries, as the server's user, what the server will need: to enter the folder and to run the binaries.
func (d *dataDir) checkAccess(ctx context.Context, bins binaries) error {
	if d.runAs == nil {
		return nil
	}
	cmd := exec.CommandContext(ctx, bins.postgres, "--version") //nolint:gosec // the very program to be started
	cmd.Dir = d.root
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: d.runAs.UID, Gid: d.runAs.GID}}
	err := cmd.Run()
	if err == nil {
		return nil
	}
	if dir := blocked(d.root, d.runAs); dir != "" {
		return fmt.Errorf("as root, the server runs as user %s, who cannot enter %s, so the data folder cannot be %s: "+
			"name one elsewhere (/var/lib/docuvault), or run as an ordinary user", userName(d.runAs), dir, d.root)
	}
	return fmt.Errorf("as root, the server runs as user %s, who cannot run %s: %w", userName(d.runAs), bins.postgres, err)
}

// blocked is the topmost folder on the way to path that the user may not enter, as far as the mode bits say; empty for
// none.
func blocked(path string, runAs *childproc.Credential) string {
	var way []string
	for p := path; ; p = filepath.Dir(p) {
		way = append(way, p)
		if p == filepath.Dir(p) {
			break
		}
	}
	for _, p := range slices.Backward(way) {
		if !mayEnter(p, runAs) {
			return p
		}
	}
	return ""
}

func mayEnter(dir string, runAs *childproc.Credential) bool {
	if runAs == nil {
		return true
	}
	info, err := os.Stat(dir)
	if err != nil {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return true
	case st.Uid == runAs.UID:
		return info.Mode()&0o100 != 0
	case st.Gid == runAs.GID:
		return info.Mode()&0o010 != 0
	default:
		return info.Mode()&0o001 != 0
	}
}

func userName(c *childproc.Credential) string {
	id := strconv.FormatUint(uint64(c.UID), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}

func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

func signalServer(pid int, sig syscall.Signal) {
	_ = syscall.Kill(pid, sig) // gone is as good
}

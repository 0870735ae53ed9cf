//go:build unix

package childproc

import (
	"os"
	"os/exec"
	"syscall"
)

func prepare(cmd *exec.Cmd, cfg Config) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if cfg.Credential != nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: cfg.Credential.UID, Gid: cfg.Credential.GID}
	}
	setDeathSignal(cmd.SysProcAttr, cfg.DeathSignal)
	return nil
}

func killGroup(p *os.Process) {
	// The child leads its group, and the group's id is not given away while the child is unreaped.
	_ = syscall.Kill(-p.Pid, syscall.SIGKILL)
	_ = p.Kill()
}

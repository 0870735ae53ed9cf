package childproc

import (
	"errors"
	"os"
	"os/exec"
)

func prepare(_ *exec.Cmd, cfg Config) error {
	if cfg.Credential != nil {
		return errors.New("running a child as another user is not supported on Windows")
	}
	return nil
}

func killGroup(p *os.Process) { _ = p.Kill() }

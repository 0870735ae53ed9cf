package extract

import (
	"os"
	"os/exec"
)

func prepare(*exec.Cmd) {}

func killGroup(p *os.Process) error { return p.Kill() }

func killedFromOutside(*os.ProcessState) bool { return false }

func endingSignals() []os.Signal { return []os.Signal{os.Interrupt} }

// environment holds what Windows itself needs to load a program, and nothing of ours.
func environment() []string {
	return []string{marker + "=1", "GOMAXPROCS=2", "SYSTEMROOT=" + os.Getenv("SYSTEMROOT")}
}

func endOnCPULimit() {}

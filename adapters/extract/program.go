package extract

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"time"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// Roles of programs of the system: each has a confinement of its own.
const (
	officeRole    = "office"
	tesseractRole = "tesseract"
)

// program is a program of the system that works on a document. What it is given and what it says is bounded by its caller.
type program struct {
	name   string // for people
	role   string
	path   string
	args   []string
	env    []string // beside what a child of ours knows, which is nothing
	dir    string
	stdin  io.Reader // nil is none
	stdout io.Writer // nil is nowhere
}

// run runs a program, with all it starts, until it is done, the deadline, or the end of ctx.
func (x *Extractor) run(ctx context.Context, p program) error {
	bounded, cancel := context.WithTimeout(ctx, x.cfg.Timeout)
	defer cancel()
	defer context.AfterFunc(x.pool.life, cancel)()
	command := p.command(x.cfg)
	cmd := exec.CommandContext(bounded, command[0], command[1:]...) //nolint:gosec // the program is configuration
	var stderr firstBytes
	cmd.Stdin, cmd.Stdout, cmd.Stderr = p.stdin, p.stdout, &stderr
	cmd.Env, cmd.Dir, cmd.WaitDelay = append(environment(), p.env...), p.dir, time.Second
	prepare(cmd)
	cmd.Cancel = func() error { return killGroup(cmd.Process) }
	keepDescriptors()
	err := cmd.Run()
	if cmd.Process != nil {
		_ = killGroup(cmd.Process) // what it left running
	}
	switch {
	case ctx.Err() != nil:
		return stopped(ctx)
	case x.pool.life.Err() != nil:
		return domain.Wrap(domain.Unavailable, errClosed, "documents cannot be read at the moment")
	case bounded.Err() != nil:
		return domain.Errorf(domain.Unreadable, "reading the document took longer than %s", x.cfg.Timeout).Because(ports.ReasonTimeout)
	case cmd.Process == nil, cmd.ProcessState.ExitCode() == exitProgram:
		x.log.ErrorContext(ctx, "a program could not be started", "program", p.name, "err", err, "stderr", stderr.String())
		return domain.Wrap(domain.Unavailable, fmt.Errorf("start %s: %w", p.name, err), "documents of this kind cannot be read at the moment")
	case err != nil && bytes.Contains(stderr.bytes(), []byte("bad_alloc")):
		return domain.Errorf(domain.Unreadable, "reading the document takes too much memory").Because(ports.ReasonTooComplex)
	case err != nil:
		return crash(err)
	}
	return nil
}

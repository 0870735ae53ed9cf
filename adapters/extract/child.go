package extract

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/docuvault/docuvault/adapters/extract/formats"
	"github.com/docuvault/docuvault/domain"
)

// How long a child may take to say that it is ready. It reads no document before.
const (
	startTimeout  = 30 * time.Second
	engineTimeout = 5 * time.Minute // it may have to compile its engines first
)

// crashed is the reason of documents that make a parser crash; a child that met one is replaced.
const crashed = "crashed"

// ending says why the parent ended a child.
type ending int32

const (
	byItself ending = iota // the parent did not
	byRecycling
	byDeadline
	byCaller
	byClose
)

// child is a running extraction worker, seen from the parent. One goroutine at a time uses it; kill is for any.
type child struct {
	cmd     *exec.Cmd
	dir     string // its working folder while it has a name
	in      *os.File
	out     *os.File
	w       *bufio.Writer
	r       *bufio.Reader
	buf     []byte
	stderr  firstBytes
	layers  []string
	engines formats.Engines

	owner     domain.Owner
	documents int

	deadline *time.Timer
	idle     *time.Timer
	why      atomic.Int32  // ending
	done     chan struct{} // closed once the process is gone
}

// startChild starts a process and waits until it is ready. Ended is called once it is gone again, even if it never was ready.
func startChild(ctx context.Context, cfg Config, h hello, ended func()) (*child, error) {
	c, err := spawn(cfg, ended)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { c.kill(byCaller) })
	err = c.greet(h)
	if err == nil && limitCPU(c.cmd.Process.Pid, cfg.CPU) == nil {
		c.layers = append(c.layers, layerCPU)
	}
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		c.end(byCaller)
		return nil, fmt.Errorf("child did not get ready (%s): %w", c.stderr.String(), err)
	}
	return c, nil
}

func spawn(cfg Config, ended func()) (*child, error) {
	c := &child{done: make(chan struct{})}
	fail := func(err error, open ...*os.File) (*child, error) {
		for _, f := range open {
			_ = f.Close()
		}
		c.removeDir()
		ended()
		return nil, err
	}
	var err error
	if c.dir, err = os.MkdirTemp("", "docuvault-extract-"); err != nil {
		c.dir = "" // a system without a writable folder: then the root has no place for files either
	}
	childIn, in, err := os.Pipe()
	if err != nil {
		return fail(err)
	}
	out, childOut, err := os.Pipe()
	if err != nil {
		return fail(err, childIn, in)
	}
	c.cmd = exec.Command(cfg.Command[0], cfg.Command[1:]...) //nolint:noctx,gosec // a child outlives the call that starts it, the pool ends it; the command is the program itself
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = childIn, childOut, &c.stderr
	c.cmd.Env, c.cmd.Dir, c.cmd.WaitDelay = environment(), cmp.Or(c.dir, string(os.PathSeparator)), time.Second
	prepare(c.cmd)
	keepDescriptors()
	c.in, c.out = in, out
	c.w, c.r, c.buf = bufio.NewWriterSize(in, chunkSize), bufio.NewReaderSize(out, chunkSize), make([]byte, chunkSize)
	c.deadline = time.AfterFunc(time.Hour, func() { c.kill(byDeadline) })
	c.deadline.Stop()

	started := make(chan error)
	go func() {
		// The kernel ties the child's life to the thread that forked it: the thread must live as long.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := c.cmd.Start()
		started <- err
		if err != nil {
			return
		}
		_ = c.cmd.Wait() // ProcessState says how it ended
		c.removeDir()
		close(c.done)
		ended()
	}()
	err = <-started
	_, _ = childIn.Close(), childOut.Close()
	if err != nil {
		return fail(fmt.Errorf("start %s: %w", cfg.Command[0], err), in, out)
	}
	return c, nil
}

// greet tells the child its limits.
func (c *child) greet(h hello) error {
	c.engines = h.Engines
	patience := startTimeout
	if h.Engines != 0 {
		patience = engineTimeout
	}
	if err := c.out.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if err := writeMessage(c.w, h); err != nil {
		return err
	}
	if err := c.w.Flush(); err != nil {
		return err
	}
	var answer ready
	if err := readMessage(c.r, &answer); err != nil {
		return err
	}
	if answer.Magic != magic {
		return errors.New("the program answered, but is no extraction worker")
	}
	c.layers = answer.Layers
	// A folder without a name takes no files. Where a folder in use cannot be removed, it goes with the child.
	c.removeDir()
	return c.out.SetReadDeadline(time.Time{})
}

func (c *child) removeDir() {
	if c.dir != "" {
		_ = os.Remove(c.dir)
	}
}

// kill ends the process. The first reason given is the one that counts.
func (c *child) kill(why ending) {
	c.why.CompareAndSwap(int32(byItself), int32(why))
	_ = c.cmd.Process.Kill()
}

// end kills the process, unless it is already ending, and waits until it is gone.
func (c *child) end(why ending) {
	c.kill(why)
	<-c.done
	c.deadline.Stop()
	_, _ = c.in.Close(), c.out.Close()
}

// gone reports whether the process has ended.
func (c *child) gone() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// errTooLarge and readerError are the ways in which sending a document fails without anything being wrong with the child.
var errTooLarge = errors.New("more bytes than allowed")

type readerError struct{ err error }

func (e readerError) Error() string { return "read the document: " + e.err.Error() }
func (e readerError) Unwrap() error { return e.err }

// send streams one document to the child. The deadline runs while the child is slow, not while the document's source is.
func (c *child) send(req request, content io.Reader, most int64, timeout time.Duration) error {
	if err := writeMessage(c.w, req); err != nil {
		return err
	}
	for empty := 0; ; {
		n, err := content.Read(c.buf)
		if most -= int64(n); most < 0 {
			return errors.Join(errTooLarge, c.abandon(timeout))
		}
		if n > 0 {
			empty = 0
			c.deadline.Reset(timeout)
			if err := c.chunk(c.buf[:n]); err != nil {
				return err
			}
			c.deadline.Stop()
		} else if empty++; empty > 100 && err == nil {
			err = io.ErrNoProgress
		}
		switch {
		case errors.Is(err, io.EOF):
			c.deadline.Reset(timeout)
			if err := writeLength(c.w, 0); err != nil {
				return err
			}
			return c.w.Flush()
		case err != nil:
			return errors.Join(readerError{err}, c.abandon(timeout))
		}
	}
}

func (c *child) chunk(b []byte) error {
	if err := writeLength(c.w, uint32(len(b))); err != nil {
		return err
	}
	_, err := c.w.Write(b)
	return err
}

// abandon takes a half-sent document back, after which the child is as good as before.
func (c *child) abandon(timeout time.Duration) error {
	c.deadline.Reset(timeout)
	defer c.deadline.Stop()
	if err := writeLength(c.w, abandoned); err != nil {
		return childError{err}
	}
	if err := c.w.Flush(); err != nil {
		return childError{err}
	}
	return nil
}

// childError marks that the child is of no more use.
type childError struct{ error }

// errNonsense is what a child sends that no worker of ours would.
var errNonsense = errors.New("an answer beyond its limits")

// answer is a child's whole answer.
type answer struct {
	reply
	text      string
	thumbnail []byte
	starts    []int
}

// maxThumbnail is the most bytes that a thumbnail may have; one of noise has about half.
const maxThumbnail = 1 << 20

// maxStarts is the most pages that a child is believed.
const maxStarts = 1 << 20

// receive waits for the answer. A child may have been taken over by a document: it is believed as little as the document is.
// Meanwhile is called with what the child says before its answer, and ends the waiting by an error.
func (c *child) receive(mostText int, meanwhile func(reply) error) (answer, error) {
	var a answer
	for {
		a = answer{}
		if err := readMessage(c.r, &a.reply); err != nil {
			return answer{}, err
		}
		if !a.Alive && a.Look == nil {
			break
		}
		if err := meanwhile(a.reply); err != nil {
			return answer{}, err
		}
	}
	switch {
	case a.Text < 0, a.Text > mostText, a.Thumbnail < 0, a.Thumbnail > maxThumbnail:
		return answer{}, errNonsense
	case a.Starts < 0, a.Starts > maxStarts, a.Starts > 0 && (a.Pages == nil || a.Starts > *a.Pages), a.Pages != nil && *a.Pages < 0:
		return answer{}, errNonsense
	}
	text, starts := make([]byte, a.Text), make([]byte, 4*a.Starts)
	if a.Thumbnail > 0 {
		a.thumbnail = make([]byte, a.Thumbnail)
	}
	for _, part := range [][]byte{text, a.thumbnail, starts} {
		if _, err := io.ReadFull(c.r, part); err != nil {
			return answer{}, err
		}
	}
	if !c.deadline.Stop() {
		return answer{}, errors.New("the deadline passed")
	}
	a.text = string(text)
	for len(starts) > 0 {
		a.starts = append(a.starts, int(binary.BigEndian.Uint32(starts)))
		starts = starts[4:]
	}
	return a, nil
}

// outOfMemory reports whether the process ended because of the limits on memory. The runtime has no exit code of its own for
// that; its first words are the sign.
func (c *child) outOfMemory() bool {
	if c.cmd.ProcessState.ExitCode() == exitMemory {
		return true
	}
	head := c.stderr.bytes()
	return slices.ContainsFunc([]string{"fatal error: runtime: out of memory", "runtime: out of memory", "fatal error: out of memory",
		"fatal error: runtime: cannot allocate memory", "runtime: cannot allocate memory", "failed to create new OS thread", "pthread_create failed"},
		func(sign string) bool { return bytes.Contains(head, []byte(sign)) })
}

// firstBytes keeps the start of what a child writes to its standard error: a crash begins with its cause.
type firstBytes struct {
	mu sync.Mutex
	b  []byte
}

const mostStderr = 4 << 10

func (f *firstBytes) Write(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.b = append(f.b, b[:min(len(b), mostStderr-len(f.b))]...)
	return len(b), nil
}

func (f *firstBytes) bytes() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.b)
}

func (f *firstBytes) String() string { return string(f.bytes()) }

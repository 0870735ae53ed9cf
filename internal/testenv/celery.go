//go:build unix

package testenv

import (
	"context"
	"crypto/rand"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/docuvault/docuvault/adapters/embedded/childproc"
)

// CeleryOptions say which worker to run. RedisURL and one of Dir and Files are required.
type CeleryOptions struct {
	// RedisURL is given to the app as REDIS_URL, CELERY_BROKER_URL and CELERY_RESULT_BACKEND.
	RedisURL string

	Dir   string            // a folder of Python code
	Files map[string]string // or, also, code by file name ("celery_app.py")
	App   string            // the module that holds the app; empty is celery_app

	Queues []string // empty is documents
	Args   []string // added to the worker's command line, after --concurrency=1
	Env    []string // "NAME=value", added to the environment
}

// CeleryWorker is a real Python Celery worker.
type CeleryWorker struct {
	Name string // its node name, as inspect and events show it

	proc *childproc.Process
	log  *lineLog
}

// dieWithParent runs in every interpreter whose path holds it as sitecustomize: the pool's processes, which Celery forks,
// get the death signal that the kernel takes off at each fork.
const dieWithParent = `import ctypes, os, signal
def _die():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if hasattr(os, "register_at_fork") and os.uname().sysname == "Linux":
    os.register_at_fork(after_in_child=_die)
`

// Celery starts a worker and returns once it consumes. It is killed when the test ends; a test that failed shows its log.
func Celery(t testing.TB, opts CeleryOptions) *CeleryWorker {
	t.Helper()
	w, err := startCelery(t, opts)
	if err != nil {
		t.Fatal("testenv: start celery:", err)
	}
	t.Cleanup(func() {
		w.proc.Kill()
		if t.Failed() {
			t.Logf("the celery worker's log:\n%s", w.proc.Tail())
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), stepLimit)
	defer cancel()
	if _, err := w.log.match(ctx, w.proc, "ready.", func(line string) bool { return strings.HasSuffix(line, w.Name+" ready.") }); err != nil {
		t.Fatal("testenv: start celery:", err)
	}
	return w
}

func startCelery(t testing.TB, opts CeleryOptions) (*CeleryWorker, error) {
	t.Helper()
	dir := testDir(t, "celery")
	if err := writeFiles(dir, opts.Files); err != nil {
		return nil, err
	}
	if err := writeFiles(dir, map[string]string{"sitecustomize.py": dieWithParent}); err != nil {
		return nil, err
	}
	path := []string{dir}
	if opts.Dir != "" {
		path = append(path, opts.Dir)
	}
	if opts.App == "" {
		opts.App = "celery_app"
	}
	if len(opts.Queues) == 0 {
		opts.Queues = []string{"documents"}
	}
	w := &CeleryWorker{Name: "worker-" + strings.ToLower(rand.Text()[:8]) + "@test", log: newLineLog()}
	var err error
	w.proc, err = childproc.Start(childproc.Config{
		Path: python(t), Dir: dir,
		Args: slices.Concat([]string{
			"-m", "celery", "-A", opts.App, "worker", "--loglevel=info", "-n", w.Name,
			"-Q", strings.Join(opts.Queues, ","), "--concurrency=1",
		}, opts.Args),
		Env: slices.Concat(os.Environ(), []string{
			"PYTHONPATH=" + strings.Join(path, string(os.PathListSeparator)), "PYTHONUNBUFFERED=1", "PYTHONDONTWRITEBYTECODE=1", "C_FORCE_ROOT=1",
			"REDIS_URL=" + opts.RedisURL, "CELERY_BROKER_URL=" + opts.RedisURL, "CELERY_RESULT_BACKEND=" + opts.RedisURL,
		}, opts.Env),
		Stdout: w.log, Stderr: w.log,
	})
	if err != nil {
		return nil, err
	}
	return w, nil
}

// WaitLog returns the first line of the worker's log, of those not yet returned, that holds text. Lines before it are
// passed over. A worker that ends without it, or a minute without it, fails the test.
func (w *CeleryWorker) WaitLog(t testing.TB, text string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), lineLimit)
	defer cancel()
	line, err := w.log.match(ctx, w.proc, text, func(line string) bool { return strings.Contains(line, text) })
	if err != nil {
		t.Fatal("testenv:", err)
	}
	return line
}

// Stop asks the worker for a warm shutdown: it finishes what it runs, gives back what it has reserved, and ends.
func (w *CeleryWorker) Stop(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), stepLimit)
	defer cancel()
	if err := w.proc.Stop(ctx, stopPatience, syscall.SIGTERM); err != nil {
		t.Errorf("testenv: stop celery: %v\n%s", err, w.proc.Tail())
	}
}

// Kill ends the worker and its pool by SIGKILL and returns when they are gone.
func (w *CeleryWorker) Kill() { w.proc.Kill() }

// Signal sends the worker's main process a signal: SIGQUIT is Celery's cold shutdown, SIGSTOP freezes it.
func (w *CeleryWorker) Signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if err := w.proc.Signal(sig); err != nil {
		t.Fatal("testenv:", err)
	}
}

// PID is the process id of the worker's main process.
func (w *CeleryWorker) PID() int { return w.proc.PID() }

// Done is closed when the worker has ended.
func (w *CeleryWorker) Done() <-chan struct{} { return w.proc.Done() }

// Log is the worker's last output.
func (w *CeleryWorker) Log() string { return w.proc.Tail() }

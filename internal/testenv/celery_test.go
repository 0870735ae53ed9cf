//go:build unix

package testenv_test

import (
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/embedded/childproc"
	"github.com/docuvault/docuvault/internal/testenv"
)

const app = `
import os, time
from celery import Celery
app = Celery("docuvault", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])
app.conf.task_acks_late = True
@app.task(name="tasks.document_tasks.add")
def add(a, b):
    print(f"adding {a} {b}", flush=True)
    return a + b
@app.task(name="tasks.document_tasks.hang")
def hang():
    print(f"hanging in {os.getpid()}", flush=True)
    time.sleep(600)
`

const producer = `
import sys
from celery import Celery
app = Celery("docuvault", broker=sys.argv[1], backend=sys.argv[1])
r = app.send_task("tasks.document_tasks." + sys.argv[2], [int(x) for x in sys.argv[3:]], queue="documents")
if len(sys.argv) > 3:
    print(r.get(timeout=60))
`

func TestCeleryRunsWhatPythonSends(t *testing.T) {
	t.Parallel()
	r := testenv.Redis(t)
	w := testenv.Celery(t, testenv.CeleryOptions{RedisURL: r.URL, Files: map[string]string{"celery_app.py": app}})
	if got := testenv.Python(t, producer, r.URL, "add", "2", "3"); got != "5\n" {
		t.Fatalf("got %q", got)
	}
	w.WaitLog(t, "adding 2 3")
	w.Stop(t)
	if !strings.Contains(w.Log(), "shutdown") {
		t.Fatalf("no warm shutdown:\n%s", w.Log())
	}
}

func TestCeleryPoolDiesWithItsWorker(t *testing.T) {
	t.Parallel()
	for name, kill := range map[string]func(*testenv.CeleryWorker){
		"killed":           (*testenv.CeleryWorker).Kill,
		"main killed only": func(w *testenv.CeleryWorker) { childproc.SignalPID(w.PID(), syscall.SIGKILL) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := testenv.Redis(t)
			w := testenv.Celery(t, testenv.CeleryOptions{RedisURL: r.URL, Files: map[string]string{"celery_app.py": app}})
			testenv.Python(t, producer, r.URL, "hang")
			line := w.WaitLog(t, "hanging in ")
			pid, err := strconv.Atoi(line[strings.LastIndexByte(line, ' ')+1:])
			must(t, err)
			kill(w)
			testenv.Eventually(t, 10*time.Second, func() error {
				if childproc.Running(pid) {
					return errStillThere
				}
				return nil
			})
		})
	}
}

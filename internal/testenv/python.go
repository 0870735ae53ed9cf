//go:build unix

package testenv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/embedded/childproc"
)

// Python runs a script with the python3 that has Celery and returns what it prints on standard output. script is a file's
// path if it ends in ".py", else the program itself; args become sys.argv[1:]. A script that fails, or takes more than two
// minutes, fails the test with what it said.
func Python(t testing.TB, script string, args ...string) string {
	t.Helper()
	return PythonEnv(t, nil, script, args...)
}

// PythonEnv is Python with variables ("NAME=value") added to the environment.
func PythonEnv(t testing.TB, env []string, script string, args ...string) string {
	t.Helper()
	how := []string{"-c", script}
	if strings.HasSuffix(script, ".py") {
		how = []string{script}
	}
	var out bytes.Buffer
	proc, err := childproc.Start(childproc.Config{
		Path: python(t), Args: slices.Concat(how, args), Env: slices.Concat(os.Environ(), env), Stdout: &out,
	})
	if err != nil {
		t.Fatal("testenv:", err)
	}
	limit := time.NewTimer(2 * time.Minute)
	defer limit.Stop()
	select {
	case <-proc.Done():
	case <-limit.C:
		proc.Kill()
		t.Fatalf("testenv: python takes more than two minutes, it said last:\n%s", proc.Tail())
	}
	if err := proc.Err(); err != nil {
		t.Fatalf("testenv: python: %v\n%s", err, proc.Tail())
	}
	return out.String()
}

// python is the interpreter that can import Celery: the system's own first, as another one may stand before it in PATH.
func python(t testing.TB) string {
	t.Helper()
	path, err := once("python", func() (string, func(context.Context) error, error) {
		path, err := findPython()
		return path, nil, err
	})
	if err != nil {
		t.Fatal("testenv:", err)
	}
	return path
}

func findPython() (string, error) {
	var errs []error
	for _, name := range []string{os.Getenv("TESTENV_PYTHON"), "/usr/bin/python3", "python3"} {
		if name == "" {
			continue
		}
		path, err := exec.LookPath(name)
		if err == nil {
			var out []byte
			if out, err = exec.Command(path, "-c", "import celery, redis").CombinedOutput(); err == nil {
				return path, nil
			}
			err = fmt.Errorf("%s: %w: %s", path, err, lastLine(out))
		}
		errs = append(errs, err)
	}
	return "", fmt.Errorf("no python3 with Celery: apt-get install celery python3-redis (or make test-deps), or name one in TESTENV_PYTHON\n%w", errors.Join(errs...))
}

func lastLine(b []byte) []byte {
	b = bytes.TrimSpace(b)
	return b[bytes.LastIndexByte(b, '\n')+1:]
}

func writeFiles(dir string, files map[string]string) error {
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

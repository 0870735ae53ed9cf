//go:build linux

package extract

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/docuvault/docuvault/adapters/extract/formats/formatstest"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// playOffice writes a document that says what it was given and what it can do, unless it is told to fail or hang.
func playOffice(args []string) int {
	act, pids := args[0], args[1]
	if err := os.WriteFile(pids, []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		return 1
	}
	switch act {
	case "fail":
		return 1
	case "nothing":
		return 0
	case "hang":
		time.Sleep(time.Hour)
	}
	in := args[len(args)-1]
	content, err := os.ReadFile(in)
	if err != nil {
		return 1
	}
	_, inet := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	_, local := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	var limit unix.Rlimit
	_ = unix.Getrlimit(unix.RLIMIT_AS, &limit)
	lines := []string{string(content), fmt.Sprintf("inet=%v unix=%t limited=%t", inet, local == nil, limit.Cur == 4<<30), strings.Join(os.Environ(), " ")}
	out := args[slices.Index(args, "--outdir")+1]
	to := args[slices.Index(args, "--convert-to")+1]
	return map[bool]int{false: 1, true: 0}[os.WriteFile(filepath.Join(out, "document."+to), formatstest.DOCX(formatstest.Paragraphs(lines...), nil), 0o600) == nil]
}

// soffice returns a program that acts so, and the file where it leaves its process id.
func soffice(t *testing.T, act string) (program, pids string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	program, pids = filepath.Join(dir, "soffice"), filepath.Join(dir, "pid")
	script := fmt.Sprintf("#!/bin/sh\nexec '%s' %s %s '%s' \"$@\"\n", self, fakeOffice, act, pids)
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return program, pids
}

const oldWord = "application/msword"

func TestOldFormatsNeedLibreOffice(t *testing.T) {
	t.Parallel()
	x := open(t, Config{CacheDir: programsOwn})
	for kind := range legacyTypes {
		_, err := x.Extract(t.Context(), source(kind, string(formatstest.OLE())))
		mustReason(t, err, ports.ReasonUnsupported)
		if message := domain.ErrorMessage(err); !strings.Contains(message, "LibreOffice") {
			t.Errorf("the message is %q and does not say what is missing", message)
		}
	}
}

func TestOldFormatsAreConvertedFirst(t *testing.T) {
	t.Setenv("DATABASE_URL", "postgres://secret")
	program, pids := soffice(t, "convert")
	x := open(t, Config{CacheDir: programsOwn, Soffice: program, RequireSandbox: true})
	got, err := x.Extract(t.Context(), source(oldWord, "an old letter"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(got.Text, "\n")
	if len(lines) != 3 || lines[0] != "an old letter" || lines[1] != "inet=address family not supported by protocol unix=true limited=true" {
		t.Fatalf("text is %q", got.Text)
	}
	if strings.Contains(lines[2], "DATABASE_URL") {
		t.Errorf("LibreOffice was given %s", lines[2])
	}
	mustBeCleared(t, lines[2])
	mustEnd(t, pids)
}

// mustBeCleared checks that the folder that was LibreOffice's home is gone.
func mustBeCleared(t *testing.T, environment string) {
	t.Helper()
	_, home, _ := strings.Cut(environment, "HOME=")
	home, _, _ = strings.Cut(home, " ")
	if _, err := os.Stat(home); home == "" || !os.IsNotExist(err) {
		t.Errorf("its folder %q is left behind: %v", home, err)
	}
}

func mustEnd(t *testing.T, pids string) {
	t.Helper()
	b, err := os.ReadFile(pids)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(string(b))
	if err != nil {
		t.Fatal(err)
	}
	mustDie(t, pid)
}

func TestLibreOfficeThatMisbehaves(t *testing.T) {
	t.Parallel()
	for act, reason := range map[string]string{"fail": ports.ReasonCrashed, "nothing": ports.ReasonCorrupt, "hang": ports.ReasonTimeout} {
		t.Run(act, func(t *testing.T) {
			t.Parallel()
			program, pids := soffice(t, act)
			cfg := Config{CacheDir: programsOwn, Soffice: program, Timeout: 30 * time.Second}
			if act == "hang" {
				cfg.Timeout = 2 * time.Second
			}
			x := open(t, cfg)
			_, err := x.Extract(t.Context(), source(oldWord, "x"))
			mustReason(t, err, reason)
			if act != "hang" {
				mustEnd(t, pids)
			}
		})
	}
	t.Run("absent", func(t *testing.T) {
		t.Parallel()
		x := open(t, Config{CacheDir: programsOwn, Soffice: filepath.Join(t.TempDir(), "absent")})
		if _, err := x.Extract(t.Context(), source(oldWord, "x")); domain.ErrorCode(err) != domain.Unavailable {
			t.Errorf("error is %v, want Unavailable", err)
		}
	})
	t.Run("canceled", func(t *testing.T) {
		t.Parallel()
		program, pids := soffice(t, "hang")
		x := open(t, Config{CacheDir: programsOwn, Soffice: program})
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
				if pid, err := os.ReadFile(pids); err == nil && len(pid) > 0 {
					break
				}
				<-time.After(10 * time.Millisecond)
			}
			cancel()
		}()
		if _, err := x.Extract(ctx, source(oldWord, "x")); domain.ErrorCode(err) != domain.Canceled {
			t.Errorf("error is %v, want Canceled", err)
		}
		mustEnd(t, pids)
	})
	t.Run("too large", func(t *testing.T) {
		t.Parallel()
		program, _ := soffice(t, "convert")
		x := open(t, Config{CacheDir: programsOwn, Soffice: program, MaxInput: 1000})
		_, err := x.Extract(t.Context(), source(oldWord, strings.Repeat("x", 1001)))
		mustReason(t, err, ports.ReasonTooComplex)
	})
}

